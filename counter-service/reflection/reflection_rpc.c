#include "counter-service/reflection/reflection_rpc.h"

#include "counter-service/reflection/descriptor_set.h"
#include "counter-service/reflection/reflection_answer.h"
#include "counter-service/rpc/rpc_limits.h"

/* One client asking; lies in the arena of its call. */
struct reflection_stream {
    struct rpc_stream stream;
    const struct proto_index *index;
    struct arena arena; /* of the message being answered */
};

int reflection_rpc_init(struct reflection_rpc *rpc, struct error *error)
{
    const struct text set = {(const char *)descriptor_set, descriptor_set_len};
    rpc->index = proto_index_create(set, error);
    if (rpc->index == NULL) {
        return -1;
    }
    rpc_stream_group_init(&rpc->streams, REFLECTION_STREAMS_MAX);
    return 0;
}

void reflection_rpc_done(struct reflection_rpc *rpc)
{
    rpc_stream_group_done(&rpc->streams);
    proto_index_free(rpc->index);
}

void reflection_rpc_end_streams(struct reflection_rpc *rpc)
{
    rpc_stream_group_end(&rpc->streams);
}

static void on_message(struct rpc_stream *stream, grpc_byte_buffer *message)
{
    if (message == NULL) {
        rpc_stream_finish(stream, GRPC_STATUS_OK, "");
        return;
    }
    struct reflection_stream *reflection = CONTAINER_OF(stream, struct reflection_stream, stream);
    grpc_byte_buffer *answer = reflection_answer(reflection->index, message, &reflection->arena);
    arena_reset(&reflection->arena);
    if (answer == NULL) {
        rpc_stream_finish(stream, GRPC_STATUS_INVALID_ARGUMENT, "The request message is malformed");
        return;
    }
    rpc_stream_send(stream, answer);
}

/* Answered: the next question. */
static void on_sent(struct rpc_stream *stream)
{
    rpc_stream_receive(stream);
}

static void on_released(struct rpc_stream *stream)
{
    arena_done(&CONTAINER_OF(stream, struct reflection_stream, stream)->arena);
}

static const struct rpc_stream_handler stream_handler = {
    .on_message = on_message,
    .on_sent = on_sent,
    .on_released = on_released,
};

static void handle(void *ctx, struct rpc_call *call)
{
    struct reflection_rpc *rpc = ctx;
    struct reflection_stream *reflection = arena_alloc(&call->arena, sizeof(*reflection));
    const enum status refused = reflection == NULL
                                    ? STATUS_OUT_OF_MEMORY
                                    : rpc_stream_open(&reflection->stream, call, &rpc->streams, &stream_handler);
    if (refused != STATUS_OK) {
        rpc_call_fail(call, refused, refused == STATUS_SHED ? "Too many reflection streams are open" : NULL);
        return;
    }
    reflection->index = rpc->index;
    arena_init(&reflection->arena);
    rpc_stream_receive(&reflection->stream);
}

static const struct rpc_method methods[] = {
    {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
     .name = "Reflection",
     .client_streams = true,
     .armed = 4,
     .handle = handle},
    {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     .name = "ReflectionV1Alpha",
     .client_streams = true,
     .armed = 4,
     .handle = handle},
};

struct rpc_service reflection_rpc_service(struct reflection_rpc *rpc)
{
    return (struct rpc_service){.methods = methods, .method_count = sizeof(methods) / sizeof(methods[0]), .ctx = rpc};
}
