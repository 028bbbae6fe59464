#include "counter-service/api/health_rpc.h"

#include "common/base/compiler.h"
#include "common/contract/grpc_message.h"
#include "counter-service/api/call_message.h"
#include "counter-service/rpc/rpc_limits.h"
#include "grpc/health/v1/health.pb-c.h"

/* A Watch call; lies in the call's arena. */
struct health_stream {
    struct rpc_stream stream;
    struct health_rpc *rpc;
    struct watcher watcher; /* in service_health's hands while it watches */
};

void health_rpc_init(struct health_rpc *rpc, struct service_health *health)
{
    *rpc = (struct health_rpc){.health = health};
    rpc_stream_group_init(&rpc->streams, HEALTH_WATCHES_MAX);
}

void health_rpc_done(struct health_rpc *rpc)
{
    rpc_stream_group_done(&rpc->streams);
}

void health_rpc_end_watches(struct health_rpc *rpc)
{
    rpc_stream_group_end(&rpc->streams);
}

/* Reads the name of the service that is asked for. Returns false after answering the call. */
static bool read_service(struct rpc_call *call, struct text *ret_service)
{
    const ProtobufCMessage *message = call_message(call, &grpc__health__v1__health_check_request__descriptor);
    if (message == NULL) {
        return false;
    }
    *ret_service = text_of(((const Grpc__Health__V1__HealthCheckRequest *)message)->service);
    return true;
}

static grpc_byte_buffer *make_response(enum serving_status status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    return grpc_message_pack(&response.base);
}

static void handle_check(void *ctx, struct rpc_call *call)
{
    const struct health_rpc *rpc = ctx;
    struct text service;
    if (!read_service(call, &service)) {
        return;
    }
    if (!health_knows_service(service)) {
        rpc_call_fail_code(call, GRPC_STATUS_NOT_FOUND, "There is no service of that name here");
        return;
    }
    rpc_call_answer(call, make_response(service_health_is_serving(rpc->health) ? SERVING : NOT_SERVING));
}

static void tell(struct watcher *watcher, enum serving_status status)
{
    rpc_stream_send(&CONTAINER_OF(watcher, struct health_stream, watcher)->stream, make_response(status));
}

void health_rpc_on_store(void *ctx)
{
    struct health_rpc *rpc = ctx;
    rpc_stream_group_end_open(&rpc->streams, "The store changed: watch again");
}

static void on_sent(struct rpc_stream *stream)
{
    struct health_stream *watch = CONTAINER_OF(stream, struct health_stream, stream);
    service_health_told(watch->rpc->health, &watch->watcher);
}

static void on_closed(struct rpc_stream *stream)
{
    struct health_stream *watch = CONTAINER_OF(stream, struct health_stream, stream);
    service_health_unwatch(watch->rpc->health, &watch->watcher);
}

/* No on_message: no message is ever asked for. */
static const struct rpc_stream_handler stream_handler = {.on_sent = on_sent, .on_closed = on_closed};

/* Called after the stream joined its group: if the store changes after it is read here, the stream is ended. */
static void tell_store(struct health_stream *watch)
{
    char store_id[STORE_ID_SIZE];
    service_health_read_store_id(watch->rpc->health, store_id);
    if (store_id[0] != '\0') {
        rpc_stream_set_metadata(&watch->stream, STORE_ID_METADATA, store_id);
    }
}

static void handle_watch(void *ctx, struct rpc_call *call)
{
    struct health_rpc *rpc = ctx;
    struct text service;
    if (!read_service(call, &service)) {
        return;
    }
    struct health_stream *watch = arena_alloc(&call->arena, sizeof(*watch));
    const enum status refused =
        watch == NULL ? STATUS_OUT_OF_MEMORY : rpc_stream_open(&watch->stream, call, &rpc->streams, &stream_handler);
    if (refused != STATUS_OK) {
        rpc_call_fail(call, refused, refused == STATUS_SHED ? "Too many Watch streams are open" : NULL);
        return;
    }
    watch->rpc = rpc;
    watch->watcher.tell = tell;
    tell_store(watch);
    service_health_watch(rpc->health, &watch->watcher, health_knows_service(service));
}

static const struct rpc_method methods[] = {
    {.path = "/grpc.health.v1.Health/Check", .name = "HealthCheck", .armed = 8, .handle = handle_check},
    {.path = "/grpc.health.v1.Health/Watch", .name = "HealthWatch", .armed = 8, .handle = handle_watch},
};

struct rpc_service health_rpc_service(struct health_rpc *rpc)
{
    return (struct rpc_service){.methods = methods, .method_count = sizeof(methods) / sizeof(methods[0]), .ctx = rpc};
}
