#include "counter-service/api/describe_rpc.h"

#include "common/contract/grpc_message.h"
#include "counter-service/api/call_message.h"
#include "tally/v1/counter.pb-c.h"

static void handle(void *ctx, struct rpc_call *call)
{
    const struct describe_rpc *rpc = ctx;
    struct buffer document;
    if (call_message(call, &tally__v1__describe_request__descriptor) == NULL) {
        return;
    }
    buffer_init(&document);
    rpc->write_health(rpc->ctx, &document);
    if (document.failed) {
        rpc_call_fail(call, STATUS_OUT_OF_MEMORY, "The service is out of memory");
    } else {
        Tally__V1__DescribeResponse response = TALLY__V1__DESCRIBE_RESPONSE__INIT;
        response.health = grpc_message_bytes((struct text){document.data, document.len});
        rpc_call_answer(call, grpc_message_pack(&response.base));
    }
    buffer_done(&document);
}

static const struct rpc_method methods[] = {
    {.path = "/tally.v1.CounterService/Describe", .name = "Describe", .armed = 8, .handle = handle},
};

struct rpc_service describe_rpc_service(struct describe_rpc *rpc)
{
    return (struct rpc_service){.methods = methods, .method_count = sizeof(methods) / sizeof(methods[0]), .ctx = rpc};
}
