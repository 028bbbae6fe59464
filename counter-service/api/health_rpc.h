/* grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): Check and Watch, for "" and
 * "tally.v1.CounterService". A Watch tells the store in its initial metadata (common/contract/store_id.h), left out
 * while it is unknown; when it becomes known or changes, those that are open end, so that who watches asks again and
 * learns it. */
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

/* The store is another one: ends the Watch streams that are open. Any thread. ctx: a struct health_rpc; fits
 * service_health's on_store. */
void health_rpc_on_store(void *ctx);
/* Ends the Watch streams, and lets no other open. */
void health_rpc_end_watches(struct health_rpc *rpc);

#endif
