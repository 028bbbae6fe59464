/* One change of a counter, as it stands in the outbox and travels to Kafka (proto/tally/v1/event.proto). */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/trace/trace_context.h"

/* Of an entry of a Redis stream: "<ms>-<seq>". Later entries have greater ids. */
struct stream_id {
    uint64_t ms; /* Redis's clock when the entry was added, in milliseconds since 1970; never goes back */
    uint64_t seq;
};

/* Negative, 0 or positive: a comes before b, is b, comes after b. */
static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* Who asked for the change, if that is traced. */
struct event_trace {
    const uint8_t *trace_id; /* TRACE_ID_BYTES; NULL: it is not traced */
    const uint8_t *span_id;  /* TRACE_SPAN_ID_BYTES */
    struct text state;       /* tracestate; may be empty */
};

struct event {
    /* Where it stands: the entry of the partition's outbox, and the item's place in the batch that the entry holds. */
    unsigned partition;
    struct stream_id entry;
    unsigned place;
    struct text resource_id;
    struct text counter_type;
    struct text user_id; /* empty: none was given */
    int64_t delta;
    int64_t value;  /* after it; 0 if unknown */
    bool has_value; /* false: Redis added delta, and then refused to tell the sum */
    struct event_trace trace;
};

#endif
