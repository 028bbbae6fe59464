#include "gateway/rpc/rpc_trace.h"

#define SERVICE "tally.v1.CounterService"

static const struct {
    const char *span;
    const char *method;
} names[COUNTER_RPCS] = {
#define NAMES(symbol, name) [COUNTER_RPC_##symbol] = {SERVICE "/" name, name},
    COUNTER_RPC_TABLE(NAMES)
#undef NAMES
};

struct span rpc_trace_span(enum counter_rpc rpc, enum status status, unsigned attempts)
{
    struct span span = {.kind = SPAN_CLIENT, .name = text_of(names[rpc].span), .has_failed = status != STATUS_OK};
    if (span.has_failed) {
        span.failure = text_of(status_title(status));
    }
    span_add_text(&span, "rpc.system", TEXT("grpc"));
    span_add_text(&span, "rpc.service", TEXT(SERVICE));
    span_add_text(&span, "rpc.method", text_of(names[rpc].method));
    span_add_number(&span, "rpc.grpc.status_code", status_grpc_code(status));
    span_add_number(&span, "tally.attempts", attempts);
    return span;
}
