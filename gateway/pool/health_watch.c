#include "gateway/pool/health_watch.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <string.h>

#include "common/contract/grpc_message.h"
#include "grpc/health/v1/health.pb-c.h"

enum { OPEN_INTERVAL_FIRST_US = 100 * 1000, OPEN_INTERVAL_MAX_US = 1000 * 1000 };

static void end_message(struct health_watch *watch)
{
    grpc_byte_buffer_destroy(watch->message);
    watch->message = NULL;
    arena_reset(&watch->arena);
}

/* --- the end of a stream ------------------------------------------------------------------------------------------ */

static void give_channel_back(struct health_watch *watch)
{
    assert(watch->call == NULL);
    if (watch->channel != NULL) {
        channel_give_back(watch->channel);
        watch->channel = NULL;
    }
}

static void release_call(struct health_watch *watch)
{
    end_message(watch);
    grpc_call_unref(watch->call);
    watch->call = NULL;
    grpc_slice_unref(watch->code_message);
    grpc_metadata_array_destroy(&watch->initial_metadata);
    grpc_metadata_array_destroy(&watch->trailing_metadata);
}

static const char *reason_of_code(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_OK:
        return "the health watch was ended by the server";
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_UNAVAILABLE:
        return "connection lost";
    default:
        return "the health watch failed";
    }
}

/* The stream is over. A Watch that had to leave its channel may open on another one at once. */
static enum health_verdict last_verdict(struct health_watch *watch, int64_t now_us)
{
    assert(watch->closing || !watch->moving);
    if (watch->moving) {
        watch->moving = false;
        watch->earliest_open_us = now_us;
        return HEALTH_MOVED;
    }
    return watch->heard ? HEALTH_ENDED : HEALTH_FAILED;
}

/* A batch came back: was it the last one out? */
static void end_batch(struct health_watch *watch, int64_t now_us)
{
    assert(watch->call != NULL && watch->batches_out > 0);
    watch->batches_out--;
    if (watch->batches_out > 0) {
        return;
    }
    const bool unimplemented = watch->code == GRPC_STATUS_UNIMPLEMENTED && !watch->closing;
    release_call(watch);
    if (unimplemented) {
        watch->on_verdict(watch->ctx, HEALTH_NOT_SERVING, "it has no health service, and so tells no store", now_us);
        return;
    }
    give_channel_back(watch);
    watch->on_verdict(watch->ctx, last_verdict(watch, now_us), reason_of_code(watch->code), now_us);
}

static void on_status(void *owner, bool ok, int64_t now_us)
{
    struct health_watch *watch = owner;
    (void)ok; /* receiving the status always succeeds */
    end_batch(watch, now_us);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static const char *reason_of_status(int status)
{
    switch (status) {
    case GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING:
        return "it says SERVING";
    case GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING:
        return "it says NOT_SERVING";
    case GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN:
        return "it does not know tally.v1.CounterService";
    default:
        return "it says UNKNOWN";
    }
}

/* What is no store id counts as none: the instance gets no calls. */
static void read_store(struct health_watch *watch)
{
    for (size_t i = 0; i < watch->initial_metadata.count; i++) {
        const grpc_metadata *field = &watch->initial_metadata.metadata[i];
        const struct text value = {(const char *)GRPC_SLICE_START_PTR(field->value), GRPC_SLICE_LENGTH(field->value)};
        if (grpc_slice_str_cmp(field->key, STORE_ID_METADATA) == 0 && store_id_is_valid(value)) {
            memcpy(watch->store, value.data, STORE_ID_LEN);
            watch->store[STORE_ID_LEN] = '\0';
        }
    }
}

static void read_message(struct health_watch *watch, int64_t now_us)
{
    const Grpc__Health__V1__HealthCheckResponse *response =
        (const Grpc__Health__V1__HealthCheckResponse *)grpc_message_unpack(
            &grpc__health__v1__health_check_response__descriptor, watch->message, &watch->arena);
    const int status = response != NULL ? (int)response->status : 0;
    end_message(watch);
    if (!watch->heard) {
        read_store(watch);
    }
    watch->heard = true;
    watch->open_interval_us = OPEN_INTERVAL_FIRST_US;
    const bool serving = status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    watch->on_verdict(watch->ctx, serving ? HEALTH_SERVING : HEALTH_NOT_SERVING, reason_of_status(status), now_us);
}

static int wait_for_message(struct health_watch *watch)
{
    const grpc_op operation = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &watch->message};
    return grpc_call_start_batch(watch->call, &operation, 1, &watch->message_event, NULL) == GRPC_CALL_OK ? 0 : -1;
}

