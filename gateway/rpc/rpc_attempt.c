#include "gateway/rpc/rpc_attempt.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS = 6 };

/* metadata: what is sent of it, if it has a value. */
static void fill_operations(struct rpc_attempt *attempt, grpc_byte_buffer *message, grpc_metadata *metadata,
                            grpc_op operations[OPERATIONS])
{
    memset(operations, 0, OPERATIONS * sizeof(operations[0]));
    operations[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    operations[0].data.send_initial_metadata.metadata = metadata;
    operations[0].data.send_initial_metadata.count = GRPC_SLICE_LENGTH(metadata->value) > 0;
    operations[1].op = GRPC_OP_SEND_MESSAGE;
    operations[1].data.send_message.send_message = message;
    operations[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    operations[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    operations[3].data.recv_initial_metadata.recv_initial_metadata = &attempt->initial_metadata;
    operations[4].op = GRPC_OP_RECV_MESSAGE;
    operations[4].data.recv_message.recv_message = &attempt->reply;
    operations[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    operations[5].data.recv_status_on_client.trailing_metadata = &attempt->trailing_metadata;
    operations[5].data.recv_status_on_client.status = &attempt->code;
    operations[5].data.recv_status_on_client.status_details = &attempt->code_message;
}

static void release_memory(struct rpc_attempt *attempt)
{
    if (attempt->handle != NULL) {
        grpc_call_unref(attempt->handle);
    }
    grpc_byte_buffer_destroy(attempt->reply);
    grpc_slice_unref(attempt->code_message);
    grpc_metadata_array_destroy(&attempt->initial_metadata);
    grpc_metadata_array_destroy(&attempt->trailing_metadata);
    free(attempt);
}

struct rpc_attempt *rpc_attempt_start(struct channel *channel, grpc_completion_queue *queue,
                                      const struct rpc_message *message, int64_t now_us, int64_t deadline_us)
{
    struct rpc_attempt *attempt = calloc(1, sizeof(*attempt));
    if (attempt == NULL) {
        return NULL;
    }
    attempt->started_us = now_us;
    attempt->code_message = grpc_empty_slice();
    attempt->handle = grpc_channel_create_call(channel_connection(channel), NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                               grpc_slice_from_static_string(message->method), NULL,
                                               gpr_time_from_micros(deadline_us, GPR_CLOCK_MONOTONIC), NULL);
    /* The library empties the buffer that it sends: each attempt gets its own view of the same bytes. */
    grpc_byte_buffer *view = grpc_byte_buffer_copy(message->body);
    grpc_metadata metadata = {.key = grpc_slice_from_static_string("traceparent"), .value = message->traceparent};
    grpc_op operations[OPERATIONS];
    fill_operations(attempt, view, &metadata, operations);
    grpc_call_error failure = attempt->handle == NULL
                                  ? GRPC_CALL_ERROR
                                  : grpc_call_start_batch(attempt->handle, operations, OPERATIONS, attempt, NULL);
    grpc_byte_buffer_destroy(view);
    if (failure != GRPC_CALL_OK) {
        release_memory(attempt);
        return NULL;
    }
    attempt->channel = channel;
    return attempt;
}

void rpc_attempt_cancel(struct rpc_attempt *attempt)
{
    grpc_call_cancel(attempt->handle, NULL);
}

struct text rpc_attempt_trailer(const struct rpc_attempt *attempt, const char *name)
{
    for (size_t i = 0; i < attempt->trailing_metadata.count; i++) {
        const grpc_metadata *field = &attempt->trailing_metadata.metadata[i];
        if (grpc_slice_str_cmp(field->key, name) == 0) {
            return (struct text){(const char *)GRPC_SLICE_START_PTR(field->value), GRPC_SLICE_LENGTH(field->value)};
        }
    }
    return (struct text){"", 0};
}

void rpc_attempt_release(struct rpc_attempt *attempt, struct channel_pool *pool, enum call_verdict verdict,
                         int64_t now_us)
{
    assert(attempt->handle != NULL && attempt->channel != NULL);
    grpc_call_unref(attempt->handle);
    attempt->handle = NULL;
    channel_pool_give_back(pool, attempt->channel, verdict, now_us);
    attempt->channel = NULL;
}

void rpc_attempt_free(struct rpc_attempt *attempt)
{
    assert(attempt->handle == NULL && attempt->channel == NULL);
    release_memory(attempt);
}
