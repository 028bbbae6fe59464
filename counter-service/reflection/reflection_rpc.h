/* grpc.reflection.v1 and v1alpha ServerReflection: tools such as grpcurl need no .proto at hand. */
#ifndef TALLY_COUNTER_SERVICE_REFLECTION_REFLECTION_RPC_H
#define TALLY_COUNTER_SERVICE_REFLECTION_REFLECTION_RPC_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/reflection/proto_index.h"
#include "counter-service/rpc/rpc_server.h"
#include "counter-service/rpc/rpc_stream.h"

struct reflection_rpc {
    /* immutable */
    struct proto_index *index;
    struct rpc_stream_group streams;
};

/* Reads the descriptors built into the program. Returns 0, or -1 with error filled. */
int reflection_rpc_init(struct reflection_rpc *rpc, struct error *error) MUST_CHECK;
void reflection_rpc_done(struct reflection_rpc *rpc);
/* rpc outlives the server. */
struct rpc_service reflection_rpc_service(struct reflection_rpc *rpc);

/* Ends the open streams, and lets no other open. */
void reflection_rpc_end_streams(struct reflection_rpc *rpc);

#endif