static void on_message(void *owner, bool ok, int64_t now_us)
{
    struct health_watch *watch = owner;
    if (ok && watch->message != NULL && !watch->closing) {
        read_message(watch, now_us);
        if (wait_for_message(watch) == 0) {
            return;
        }
        grpc_call_cancel(watch->call, NULL);
    }
    end_batch(watch, now_us); /* the status says why there is no message */
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

static grpc_byte_buffer *make_request(void)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    char service[] = "tally.v1.CounterService";
    request.service = service;
    return grpc_message_pack(&request.base);
}

static void start_stream(struct health_watch *watch, grpc_byte_buffer *request)
{
    const grpc_op status = {
        .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &watch->trailing_metadata,
                                       .status = &watch->code,
                                       .status_details = &watch->code_message},
    };
    const grpc_op first[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &watch->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &watch->message},
    };
    grpc_call_error error = grpc_call_start_batch(watch->call, &status, 1, &watch->status_event, NULL);
    assert(error == GRPC_CALL_OK);
    error = grpc_call_start_batch(watch->call, first, sizeof(first) / sizeof(first[0]), &watch->message_event, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    watch->batches_out = 2;
}

bool health_watch_may_open(const struct health_watch *watch, int64_t now_us)
{
    return watch->channel == NULL && now_us >= watch->earliest_open_us;
}

void health_watch_open(struct health_watch *watch, struct channel *channel, int64_t now_us)
{
    assert(watch->channel == NULL && watch->call == NULL);
    watch->earliest_open_us = now_us + watch->open_interval_us;
    watch->open_interval_us *= 2;
    if (watch->open_interval_us > OPEN_INTERVAL_MAX_US) {
        watch->open_interval_us = OPEN_INTERVAL_MAX_US;
    }
    grpc_byte_buffer *request = make_request();
    if (request == NULL) {
        return; /* out of memory: next time */
    }
    channel_lend(channel);
    watch->channel = channel;
    watch->closing = false;
    watch->heard = false;
    watch->store[0] = '\0';
    watch->code_message = grpc_empty_slice();
    grpc_metadata_array_init(&watch->initial_metadata);
    grpc_metadata_array_init(&watch->trailing_metadata);
    watch->call = grpc_channel_create_call(channel_connection(channel), NULL, GRPC_PROPAGATE_DEFAULTS, watch->queue,
                                           grpc_slice_from_static_string("/grpc.health.v1.Health/Watch"), NULL,
                                           gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    start_stream(watch, request);
    grpc_byte_buffer_destroy(request);
}

void health_watch_on_disconnect(struct health_watch *watch, const struct channel *channel)
{
    if (watch->channel == channel && watch->call == NULL) {
        give_channel_back(watch);
    }
}

void health_watch_leave(struct health_watch *watch, const struct channel *channel)
{
    if (watch->channel != channel) {
        return;
    }
    watch->moving = watch->call != NULL;
    health_watch_close(watch);
}

bool health_watch_is_closed(const struct health_watch *watch)
{
    return watch->call == NULL;
}

const char *health_watch_store(const struct health_watch *watch)
{
    return watch->store;
}

void health_watch_close(struct health_watch *watch)
{
    if (watch->call == NULL) {
        give_channel_back(watch);
        return;
    }
    watch->closing = true;
    grpc_call_cancel(watch->call, NULL);
}

void health_watch_init(struct health_watch *watch, grpc_completion_queue *queue, health_on_verdict on_verdict,
                       void *ctx)
{
    memset(watch, 0, sizeof(*watch));
    watch->queue = queue;
    watch->on_verdict = on_verdict;
    watch->ctx = ctx;
    watch->open_interval_us = OPEN_INTERVAL_FIRST_US;
    watch->message_event = (struct queue_event){watch, on_message};
    watch->status_event = (struct queue_event){watch, on_status};
    arena_init(&watch->arena);
}

void health_watch_done(struct health_watch *watch)
{
    assert(watch->call == NULL);
    give_channel_back(watch);
    arena_done(&watch->arena);
}
