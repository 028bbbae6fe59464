#include "gateway/request_state.h"

struct request_state *request_state_begin(struct loop_context *loop, struct http_request *request)
{
    struct request_state *state = request->state;
    if (state->loop == NULL) {
        state->loop = loop;
        operation_list_init(&state->operations);
    }
    state->request = request;
    state->match = (struct route_match){0};
    state->response = (struct http_response){0};
    state->refused = 0;
    state->pending = 0;
    state->is_submitted = false;
    state->is_abandoned = false;
    state->is_cacheable = false;
    state->is_large = false;
    state->is_in_line = false;
    return state;
}

void request_state_end(struct request_state *state)
{
    operation_list_clear(&state->operations);
    state->request = NULL;
}

void request_state_done(struct request_state *state)
{
    if (state->loop != NULL) {
        operation_list_done(&state->operations);
    }
}
