#include "gateway/http/request_state.h"

#include <assert.h>

struct request_state *request_state_begin(struct loop_context *loop, struct http_request *request)
{
    struct request_state *state = request->state;
    if (state->loop == NULL) {
        state->loop = loop;
        operation_list_init(&state->operations);
    }
    assert(state->request == NULL && state->wait.kind == NULL && state->pending == 0);
    assert(state->cached.entry == NULL);
    state->request = request;
    state->match = (struct route_match){0};
    state->response = (struct http_response){0};
    state->refused = 0;
    state->is_submitted = false;
    state->is_abandoned = false;
    state->is_cacheable = false;
    state->freshness = (struct freshness){0};
    state->is_large = false;
    state->cached.is_alone = false;
    return state;
}

void request_state_end(struct request_state *state)
{
    assert(state->request != NULL && state->wait.kind == NULL && state->pending == 0);
    assert(state->cached.entry == NULL && state->cached.waiters.first == NULL);
    request_trace_end(state, 0);
    operation_list_clear(&state->operations);
    state->request = NULL;
}

void request_state_release(struct request_state *state)
{
    struct http_request *request = state->request;
    request_state_end(state);
    http_request_release(request);
}

void request_state_done(void *loop_context, void *request_state)
{
    struct request_state *state = request_state;
    (void)loop_context;
    if (state->loop != NULL) {
        operation_list_done(&state->operations);
    }
}
