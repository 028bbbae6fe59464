/* Walks over the fields of a serialized protobuf message (https://protobuf.dev/programming-guides/encoding/). Reads,
 * copies nothing. */
#ifndef TALLY_COUNTER_SERVICE_REFLECTION_PROTO_WIRE_H
#define TALLY_COUNTER_SERVICE_REFLECTION_PROTO_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct proto_field {
    uint32_t number;
    bool has_bytes;    /* length-delimited: text, bytes or a message */
    struct text bytes; /* if has_bytes; points into the message */
};

/* Takes the next field off the front of *message. Returns 1, 0 at the end, -1 if the message is malformed. Groups are
 * malformed: proto3 has none. */
int proto_next_field(struct text *message, struct proto_field *ret_field);

#endif
