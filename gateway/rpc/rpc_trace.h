/* What the spans of calls to counter-service have in common
 * (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). */
#ifndef TALLY_GATEWAY_RPC_RPC_TRACE_H
#define TALLY_GATEWAY_RPC_RPC_TRACE_H

#include "common/contract/status.h"
#include "common/trace/span.h"
#include "gateway/rpc/counter_rpc.h"

/* The span of a call that has ended, after so many attempts. */
struct span rpc_trace_span(enum counter_rpc rpc, enum status status, unsigned attempts);

#endif
