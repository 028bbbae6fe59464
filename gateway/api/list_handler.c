#include "gateway/api/list_handler.h"

#include "common/contract/counter_rules.h"
#include "common/contract/grpc_message.h"
#include "gateway/api/path_parameters.h"
#include "gateway/http/admission.h"
#include "gateway/http/lone_call.h"
#include "gateway/http/reply.h"
#include "gateway/json/counter_json_write.h"
#include "tally/v1/counter.pb-c.h"

static enum status write_list(struct request_state *state, const ProtobufCMessage *response)
{
    const Tally__V1__ListCountersResponse *list = (const Tally__V1__ListCountersResponse *)response;
    struct buffer *out = &state->request->reply;
    counter_json_begin_list(out, state->operations.items[0].resource_id);
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

static const struct lone_call_kind listing = {
    COUNTER_RPC_LIST_COUNTERS,
    &tally__v1__list_counters_response__descriptor,
    write_list,
    NULL,
};

void handle_list(struct request_state *state)
{
    struct operation *listed = operation_list_add(&state->operations);
    if (listed == NULL) {
        admission_out_of_memory(state);
        return;
    }
    const char *broken = path_resource_id(state, 0, &listed->resource_id);
    if (broken != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, broken);
        return;
    }
    Tally__V1__ListCountersRequest request = TALLY__V1__LIST_COUNTERS_REQUEST__INIT;
    request.resource_id = grpc_message_bytes(listed->resource_id);
    (void)lone_call_start(state, &listing, &request.base);
}
