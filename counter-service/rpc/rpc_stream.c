#include "counter-service/rpc/rpc_stream.h"

#include <assert.h>
#include <string.h>

#include "counter-service/rpc/rpc_access.h"
#include "counter-service/rpc/rpc_server_metrics.h"

void rpc_stream_group_init(struct rpc_stream_group *group, size_t count_max)
{
    *group = (struct rpc_stream_group){.count_max = count_max};
    pthread_mutex_init(&group->lock, NULL);
}

void rpc_stream_group_done(struct rpc_stream_group *group)
{
    pthread_mutex_destroy(&group->lock);
}

static void cancel(struct rpc_stream *stream, grpc_status_code code, const char *detail)
{
    stream->code = code;
    grpc_call_cancel_with_status(stream->call->native, code, detail, NULL);
}

static void cancel_all_locked(struct rpc_stream_group *group, const char *detail)
{
    LIST_EACH (struct rpc_stream, stream, &group->streams, node) {
        cancel(stream, GRPC_STATUS_UNAVAILABLE, detail);
    }
}

void rpc_stream_group_end_open(struct rpc_stream_group *group, const char *detail)
{
    pthread_mutex_lock(&group->lock);
    cancel_all_locked(group, detail);
    pthread_mutex_unlock(&group->lock);
}

void rpc_stream_group_end(struct rpc_stream_group *group)
{
    pthread_mutex_lock(&group->lock);
    group->ended = true;
    cancel_all_locked(group, "The service is shutting down");
    pthread_mutex_unlock(&group->lock);
}

static enum status join(struct rpc_stream_group *group, struct rpc_stream *stream)
{
    enum status status = STATUS_OK;
    pthread_mutex_lock(&group->lock);
    if (group->ended) {
        status = STATUS_DRAINING;
    } else if (group->count == group->count_max) {
        status = STATUS_SHED;
    } else {
        group->count++;
        list_append(&group->streams, &stream->node);
    }
    pthread_mutex_unlock(&group->lock);
    return status;
}

/* Returns how the stream ended. */
static grpc_status_code leave(struct rpc_stream_group *group, struct rpc_stream *stream)
{
    pthread_mutex_lock(&group->lock);
    assert(group->count > 0);
    group->count--;
    list_remove(&group->streams, &stream->node);
    const grpc_status_code code = stream->code;
    pthread_mutex_unlock(&group->lock);
    return code;
}

static void start(struct rpc_stream *stream, const grpc_op *operations, size_t count, struct rpc_event *event)
{
    grpc_call *native = stream->call->native;
    atomic_fetch_add(&stream->operations_out, 1);
    rpc_event_give(event);
    const grpc_call_error failure = grpc_call_start_batch(native, operations, count, event, NULL);
    /* grpc_call_start_batch fails only for two operations of a kind at a time, which this file does not start. */
    assert(failure == GRPC_CALL_OK);
    (void)failure;
}

/* An operation is back, and its handler has run: operations that the handler started are counted already. The close,
 * started by rpc_stream_open, is counted too, so the count falls to 0 only after on_closed, and once. */
static void end_operation(struct rpc_stream *stream)
{
    if (atomic_fetch_sub(&stream->operations_out, 1) > 1) {
        return;
    }
    if (stream->handler->on_released != NULL) {
        stream->handler->on_released(stream);
    }
    grpc_slice_unref(stream->metadata.value);
    rpc_call_release(stream->call);
}

static void on_received(struct rpc_event *event, bool ok)
{
    (void)ok; /* not ok: there is no message */
    struct rpc_stream *stream = CONTAINER_OF(event, struct rpc_stream, received);
    grpc_byte_buffer *message = stream->incoming;
    stream->incoming = NULL;
    stream->handler->on_message(stream, message);
    grpc_byte_buffer_destroy(message);
    end_operation(stream);
}

static void on_sent(struct rpc_event *event, bool ok)
{
    (void)ok; /* false if the client is gone: `closed` tells of that */
    struct rpc_stream *stream = CONTAINER_OF(event, struct rpc_stream, sent);
    grpc_byte_buffer_destroy(stream->outgoing);
    stream->outgoing = NULL;
    stream->handler->on_sent(stream);
    end_operation(stream);
}

