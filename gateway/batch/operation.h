/* One increment or one read that an HTTP request asks for: made by counter_json from a body or by handle_get from a
 * path, carried by the batcher, answered by counter_handlers. (handle_list and ranking_handlers make one too, for what
 * the path names: they travel by a call of their own.) Owned by its request; loop thread only. */
#ifndef TALLY_GATEWAY_BATCH_OPERATION_H
#define TALLY_GATEWAY_BATCH_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/contract/status.h"

/* Which RPC carries it. */
enum batch_kind { BATCH_INCREMENT, BATCH_GET, BATCH_KINDS };

struct operation {
    /* The texts point into the request's body or path buffer. */
    struct text resource_id;
    struct text counter_type;
    struct text user_id;         /* increments; may be empty */
    struct text idempotency_key; /* increments; empty for none */
    int64_t delta;               /* increments; not 0 */
    /* Result. An operation that is `done` when its request is submitted broke a rule and is not sent. */
    enum status status;
    bool replayed;
    bool done; /* the result stands */
    int64_t value;
    int64_t asked_us;   /* with a value: when the RPC that brought it was sent, of clock_boottime_us */
    const char *detail; /* static sentence: the field and the rule it broke; NULL: the status's title will do */
};

#endif
