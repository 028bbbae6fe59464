/* The span of an HTTP request (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span): from the
 * complete request to its answer, as tally_http_request_duration_seconds has it. Loop thread only. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_TRACE_H
#define TALLY_GATEWAY_HTTP_REQUEST_TRACE_H

#include "common/base/text.h"
#include "common/trace/tracer.h"

struct request_state;

struct request_trace {
    struct trace_step step;
    struct text state; /* tracestate; heap, since it outlives the header. Empty: there is none */
};

/* Traced or not, as its traceparent says. */
void request_trace_begin(struct request_state *state);
/* The request is answered so, or its client is gone (0). Does nothing if it is not traced, or was ended. */
void request_trace_end(struct request_state *state, int http_status);

/* NULL: the request is not traced. */
static inline const struct trace_step *request_trace_step(const struct request_trace *trace)
{
    return trace->step.context.is_sampled ? &trace->step : NULL;
}

#endif
