#include "gateway/admission.h"

#include "gateway/reply.h"

bool admission_check(struct request_state *state)
{
    struct request_context *context = state->context;
    if (context->is_draining) {
        reply_problem(state, STATUS_DRAINING, NULL);
        return false;
    }
    if (context->pending >= context->max_pending) {
        request_metrics_shed(&context->metrics, SHED_MAX_PENDING);
        reply_problem(state, STATUS_SHED, NULL);
        return false;
    }
    return true;
}

void admission_out_of_memory(struct request_state *state)
{
    request_metrics_shed(&state->context->metrics, SHED_OUT_OF_MEMORY);
    reply_problem(state, STATUS_SHED, "there is no memory for the request");
}
