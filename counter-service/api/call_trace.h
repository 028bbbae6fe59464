/* The spans of a call of tally.v1.CounterService: of the call as a whole, whose own is rpc_trace's, and of each item of
 * a batch that has a trace of its own:
 *
 *     tally.v1.CounterService/SessionIncrement ─┬─ store wait
 *                                               └─ EVALSHA
 *
 * Owned by who has the call. */
#ifndef TALLY_COUNTER_SERVICE_API_CALL_TRACE_H
#define TALLY_COUNTER_SERVICE_API_CALL_TRACE_H

#include "counter-service/api/counter_request.h"
#include "counter-service/rpc/rpc_call.h"

struct call_trace {
    struct item_trace whole; /* not traced: all zero */
};

/* The request was read: tells its events which traces they are of. trace lives as long as the call. */
void call_trace_begin(struct call_trace *trace, const struct rpc_call *rpc_call, struct counter_request *request);
/* The store has answered, or has refused the call with its status: hands the spans on. Before the call is answered. */
void call_trace_end(const struct call_trace *trace, const struct rpc_call *rpc_call,
                    const struct counter_request *request);

#endif
