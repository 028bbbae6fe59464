/* The message of a call, for methods that need no more than that of it. */
#ifndef TALLY_COUNTER_SERVICE_API_CALL_MESSAGE_H
#define TALLY_COUNTER_SERVICE_API_CALL_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/compiler.h"
#include "counter-service/rpc/rpc_call.h"

/* Unpacks it into the call's arena, so it is valid as long as the call. NULL: it is missing or malformed, and the call
 * is answered with INVALID_ARGUMENT. */
const ProtobufCMessage *call_message(struct rpc_call *call, const ProtobufCMessageDescriptor *descriptor) MUST_CHECK;

#endif
