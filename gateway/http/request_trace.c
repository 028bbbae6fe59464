#include "gateway/http/request_trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "gateway/http/request_fields.h"
#include "gateway/http/request_state.h"

enum { NAME_SIZE = 128, STATUS_SIZE = 16, PATH_SHOWN_MAX = 256 };

/* The conventions' word for all others is not that of the metrics. */
static const char *method_name(enum http_method method)
{
    return method == HTTP_OTHER_METHOD ? "_OTHER" : http_method_name(method);
}

/* A copy of all its fields together; empty if it is none, or without memory. */
static struct text copy_state(const struct http_request *request)
{
    struct buffer whole;
    buffer_init(&whole);
    if (request->fields[FIELD_TRACESTATE].count > 0) {
        http_request_whole_field(request, "tracestate", &whole);
    }
    if (whole.failed || !trace_state_is_valid((struct text){whole.data, whole.len})) {
        buffer_done(&whole);
        return (struct text){0};
    }
    return (struct text){whole.data, whole.len};
}

void request_trace_begin(struct request_state *state)
{
    const struct http_request *request = state->request;
    struct request_trace *trace = &state->trace;
    const struct http_field *parent = &request->fields[FIELD_TRACEPARENT];
    trace->step =
        tracer_begin(parent->count == 1 ? parent->value : (struct text){0}, request->complete_us - request->held_us);
    if (trace->step.has_remote_parent) {
        trace->state = copy_state(request);
    }
}

/* "POST /api/v1/counter/increment"; of a request without a route the method alone. */
static struct text name_of(const struct request_state *state, char name[NAME_SIZE])
{
    const char *method = method_name(state->request->method);
    const int len = state->match.route != NULL ? snprintf(name, NAME_SIZE, "%s %s", method, state->match.route->pattern)
                                               : snprintf(name, NAME_SIZE, "%s", method);
    return (struct text){name, (size_t)len < NAME_SIZE ? (size_t)len : NAME_SIZE - 1};
}

/* The path as it was sent may be anything: only what is sure to be text is shown. */
static struct text shown_path(struct text path)
{
    size_t len = 0;
    while (len < path.len && len < PATH_SHOWN_MAX && path.data[len] > ' ' && path.data[len] <= '~') {
        len++;
    }
    return (struct text){path.data, len};
}

void request_trace_end(struct request_state *state, int http_status)
{
    struct request_trace *trace = &state->trace;
    char name[NAME_SIZE];
    char status[STATUS_SIZE];
    if (!trace->step.context.is_sampled) {
        return;
    }
    struct span span = {.kind = SPAN_SERVER, .state = trace->state, .name = name_of(state, name)};
    span_add_text(&span, "http.request.method", text_of(method_name(state->request->method)));
    if (state->match.route != NULL) {
        span_add_text(&span, "http.route", text_of(state->match.route->pattern));
    }
    if (http_status > 0) { /* otherwise the path is gone with its client */
        span_add_text(&span, "url.path", shown_path(state->request->path));
        span_add_number(&span, "http.response.status_code", http_status);
    }
    span_add_text(&span, "url.scheme", TEXT("http"));
    if (http_status == 0) {
        span.has_failed = true;
        span.failure = TEXT("the client is gone");
        span_add_text(&span, "error.type", TEXT("client_gone"));
    } else if (http_status >= 500) {
        snprintf(status, sizeof(status), "%d", http_status);
        span.has_failed = true;
        span_add_text(&span, "error.type", text_of(status));
    }
    if (state->operations.count > 0) {
        span_add_number(&span, "tally.items", (int64_t)state->operations.count);
    }
    tracer_end(&trace->step, &span, clock_monotonic_us());
    free((char *)(uintptr_t)trace->state.data);
    *trace = (struct request_trace){0};
}