static void on_finished(struct rpc_event *event, bool ok)
{
    (void)ok;
    end_operation(CONTAINER_OF(event, struct rpc_stream, finished));
}

static void on_closed(struct rpc_event *event, bool ok)
{
    (void)ok;
    struct rpc_stream *stream = CONTAINER_OF(event, struct rpc_stream, closed);
    const grpc_status_code code = leave(stream->group, stream);
    const bool is_cut = code == GRPC_STATUS_OK && stream->cancelled;
    const int told = (int)(is_cut ? GRPC_STATUS_CANCELLED : code);
    rpc_method_metrics_ended(stream->call->served->metrics, told);
    rpc_access_log(stream->call, told);
    if (stream->handler->on_closed != NULL) {
        stream->handler->on_closed(stream);
    }
    end_operation(stream);
}

enum status rpc_stream_open(struct rpc_stream *stream, struct rpc_call *call, struct rpc_stream_group *group,
                            const struct rpc_stream_handler *handler)
{
    *stream = (struct rpc_stream){
        .call = call,
        .handler = handler,
        .group = group,
        .received.on_event = on_received,
        .sent.on_event = on_sent,
        .finished.on_event = on_finished,
        .closed.on_event = on_closed,
        .code = GRPC_STATUS_CANCELLED, /* unless we end it */
        .metadata.value = grpc_empty_slice(),
    };
    const enum status status = join(group, stream);
    if (status != STATUS_OK) {
        return status;
    }
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    close.data.recv_close_on_server.cancelled = &stream->cancelled;
    start(stream, &close, 1, &stream->closed);
    return STATUS_OK;
}

void rpc_stream_set_metadata(struct rpc_stream *stream, const char *key, const char *value)
{
    assert(!stream->has_metadata_sent && stream->metadata_count == 0);
    stream->metadata.key = grpc_slice_from_static_string(key);
    stream->metadata.value = grpc_slice_from_copied_string(value);
    stream->metadata_count = 1;
}

void rpc_stream_receive(struct rpc_stream *stream)
{
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE};
    receive.data.recv_message.recv_message = &stream->incoming;
    start(stream, &receive, 1, &stream->received);
}

/* The first batch that sends anything begins with the metadata. */
static size_t begin_sending(struct rpc_stream *stream, grpc_op operations[2])
{
    memset(operations, 0, 2 * sizeof(operations[0]));
    operations[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    operations[0].data.send_initial_metadata.metadata = &stream->metadata;
    operations[0].data.send_initial_metadata.count = stream->metadata_count;
    const size_t count = stream->has_metadata_sent ? 0 : 1;
    stream->has_metadata_sent = true;
    return count;
}

void rpc_stream_send(struct rpc_stream *stream, grpc_byte_buffer *message)
{
    if (message == NULL) {
        grpc_call_cancel_with_status(stream->call->native, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                     "The service is out of memory", NULL);
        return;
    }
    grpc_op operations[2];
    size_t count = begin_sending(stream, operations);
    stream->outgoing = message;
    operations[count].op = GRPC_OP_SEND_MESSAGE;
    operations[count++].data.send_message.send_message = message;
    start(stream, operations, count, &stream->sent);
}

void rpc_stream_finish(struct rpc_stream *stream, grpc_status_code code, const char *detail)
{
    pthread_mutex_lock(&stream->group->lock);
    stream->code = code;
    pthread_mutex_unlock(&stream->group->lock);
    stream->code_message = grpc_slice_from_static_string(detail);
    stream->trailer = (grpc_metadata){
        .key = grpc_slice_from_static_string("tally-outcome"),
        .value = grpc_slice_from_static_string(outcome_name(OUTCOME_NOT_APPLIED)),
    };
    grpc_op operations[2];
    size_t count = begin_sending(stream, operations);
    operations[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    operations[count].data.send_status_from_server.status = code;
    operations[count].data.send_status_from_server.status_details = &stream->code_message;
    operations[count].data.send_status_from_server.trailing_metadata = &stream->trailer;
    operations[count++].data.send_status_from_server.trailing_metadata_count = code == GRPC_STATUS_OK ? 0 : 1;
    start(stream, operations, count, &stream->finished);
}
