#include "gateway/admission.h"

#include "gateway/reply.h"

bool admission_check(struct request_state *state)
{
    struct loop_context *loop = state->loop;
    if (loop->is_draining) {
        reply_problem(state, STATUS_DRAINING, NULL);
        return false;
    }
    if (loop->pending >= loop->max_pending) {
        request_metrics_shed(&loop->metrics, SHED_MAX_PENDING);
        reply_problem(state, STATUS_SHED, NULL);
        return false;
    }
    return true;
}

void admission_out_of_memory(struct request_state *state)
{
    request_metrics_shed(&state->loop->metrics, SHED_OUT_OF_MEMORY);
    reply_problem(state, STATUS_SHED, "there is no memory for the request");
}

void admission_over_budget(struct request_state *state)
{
    request_metrics_shed(&state->loop->metrics, SHED_BODY_MEMORY);
    reply_problem(state, STATUS_SHED, "too many bytes of bodies are waiting");
}
