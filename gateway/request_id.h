/* X-Request-Id: the caller's own, or a new one. Each event loop owns a generator; loop thread only. */
#ifndef TALLY_GATEWAY_REQUEST_ID_H
#define TALLY_GATEWAY_REQUEST_ID_H

#include <stdint.h>

#include "common/text.h"

enum { REQUEST_ID_SIZE = 129 }; /* 128 bytes and a NUL */

struct request_ids {
    uint64_t state;
};

/* Starts somewhere random. */
void request_ids_init(struct request_ids *ids);

/* Writes the id of an answer, NUL-terminated: `given` if it is 1-128 visible ASCII, else 16 new hexadecimal digits. */
void request_id_write(struct request_ids *ids, struct text given, char out[REQUEST_ID_SIZE]);

#endif
