#include "gateway/batch/batch_message.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "gateway/batch/session.h"
#include "gateway/rpc/rpc_status.h"
#include "tally/v1/counter.pb-c.h"

/* Only the items of one kind are used at a time. */
struct batch_message {
    struct arena arena; /* of the reply read last */
    size_t count;
    Tally__V1__IncrementRequest increments[BATCH_ITEMS_MAX];
    Tally__V1__IncrementRequest *increment_pointers[BATCH_ITEMS_MAX];
    Tally__V1__GetRequest gets[BATCH_ITEMS_MAX];
    Tally__V1__GetRequest *get_pointers[BATCH_ITEMS_MAX];
    Tally__V1__TraceContext traces[BATCH_ITEMS_MAX]; /* of those that have one */
    Tally__V1__BatchIncrementResponse *increment_reply;
    Tally__V1__BatchGetResponse *get_reply;
};

struct batch_message *batch_message_create(void)
{
    struct batch_message *message = calloc(1, sizeof(*message));
    if (message == NULL) {
        return NULL;
    }
    arena_init(&message->arena);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        tally__v1__increment_request__init(&message->increments[i]);
        message->increment_pointers[i] = &message->increments[i];
        tally__v1__get_request__init(&message->gets[i]);
        message->get_pointers[i] = &message->gets[i];
        tally__v1__trace_context__init(&message->traces[i]);
    }
    return message;
}

void batch_message_free(struct batch_message *message)
{
    if (message == NULL) {
        return;
    }
    arena_done(&message->arena);
    free(message);
}

void batch_message_clear(struct batch_message *message)
{
    message->count = 0;
}

static Tally__V1__TraceContext *put_trace(Tally__V1__TraceContext *context, const struct traced_request *trace)
{
    context->traceparent = grpc_message_bytes((struct text){trace->traceparent, sizeof(trace->traceparent)});
    context->tracestate = grpc_message_bytes(trace->state);
    context->items = (uint32_t)trace->item_count;
    return context;
}

void batch_message_add(struct batch_message *message, enum batch_kind kind, const struct operation *operation,
                       const struct traced_request *trace)
{
    assert(message->count < BATCH_ITEMS_MAX);
    const size_t i = message->count++;
    Tally__V1__TraceContext *context = trace != NULL ? put_trace(&message->traces[i], trace) : NULL;
    if (kind == BATCH_GET) {
        message->gets[i].resource_id = grpc_message_bytes(operation->resource_id);
        message->gets[i].counter_type = grpc_message_bytes(operation->counter_type);
        message->gets[i].trace = context;
        return;
    }
    Tally__V1__IncrementRequest *increment = &message->increments[i];
    increment->resource_id = grpc_message_bytes(operation->resource_id);
    increment->counter_type = grpc_message_bytes(operation->counter_type);
    increment->user_id = grpc_message_bytes(operation->user_id);
    increment->idempotency_key = grpc_message_bytes(operation->idempotency_key);
    increment->delta = operation->delta;
    increment->trace = context;
}

grpc_byte_buffer *batch_message_pack(struct batch_message *message, enum batch_kind kind,
                                     const struct session_place *place)
{
    if (kind == BATCH_GET) {
        Tally__V1__BatchGetRequest request = TALLY__V1__BATCH_GET_REQUEST__INIT;
        request.n_queries = message->count;
        request.queries = message->get_pointers;
        return grpc_message_pack(&request.base);
    }
    Tally__V1__SessionIncrementRequest request = TALLY__V1__SESSION_INCREMENT_REQUEST__INIT;
    request.session = grpc_message_bytes((struct text){(const char *)place->session, SESSION_LEN});
    request.lane = place->lane;
    request.sequence = place->sequence;
    request.n_items = message->count;
    request.items = message->increment_pointers;
    return grpc_message_pack(&request.base);
}

int batch_message_read_reply(struct batch_message *message, enum batch_kind kind, grpc_byte_buffer *reply, size_t count)
{
    arena_reset(&message->arena);
    if (kind == BATCH_GET) {
        message->get_reply = (Tally__V1__BatchGetResponse *)grpc_message_unpack(
            &tally__v1__batch_get_response__descriptor, reply, &message->arena);
        return message->get_reply != NULL && message->get_reply->n_results == count ? 0 : -1;
    }
    message->increment_reply = (Tally__V1__BatchIncrementResponse *)grpc_message_unpack(
        &tally__v1__batch_increment_response__descriptor, reply, &message->arena);
    return message->increment_reply != NULL && message->increment_reply->n_results == count ? 0 : -1;
}

enum status batch_message_result(const struct batch_message *message, enum batch_kind kind, size_t index,
                                 struct operation *operation)
{
    if (kind == BATCH_GET) {
        const Tally__V1__GetResult *result = message->get_reply->results[index];
        operation->value = result->value;
        return rpc_status_of_item(result->code, result->reason);
    }
    const Tally__V1__IncrementResult *result = message->increment_reply->results[index];
    operation->value = result->value;
    operation->replayed = result->replayed;
    return rpc_status_of_item(result->code, result->reason);
}

bool batch_message_part_failed(const struct batch_message *message, enum batch_kind kind, size_t index)
{
    return kind == BATCH_INCREMENT && message->increment_reply->results[index]->part_failed;
}
