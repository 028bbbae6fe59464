#include "gateway/http/lone_call.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "common/contract/grpc_message.h"
#include "gateway/http/admission.h"
#include "gateway/http/reply.h"
#include "gateway/rpc/rpc_trace.h"

enum { REFUSAL_LEN_MAX = 2048 };

/* The call is over, or given up. */
static void end_wait(struct request_state *state)
{
    assert(state->lone_call.call != NULL);
    state->lone_call.call = NULL;
    request_wait_end(state);
    admission_leave(state);
}

/* What the service said of a request that it refuses, as a sentence: what is wrong with it is for the client to know.
 * NULL: nothing that can be told. */
static const char *refusal_said(struct request_state *state, enum status status)
{
    if (status != STATUS_INVALID_ARGUMENT && status != STATUS_NO_SUCH_RANKING) {
        return NULL;
    }
    const struct text said = client_call_said(state->lone_call.call);
    if (said.len == 0 || said.len > REFUSAL_LEN_MAX || !utf8_is_valid(said)) {
        return NULL;
    }
    return operation_list_sentence(&state->operations, "%.*s", (int)said.len, said.data);
}

/* The wait is over: for those that wait for it, and for itself. */
static void answer(struct request_state *state, enum status status, const char *detail)
{
    const struct lone_call_kind *kind = state->lone_call.kind;
    if (kind->end != NULL) {
        kind->end(state, status, detail);
    }
    if (state->is_abandoned) {
        request_state_release(state);
    } else if (status == STATUS_OK) {
        reply_json(state, 200);
    } else {
        reply_problem(state, status, detail);
    }
}

static void end_step(const struct request_state *state, enum status status)
{
    if (state->lone_call.step.context.is_sampled) {
        struct span span =
            rpc_trace_span(state->lone_call.kind->rpc, status, client_call_attempts(state->lone_call.call));
        span.state = state->trace.state;
        tracer_end(&state->lone_call.step, &span, clock_monotonic_us());
    }
}

static void on_done(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct request_state *state = ctx;
    struct arena *arena = &state->loop->arena;
    const struct lone_call_kind *kind = state->lone_call.kind;
    const char *said = refusal_said(state, status);
    end_step(state, status);
    end_wait(state);
    if (status == STATUS_OK) {
        const ProtobufCMessage *response = grpc_message_unpack(kind->response, reply, arena);
        /* NULL: no answer of a counter-service, or out of memory. */
        status = response != NULL ? kind->write(state, response) : STATUS_UNIMPLEMENTED;
    }
    answer(state, status, said);
    arena_reset(arena);
}

static void on_abort(struct request_state *state)
{
    end_step(state, STATUS_DRAINING);
    client_call_abandon(state->lone_call.call);
    end_wait(state);
    answer(state, STATUS_DRAINING, NULL);
}

static void on_abandon(struct request_state *state)
{
    state->is_abandoned = true;
    if (state->cached.waiters.first == NULL) {
        on_abort(state);
    }
}

static const struct request_wait_kind lone_call_wait = {on_abandon, on_abort};

static struct client_call *start_call(struct request_state *state, enum counter_rpc rpc,
                                      const ProtobufCMessage *message)
{
    const int64_t now_us = clock_monotonic_us();
    struct trace_step *step = &state->lone_call.step;
    *step = tracer_begin_child(&state->trace.step, now_us);
    const struct client_call_options options = {
        .rpc = rpc,
        .deadline_us = request_state_deadline_us(state),
        .trace = step->context.is_sampled ? &step->context : NULL,
        .on_done = on_done,
        .ctx = state,
    };
    grpc_byte_buffer *packed = grpc_message_pack(message);
    return packed == NULL ? NULL : client_call_start(state->loop->client, &options, packed, now_us);
}

bool lone_call_start(struct request_state *state, const struct lone_call_kind *kind, const ProtobufCMessage *message)
{
    assert(state->lone_call.call == NULL);
    if (!admission_check(state, 1)) {
        return false;
    }
    struct client_call *call = start_call(state, kind->rpc, message);
    if (call == NULL) {
        admission_out_of_memory(state);
        return false;
    }
    state->lone_call.kind = kind;
    state->lone_call.call = call;
    state->is_submitted = true;
    admission_enter(state, 1);
    request_wait_begin(state, &lone_call_wait, &state->loop->lone_calls);
    return true;
}
