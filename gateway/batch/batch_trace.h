/* The traced requests among those that a batch carries. When its call is over each of them has two spans, and the batch
 * has one, in a trace of its own:
 *
 *     trace of a request    POST ... ─┬─ queue wait
 *                                     └─ SessionIncrement ── counter-service's spans of this item
 *                                              │  │ (links)
 *     trace of the batch    batch SessionIncrement ── counter-service's spans of the call
 *
 * BATCH_TRACES_MAX requests at most. Owned by the batch; loop thread only. */
#ifndef TALLY_GATEWAY_BATCH_BATCH_TRACE_H
#define TALLY_GATEWAY_BATCH_BATCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "common/trace/tracer.h"
#include "gateway/batch/entry.h"
#include "gateway/rpc/counter_rpc.h"

struct traced_request {
    struct trace_step wait;
    struct trace_step call;
    char traceparent[TRACE_PARENT_LEN]; /* of call */
    struct text state;                  /* the trace's copy */
    size_t item_count;
};

struct batch_trace {
    struct trace_step step;
    size_t item_count;
    size_t request_count;
    struct traced_request *requests;
};

/* entries: what the batch carries; the items of one request are side by side. NULL: none is traced, or out of memory.
 */
struct batch_trace *batch_trace_create(const struct entry *entries, size_t count, int64_t now_us) MUST_CHECK;
/* The traced request that entries[index] is the first item of; NULL: it is none. *cursor: 0 before the first
 * entry; the function's own. trace may be NULL. */
const struct traced_request *batch_trace_of(const struct batch_trace *trace, const struct entry *entries, size_t index,
                                            size_t *cursor);
/* The call is over: hands the spans on. trace may be NULL. */
void batch_trace_end(const struct batch_trace *trace, enum counter_rpc rpc, enum status status, unsigned attempts,
                     int64_t now_us);
/* NULL is fine. */
void batch_trace_free(struct batch_trace *trace);

#endif
