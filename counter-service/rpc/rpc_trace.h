/* The span of a call that has arrived (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_TRACE_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_TRACE_H

#include <grpc/grpc.h>

#include "common/trace/tracer.h"
#include "counter-service/rpc/rpc_call.h"

/* Sets call->trace, by the call's metadata. */
void rpc_trace_begin(struct rpc_call *call);
/* The call is answered. Does nothing if it is not traced. */
void rpc_trace_end(const struct rpc_call *call, grpc_status_code code, int64_t now_us);

/* What the span of a call, or of one item of it, that ends so says. */
struct span rpc_trace_span(const struct rpc_method *method, grpc_status_code code);

#endif
