/* Describe of tally.v1.CounterService: how this instance is, for who sees its gRPC port only. Answered on the RPC
 * thread; Redis is not asked. */
#ifndef TALLY_COUNTER_SERVICE_API_DESCRIBE_RPC_H
#define TALLY_COUNTER_SERVICE_API_DESCRIBE_RPC_H

#include "common/base/buffer.h"
#include "counter-service/rpc/rpc_server.h"

struct describe_rpc {
    /* immutable. Appends the document of GET /health. Any thread; must not block. */
    void (*write_health)(void *ctx, struct buffer *out);
    void *ctx;
};

/* rpc outlives the server. */
struct rpc_service describe_rpc_service(struct describe_rpc *rpc);

#endif
