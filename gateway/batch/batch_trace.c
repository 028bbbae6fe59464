#include "gateway/batch/batch_trace.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/batch/batcher.h"
#include "gateway/rpc/rpc_trace.h"

enum { NAME_SIZE = 80 };

/* Whether entries[index] is the first item of a traced request. */
static bool is_first(const struct entry *entries, size_t index)
{
    const struct submission *submission = entries[index].submission;
    return submission->trace != NULL && (index == 0 || entries[index - 1].submission != submission);
}

struct room {
    size_t requests;
    size_t state_bytes;
};

static struct room room_for(const struct entry *entries, size_t count)
{
    struct room room = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_first(entries, i)) {
            room.requests++;
            room.state_bytes += entries[i].submission->trace_state.len;
        }
    }
    return room;
}

static void begin_request(struct traced_request *request, const struct submission *submission, char *state,
                          int64_t now_us)
{
    request->wait = tracer_begin_child(submission->trace, submission->waits_since_us);
    request->call = tracer_begin_child(submission->trace, now_us);
    trace_context_write(&request->call.context, request->traceparent);
    request->state = (struct text){state, submission->trace_state.len};
    if (request->state.len > 0) {
        memcpy(state, submission->trace_state.data, request->state.len);
    }
}

struct batch_trace *batch_trace_create(const struct entry *entries, size_t count, int64_t now_us)
{
    const struct room room = room_for(entries, count);
    if (room.requests == 0) {
        return NULL;
    }
    struct batch_trace *trace = malloc(sizeof(*trace) + room.requests * sizeof(*trace->requests) + room.state_bytes);
    if (trace == NULL) {
        return NULL;
    }
    struct traced_request *requests = (struct traced_request *)(trace + 1);
    char *state = (char *)(requests + room.requests);
    *trace = (struct batch_trace){.step = tracer_begin_root(now_us), .item_count = count, .requests = requests};
    for (size_t i = 0; i < count; i++) {
        if (is_first(entries, i)) {
            struct traced_request *request = &requests[trace->request_count++];
            *request = (struct traced_request){.item_count = 0};
            begin_request(request, entries[i].submission, state, now_us);
            state += request->state.len;
        }
        if (entries[i].submission->trace != NULL) {
            requests[trace->request_count - 1].item_count++;
        }
    }
    assert(trace->request_count == room.requests);
    return trace;
}

const struct traced_request *batch_trace_of(const struct batch_trace *trace, const struct entry *entries, size_t index,
                                            size_t *cursor)
{
    return trace != NULL && is_first(entries, index) ? &trace->requests[(*cursor)++] : NULL;
}

static struct span_link link_to(const struct trace_step *step)
{
    struct span_link link;
    memcpy(link.trace_id, step->context.trace_id, sizeof(link.trace_id));
    memcpy(link.span_id, step->context.span_id, sizeof(link.span_id));
    return link;
}

static void end_request(const struct batch_trace *trace, const struct traced_request *request, struct span call,
                        int64_t now_us)
{
    const struct span_link link = link_to(&trace->step);
    struct span wait = {.kind = SPAN_INTERNAL, .name = TEXT("queue wait"), .state = request->state};
    tracer_end(&request->wait, &wait, request->call.start_us);
    call.state = request->state;
    call.links = &link;
    call.link_count = 1;
    span_add_number(&call, "tally.items", (int64_t)request->item_count);
    tracer_end(&request->call, &call, now_us);
}

static void end_batch(const struct batch_trace *trace, struct span span, int64_t now_us)
{
    char name[NAME_SIZE];
    assert(trace->request_count > 0);
    struct span_link *links = malloc(trace->request_count * sizeof(*links));
    for (size_t i = 0; links != NULL && i < trace->request_count; i++) {
        links[i] = link_to(&trace->requests[i].call);
    }
    const int len = snprintf(name, sizeof(name), "batch %.*s", (int)span.name.len, span.name.data);
    span.name = (struct text){name, (size_t)len};
    span.links = links;
    span.link_count = links != NULL ? trace->request_count : 0;
    span_add_number(&span, "tally.items", (int64_t)trace->item_count);
    tracer_end(&trace->step, &span, now_us);
    free(links);
}

void batch_trace_end(const struct batch_trace *trace, enum counter_rpc rpc, enum status status, unsigned attempts,
                     int64_t now_us)
{
    if (trace == NULL) {
        return;
    }
    const struct span span = rpc_trace_span(rpc, status, attempts);
    for (size_t i = 0; i < trace->request_count; i++) {
        end_request(trace, &trace->requests[i], span, now_us);
    }
    end_batch(trace, span, now_us);
}

void batch_trace_free(struct batch_trace *trace)
{
    free(trace);
}
