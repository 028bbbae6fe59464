#include "gateway/admission_line.h"

#include <assert.h>

#include "gateway/admission.h"
#include "gateway/reply.h"

static void append(struct loop_context *loop, struct request_state *state)
{
    state->is_in_line = true;
    state->next = NULL;
    state->previous = loop->line_last;
    if (loop->line_last != NULL) {
        loop->line_last->next = state;
    } else {
        loop->line_first = state;
    }
    loop->line_last = state;
}

static void leave(struct request_state *state)
{
    struct loop_context *loop = state->loop;
    assert(state->is_in_line);
    state->is_in_line = false;
    if (state->previous != NULL) {
        state->previous->next = state->next;
    } else {
        loop->line_first = state->next;
    }
    if (state->next != NULL) {
        state->next->previous = state->previous;
    } else {
        loop->line_last = state->previous;
    }
}

void admission_line_enter(struct request_state *state, void (*read)(struct request_state *state))
{
    struct loop_context *loop = state->loop;
    state->is_large = true;
    if (loop->is_draining) {
        reply_problem(state, STATUS_DRAINING, NULL);
    } else if (loop->line_first == NULL && admission_has_place_for_large(loop)) {
        read(state);
    } else {
        state->read = read;
        append(loop, state);
    }
}

void admission_line_abandon(struct request_state *state)
{
    struct http_request *request = state->request;
    leave(state);
    request_state_end(state);
    http_request_release(request);
}

int64_t admission_line_turn(struct loop_context *loop, int64_t now_us)
{
    const int64_t too_late_us = batcher_too_late_us(loop->batcher, now_us);
    while (loop->line_first != NULL) {
        struct request_state *first = loop->line_first;
        if (request_state_deadline_us(first) <= too_late_us) {
            leave(first);
            admission_not_in_time(first);
        } else if (admission_has_place_for_large(loop)) {
            leave(first);
            first->read(first);
        } else {
            return request_state_deadline_us(first);
        }
    }
    return INT64_MAX;
}

void admission_line_abort(struct loop_context *loop)
{
    while (loop->line_first != NULL) {
        struct request_state *first = loop->line_first;
        leave(first);
        reply_problem(first, STATUS_DRAINING, NULL);
    }
}
