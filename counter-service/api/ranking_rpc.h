/* TopCounters and RankOf of tally.v1.CounterService.
 *
 *     RPC thread: unpack, validate ──> cache ──nobody reads it──> store_submit ──> store worker: keep what was read,
 *                    │                  │ │                                        answer, tell those who wait
 *                    │                  │ └── somebody does: wait for that read
 *                    └── broken rule    └── kept: answered at once
 *
 *     RankOf of one who has no place in what the cache has ──> a read of its own, of the total alone
 *                                                                  └── it belongs there by now ──> of the whole
 *
 * The whole is read for longer than the caller waits, if others wait too: for counter_service.max_deadline. */
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
