/* tally.v1.CounterService.
 *
 *     RPC thread: unpack, validate ──> store_submit ──> store worker: pack the answer and start sending it
 *                    └── broken rule, or the store refuses: answered at once
 */
#ifndef TALLY_COUNTER_SERVICE_API_COUNTER_RPC_H
#define TALLY_COUNTER_SERVICE_API_COUNTER_RPC_H

#include "counter-service/rpc/rpc_server.h"
#include "counter-service/store/store.h"

struct counter_rpc {
    /* immutable */
    struct store *store;
};

/* rpc outlives the server. */
struct rpc_service counter_rpc_service(struct counter_rpc *rpc);

#endif
