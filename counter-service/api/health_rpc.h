/* grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): Check and Watch, for "" and
 * "tally.v1.CounterService". A Watch tells the store's id in its initial metadata (common/contract/store_id.h), if the
 * id is known; when the id becomes known or changes, the open Watch streams end, so that their clients watch again and
 * learn it. */
#ifndef TALLY_COUNTER_SERVICE_API_HEALTH_RPC_H
#define TALLY_COUNTER_SERVICE_API_HEALTH_RPC_H

#include "counter-service/api/service_health.h"
#include "counter-service/rpc/rpc_server.h"
#include "counter-service/rpc/rpc_stream.h"

struct health_rpc {
    /* immutable */
    struct service_health *health;
    struct rpc_stream_group streams;
};

/* rpc and health outlive the server. */
void health_rpc_init(struct health_rpc *rpc, struct service_health *health);
void health_rpc_done(struct health_rpc *rpc);
struct rpc_service health_rpc_service(struct health_rpc *rpc);

/* The store became known or another one: ends the Watch streams that are open. Any thread. ctx: a struct health_rpc;
 * fits service_health's on_store. */
void health_rpc_on_store(void *ctx);
/* Ends the Watch streams, and lets no other open. */
void health_rpc_end_watches(struct health_rpc *rpc);

#endif
