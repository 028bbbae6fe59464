#include "gateway/http/admission.h"

#include <assert.h>

#include "gateway/http/reply.h"

enum { RESERVED_PART = 8 };

static bool refuse_if_draining(struct request_state *state)
{
    if (!state->loop->is_draining) {
        return true;
    }
    reply_problem(state, STATUS_DRAINING, NULL);
    return false;
}

size_t admission_max_pending_large(size_t max_pending, size_t window)
{
    const size_t max = max_pending - max_pending / RESERVED_PART;
    return max < 2 * window ? max : 2 * window;
}

bool admission_has_place_for_large(const struct loop_context *loop)
{
    return loop->pending_large < loop->max_pending_large;
}

bool admission_check(struct request_state *state, size_t operations)
{
    const struct loop_context *loop = state->loop;
    assert(operations > 0);
    if (!refuse_if_draining(state)) {
        return false;
    }
    const bool fits = loop->pending == 0 || loop->pending + operations <= loop->max_pending;
    if (!fits) {
        request_metrics_shed(&state->loop->metrics, SHED_MAX_PENDING);
        reply_problem(state, STATUS_SHED, NULL);
    }
    return fits;
}

void admission_out_of_memory(struct request_state *state)
{
    request_metrics_shed(&state->loop->metrics, SHED_OUT_OF_MEMORY);
    reply_problem(state, STATUS_OUT_OF_MEMORY, NULL);
}

void admission_enter(struct request_state *state, size_t operations)
{
    assert(operations > 0 && state->pending == 0);
    state->pending = operations;
    state->loop->pending += operations;
    if (state->is_large) {
        state->loop->pending_large += operations;
    }
}

/* Some operations of a large request may have been sent in time and others not: the request is counted once. */
static bool was_not_sent_in_time(const struct request_state *state)
{
    for (size_t i = 0; i < state->operations.count; i++) {
        if (state->operations.items[i].status == STATUS_NOT_SENT_IN_TIME) {
            return true;
        }
    }
    return false;
}

void admission_leave(struct request_state *state)
{
    assert(state->pending > 0 && state->loop->pending >= state->pending);
    state->loop->pending -= state->pending;
    if (state->is_large) {
        assert(state->loop->pending_large >= state->pending);
        state->loop->pending_large -= state->pending;
    }
    state->pending = 0;
    if (was_not_sent_in_time(state)) {
        request_metrics_shed(&state->loop->metrics, SHED_NOT_IN_TIME);
    }
}

void admission_not_in_time(struct request_state *state)
{
    request_metrics_shed(&state->loop->metrics, SHED_NOT_IN_TIME);
    reply_problem(state, STATUS_NOT_SENT_IN_TIME, NULL);
}

void admission_over_budget(struct request_state *state)
{
    request_metrics_shed(&state->loop->metrics, SHED_BODY_MEMORY);
    reply_problem(state, STATUS_SHED, "too many bytes of bodies are waiting");
}
