#include "gateway/batch_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/arena.h"
#include "common/grpc_message.h"
#include "common/limits.h"
#include "gateway/rpc_status.h"
#include "tally/v1/counter.pb-c.h"

/* Batch ids fetched from the kernel at once: a system call for each batch was a tenth of those of a lone request. */
enum { BATCH_IDS_FETCHED = 16 };

/* Only the items of one kind are used at a time. */
struct batch_message {
    struct arena arena; /* of the reply read last */
    size_t count;
    Tally__V1__IncrementRequest increments[BATCH_ITEMS_MAX];
    Tally__V1__IncrementRequest *increment_pointers[BATCH_ITEMS_MAX];
    Tally__V1__GetRequest gets[BATCH_ITEMS_MAX];
    Tally__V1__GetRequest *get_pointers[BATCH_ITEMS_MAX];
    Tally__V1__BatchIncrementResponse *increment_reply;
    Tally__V1__BatchGetResponse *get_reply;
    uint8_t batch_ids[BATCH_IDS_FETCHED][BATCH_ID_LEN];
    size_t batch_ids_left;
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

void batch_message_add(struct batch_message *message, enum batch_kind kind, const struct operation *operation)
{
    const size_t i = message->count++;
    if (kind == BATCH_GET) {
        message->gets[i].resource_id = grpc_message_bytes(operation->resource_id);
        message->gets[i].counter_type = grpc_message_bytes(operation->counter_type);
        return;
    }
    Tally__V1__IncrementRequest *increment = &message->increments[i];
    increment->resource_id = grpc_message_bytes(operation->resource_id);
    increment->counter_type = grpc_message_bytes(operation->counter_type);
    increment->user_id = grpc_message_bytes(operation->user_id);
    increment->idempotency_key = grpc_message_bytes(operation->idempotency_key);
    increment->delta = operation->delta;
}

/* 16 random bytes, never given out before. NULL if the kernel has none. */
static uint8_t *next_batch_id(struct batch_message *message)
{
    if (message->batch_ids_left == 0) {
        const ssize_t got = getrandom(message->batch_ids, sizeof(message->batch_ids), 0);
        if (got != (ssize_t)sizeof(message->batch_ids)) {
            return NULL;
        }
        message->batch_ids_left = BATCH_IDS_FETCHED;
    }
    return message->batch_ids[--message->batch_ids_left];
}

grpc_byte_buffer *batch_message_pack(struct batch_message *message, enum batch_kind kind)
{
    if (kind == BATCH_GET) {
        Tally__V1__BatchGetRequest request = TALLY__V1__BATCH_GET_REQUEST__INIT;
        request.n_queries = message->count;
        request.queries = message->get_pointers;
        return grpc_message_pack(&request.base);
    }
    uint8_t *batch_id = next_batch_id(message);
    if (batch_id == NULL) {
        return NULL; /* without an id of its own a re-send could count twice */
    }
    Tally__V1__BatchIncrementRequest request = TALLY__V1__BATCH_INCREMENT_REQUEST__INIT;
    request.batch_id = (ProtobufCBinaryData){.len = BATCH_ID_LEN, .data = batch_id};
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
        return rpc_status_of_item(result->code, TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED);
    }
    const Tally__V1__IncrementResult *result = message->increment_reply->results[index];
    operation->value = result->value;
    operation->replayed = result->replayed;
    return rpc_status_of_item(result->code, result->reason);
}
