#include "counter-service/rpc/rpc_trace.h"

#include <string.h>

#include "common/contract/limits.h"

/* Empty, .data NULL, if it did not come, or more than once. */
static struct text metadata_of(const struct rpc_call *call, const char *name)
{
    struct text found = {0};
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *field = &call->metadata.metadata[i];
        if (grpc_slice_str_cmp(field->key, name) == 0) {
            if (found.data != NULL) {
                return (struct text){0};
            }
            found = (struct text){(const char *)GRPC_SLICE_START_PTR(field->value), GRPC_SLICE_LENGTH(field->value)};
        }
    }
    return found;
}

/* A gateway has chosen what is traced. */
static bool is_from_gateway(const struct rpc_call *call)
{
    const struct text agent = metadata_of(call, "user-agent");
    return agent.data != NULL && text_starts_with(agent, TEXT(GATEWAY_USER_AGENT));
}

void rpc_trace_begin(struct rpc_call *call)
{
    call->trace.step.context.is_sampled = false;
    if (!tracer_is_on() || !call->served->method->is_traced) {
        return;
    }
    const struct text parent = metadata_of(call, "traceparent");
    call->trace.step =
        is_from_gateway(call) ? tracer_continue(parent, call->arrived_us) : tracer_begin(parent, call->arrived_us);
    call->trace.state = (struct text){0};
    if (call->trace.step.has_remote_parent) {
        const struct text state = metadata_of(call, "tracestate");
        call->trace.state = trace_state_is_valid(state) ? state : (struct text){0};
    }
}

/* Those that are the server's fault. */
static bool is_failure(grpc_status_code code)
{
    return code == GRPC_STATUS_UNKNOWN || code == GRPC_STATUS_DEADLINE_EXCEEDED || code == GRPC_STATUS_UNIMPLEMENTED ||
           code == GRPC_STATUS_INTERNAL || code == GRPC_STATUS_UNAVAILABLE || code == GRPC_STATUS_DATA_LOSS;
}

struct span rpc_trace_span(const struct rpc_method *method, grpc_status_code code)
{
    const char *path = method->path + 1; /* "tally.v1.CounterService/Get" */
    struct span span = {.kind = SPAN_SERVER, .name = text_of(path), .has_failed = is_failure(code)};
    span_add_text(&span, "rpc.system", TEXT("grpc"));
    span_add_text(&span, "rpc.service", (struct text){path, strcspn(path, "/")});
    span_add_text(&span, "rpc.method", text_of(method->name));
    span_add_number(&span, "rpc.grpc.status_code", (int64_t)code);
    return span;
}

void rpc_trace_end(const struct rpc_call *call, grpc_status_code code, int64_t now_us)
{
    if (!call->trace.step.context.is_sampled) {
        return;
    }
    struct span span = rpc_trace_span(call->served->method, code);
    span.state = call->trace.state;
    if (span.has_failed && call->trailer_count > 0) {
        span.failure = (struct text){(const char *)GRPC_SLICE_START_PTR(call->code_message),
                                     GRPC_SLICE_LENGTH(call->code_message)};
    }
    tracer_end(&call->trace.step, &span, now_us);
}
