#include "tests/fakes/grpc_client.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract/grpc_message.h"

struct grpc_client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

struct grpc_client_call {
    struct grpc_client *client;
    grpc_call *handle;
    /* filled by the library */
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_status_code code;
    grpc_slice detail;
    bool has_metadata;
    /* tags */
    char metadata_tag;
    char status_tag;
};

struct grpc_client *grpc_client_create(int port)
{
    char target[64];
    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    struct grpc_client *client = calloc(1, sizeof(*client));
    assert(client != NULL);
    grpc_init();
    grpc_arg own_connection = {
        .type = GRPC_ARG_INTEGER,
        .key = (char *)(uintptr_t)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
        .value.integer = 1,
    };
    const grpc_channel_args args = {.num_args = 1, .args = &own_connection};
    grpc_channel_credentials *insecure = grpc_insecure_credentials_create();
    client->channel = grpc_channel_create(target, insecure, &args);
    grpc_channel_credentials_release(insecure);
    client->queue = grpc_completion_queue_create_for_pluck(NULL);
    return client;
}

void grpc_client_free(struct grpc_client *client)
{
    grpc_channel_destroy(client->channel);
    grpc_completion_queue_shutdown(client->queue);
    grpc_completion_queue_destroy(client->queue);
    free(client);
    grpc_shutdown_blocking();
}

static void start(struct grpc_client_call *call, const grpc_op *operations, size_t count, void *tag)
{
    const grpc_call_error failure = grpc_call_start_batch(call->handle, operations, count, tag, NULL);
    assert(failure == GRPC_CALL_OK);
    (void)failure;
}

static void wait_for(struct grpc_client_call *call, void *tag)
{
    grpc_completion_queue_pluck(call->client->queue, tag, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

static void start_receiving(struct grpc_client_call *call)
{
    grpc_op metadata = {.op = GRPC_OP_RECV_INITIAL_METADATA};
    metadata.data.recv_initial_metadata.recv_initial_metadata = &call->initial_metadata;
    start(call, &metadata, 1, &call->metadata_tag);
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &call->trailing_metadata;
    status.data.recv_status_on_client.status = &call->code;
    status.data.recv_status_on_client.status_details = &call->detail;
    start(call, &status, 1, &call->status_tag);
}

struct grpc_client_call *grpc_client_start(struct grpc_client *client, const char *method,
                                           const ProtobufCMessage *request, int timeout_ms)
{
    struct grpc_client_call *call = calloc(1, sizeof(*call));
    assert(call != NULL);
    call->client = client;
    call->detail = grpc_empty_slice();
    const gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
    call->handle = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
                                            grpc_slice_from_static_string(method), NULL, deadline, NULL);
    start_receiving(call);
    grpc_byte_buffer *message = request != NULL ? grpc_message_pack(request) : NULL;
    grpc_op operations[3];
    memset(operations, 0, sizeof(operations));
    operations[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    operations[1].op = GRPC_OP_SEND_MESSAGE;
    operations[1].data.send_message.send_message = message;
    operations[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    char tag;
    start(call, operations, request != NULL ? 3 : 1, &tag);
    wait_for(call, &tag);
    grpc_byte_buffer_destroy(message);
    return call;
}

void grpc_client_cancel(struct grpc_client_call *call)
{
    grpc_call_cancel(call->handle, NULL);
}

grpc_byte_buffer *grpc_client_read(struct grpc_client_call *call)
{
    grpc_byte_buffer *message = NULL;
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE};
    receive.data.recv_message.recv_message = &message;
    char tag;
    start(call, &receive, 1, &tag);
    wait_for(call, &tag);
    return message;
}

void grpc_client_write(struct grpc_client_call *call, const ProtobufCMessage *message)
{
    grpc_byte_buffer *packed = grpc_message_pack(message);
    grpc_op send = {.op = GRPC_OP_SEND_MESSAGE};
    send.data.send_message.send_message = packed;
    char tag;
    start(call, &send, 1, &tag);
    wait_for(call, &tag);
    grpc_byte_buffer_destroy(packed);
}

static void copy_slice(grpc_slice slice, char *text, size_t size)
{
    snprintf(text, size, "%.*s", (int)GRPC_SLICE_LENGTH(slice), (const char *)GRPC_SLICE_START_PTR(slice));
}

static void copy_field(const grpc_metadata_array *fields, const char *key, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < fields->count; i++) {
        if (grpc_slice_str_cmp(fields->metadata[i].key, key) == 0) {
            copy_slice(fields->metadata[i].value, out, size);
        }
    }
}

static void wait_for_metadata(struct grpc_client_call *call)
{
    if (!call->has_metadata) {
        wait_for(call, &call->metadata_tag);
        call->has_metadata = true;
    }
}

void grpc_client_initial_metadata(struct grpc_client_call *call, const char *key, char *out, size_t size)
{
    wait_for_metadata(call);
    copy_field(&call->initial_metadata, key, out, size);
}

struct grpc_client_result grpc_client_end(struct grpc_client_call *call)
{
    struct grpc_client_result result = {0};
    wait_for_metadata(call);
    result.message = grpc_client_read(call);
    wait_for(call, &call->status_tag);
    result.code = (int)call->code;
    copy_slice(call->detail, result.detail, sizeof(result.detail));
    copy_field(&call->trailing_metadata, "tally-outcome", result.outcome, sizeof(result.outcome));
    grpc_slice_unref(call->detail);
    grpc_metadata_array_destroy(&call->initial_metadata);
    grpc_metadata_array_destroy(&call->trailing_metadata);
    grpc_call_unref(call->handle);
    free(call);
    return result;
}

struct grpc_client_result grpc_client_ask(struct grpc_client *client, const char *method,
                                          const ProtobufCMessage *request, int timeout_ms)
{
    return grpc_client_end(grpc_client_start(client, method, request, timeout_ms));
}
