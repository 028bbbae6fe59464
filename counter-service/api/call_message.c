#include "counter-service/api/call_message.h"

#include "common/contract/grpc_message.h"

const ProtobufCMessage *call_message(struct rpc_call *call, const ProtobufCMessageDescriptor *descriptor)
{
    if (call->payload == NULL) {
        rpc_call_fail(call, STATUS_INVALID_ARGUMENT, "The call has no request message");
        return NULL;
    }
    const ProtobufCMessage *message = grpc_message_unpack(descriptor, call->payload, &call->arena);
    if (message == NULL) {
        rpc_call_fail(call, STATUS_INVALID_ARGUMENT, "The request message is malformed");
    }
    return message;
}
