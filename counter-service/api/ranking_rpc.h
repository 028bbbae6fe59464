/* TopCounters and RankOf of tally.v1.CounterService.
 *
 *     RPC thread: unpack, validate ──> cache ──nobody is at it──> store_submit ──> store worker: make the answer, keep
 *                    │                  │ │                                        it, tell those who wait
 *                    │                  │ └── somebody is: wait for that answer
 *                    └── broken rule    └── kept: answered at once
 *
 * A question is read for longer than its caller waits, if others wait too: for counter_service.max_deadline. */
#ifndef TALLY_COUNTER_SERVICE_API_RANKING_RPC_H
#define TALLY_COUNTER_SERVICE_API_RANKING_RPC_H

#include "common/config/config.h"
#include "counter-service/api/ranking_cache.h"
#include "counter-service/rpc/rpc_server.h"
#include "counter-service/store/store.h"

struct ranking_rpc {
    /* immutable; all of it outlives the server */
    const struct config *config;
    struct store *store;
    struct ranking_cache *cache;
};

/* rpc outlives the server. */
struct rpc_service ranking_rpc_service(struct ranking_rpc *rpc);

#endif
