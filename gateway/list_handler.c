#include "gateway/list_handler.h"

#include "common/clock.h"
#include "common/counter_rules.h"
#include "common/grpc_message.h"
#include "gateway/admission.h"
#include "gateway/counter_json_write.h"
#include "gateway/path_parameters.h"
#include "gateway/reply.h"
#include "tally/v1/counter.pb-c.h"

static void link_listing(struct request_state *state, struct client_call *call)
{
    struct loop_context *loop = state->loop;
    state->call = call;
    state->is_submitted = true;
    state->previous = NULL;
    state->next = loop->listings;
    if (state->next != NULL) {
        state->next->previous = state;
    }
    loop->listings = state;
    admission_enter(state, 1);
}

static void unlink_listing(struct request_state *state)
{
    struct loop_context *loop = state->loop;
    if (state->previous != NULL) {
        state->previous->next = state->next;
    } else {
        loop->listings = state->next;
    }
    if (state->next != NULL) {
        state->next->previous = state->previous;
    }
    state->call = NULL;
    admission_leave(state);
}

static enum status write_list(struct buffer *out, struct text resource_id, const Tally__V1__ListCountersResponse *list)
{
    counter_json_begin_list(out, resource_id);
    for (size_t i = 0; i < list->n_counters; i++) {
        const Tally__V1__Counter *counter = list->counters[i];
        const struct text counter_type = grpc_message_text(counter->counter_type);
        if (counter_rules_counter_type(counter_type) != NULL) {
            return STATUS_DATA_DAMAGED;
        }
        counter_json_add_to_list(out, counter_type, counter->value, i == 0);
    }
    counter_json_end_list(out);
    return STATUS_OK;
}

static void answer_list(struct request_state *state, grpc_byte_buffer *reply, struct arena *arena)
{
    const ProtobufCMessage *list = grpc_message_unpack(&tally__v1__list_counters_response__descriptor, reply, arena);
    enum status status = STATUS_UNIMPLEMENTED; /* not what a counter-service answers */
    if (list != NULL) {
        status = write_list(&state->request->reply, state->operations.items[0].resource_id,
                            (const Tally__V1__ListCountersResponse *)list);
    }
    if (status == STATUS_OK) {
        reply_json(state, 200);
    } else {
        reply_problem(state, status, NULL);
    }
}

static void on_listed(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct request_state *state = ctx;
    struct arena *arena = &state->loop->arena;
    unlink_listing(state);
    if (status != STATUS_OK) {
        reply_problem(state, status, NULL);
        return;
    }
    answer_list(state, reply, arena);
    arena_reset(arena);
}

static struct client_call *start_call(struct request_state *state, struct text resource_id)
{
    Tally__V1__ListCountersRequest request = TALLY__V1__LIST_COUNTERS_REQUEST__INIT;
    request.resource_id = grpc_message_bytes(resource_id);
    grpc_byte_buffer *message = grpc_message_pack(&request.base);
    if (message == NULL) {
        return NULL;
    }
    return client_call_start(state->loop->client, COUNTER_RPC_LIST_COUNTERS, message, clock_monotonic_us(),
                             request_state_deadline_us(state), on_listed, state);
}

void handle_list(struct request_state *state)
{
    struct operation *listed = operation_list_add(&state->operations);
    if (listed == NULL) {
        admission_out_of_memory(state);
        return;
    }
    const char *broken = path_resource_id(state, &listed->resource_id);
    if (broken != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, broken);
        return;
    }
    if (!admission_check(state, 1)) {
        return;
    }
    struct client_call *call = start_call(state, listed->resource_id);
    if (call == NULL) {
        admission_out_of_memory(state);
        return;
    }
    link_listing(state, call);
}

void list_handler_abandon(struct request_state *state)
{
    struct http_request *request = state->request;
    client_call_abandon(state->call);
    unlink_listing(state);
    request_state_end(state);
    http_request_release(request);
}

void list_handler_abort(struct loop_context *loop)
{
    while (loop->listings != NULL) {
        struct request_state *state = loop->listings;
        client_call_abandon(state->call);
        unlink_listing(state);
        reply_problem(state, STATUS_DRAINING, NULL);
    }
}
