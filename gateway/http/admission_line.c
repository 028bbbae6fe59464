#include "gateway/http/admission_line.h"

#include "gateway/http/admission.h"
#include "gateway/http/reply.h"

static void on_abandon(struct request_state *state)
{
    request_wait_end(state);
    request_state_release(state);
}

static void on_abort(struct request_state *state)
{
    request_wait_end(state);
    reply_problem(state, STATUS_DRAINING, NULL);
}

static const struct request_wait_kind unread_wait = {on_abandon, on_abort};

void admission_line_enter(struct request_state *state, void (*read)(struct request_state *state))
{
    struct loop_context *loop = state->loop;
    state->is_large = true;
    if (loop->is_draining) {
        reply_problem(state, STATUS_DRAINING, NULL);
    } else if (loop->line.first == NULL && admission_has_place_for_large(loop)) {
        read(state);
    } else {
        state->read = read;
        request_wait_begin(state, &unread_wait, &loop->line);
    }
}

int64_t admission_line_turn(struct loop_context *loop, int64_t now_us)
{
    const int64_t too_late_us = batcher_too_late_us(loop->batcher, now_us);
    for (struct request_state *first; (first = request_wait_first(&loop->line)) != NULL;) {
        if (request_state_deadline_us(first) <= too_late_us) {
            request_wait_end(first);
            admission_not_in_time(first);
        } else if (admission_has_place_for_large(loop)) {
            request_wait_end(first);
            first->read(first);
        } else {
            return request_state_deadline_us(first);
        }
    }
    return INT64_MAX;
}
