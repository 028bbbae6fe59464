/* Which node of the store has a partition: as the topology says, and a node for each address that it names. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_ROUTE_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_ROUTE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/config/config.h"
#include "common/thread/heartbeats.h"
#include "counter-service/store/store_metrics.h"
#include "counter-service/store/store_node.h"
#include "counter-service/store/store_owner.h"
#include "counter-service/topology/topology.h"

struct store_route {
    /* immutable after init */
    const struct config *config;
    struct topology *topology;
    const struct store_owner *owner;
    struct store_metrics metrics;
    /* Guarded by lock, under which the topology's is taken, and threads are started. A node lives as long as the route;
     * one that has no partitions, is not wanted and has no connection may get another address. */
    pthread_mutex_t lock;
    bool stopping;
    /* Written under lock, read without. */
    atomic_size_t node_count;
    struct store_node *nodes[TOPOLOGY_NODES_MAX];
    _Atomic(struct store_node *) at[PARTITIONS_MAX]; /* NULL: nowhere */
    /* Of the workers, node by node. Those that have no thread yet wait. */
    struct heartbeat *heartbeats;
    size_t heartbeat_count;
};

/* owner, config and topology outlive it. Returns 0, or -1 when out of memory. */
int store_route_init(struct store_route *route, const struct config *config, struct topology *topology,
                     const struct store_owner *owner, struct store_metrics metrics) MUST_CHECK;
/* Stops and joins all workers, and makes no more. */
void store_route_stop(struct store_route *route);
void store_route_done(struct store_route *route);

/* Any thread. */

/* The topology may have changed: every partition goes where that says. */
void store_route_apply(struct store_route *route);
/* As those of store_owner. */
bool store_route_assign(struct store_route *route, struct store_node *node, bool is_busy,
                        struct store_assignment *ret_assignment);
void store_route_rest(struct store_route *route, struct store_node *node);

/* Where the partition is; NULL: nowhere. */
static inline struct store_node *store_route_of(const struct store_route *route, int partition)
{
    return atomic_load_explicit(&route->at[partition], memory_order_acquire);
}

/* The node of that address, which may have no partition yet: then it has connections for some seconds. NULL: there can
 * be none. */
struct store_node *store_route_at(struct store_route *route, const struct redis_address *address);
/* The threads there are and those to come: of the first STORE_WATCHED_MAX workers. */
enum { STORE_WATCHED_MAX = 256 };
void store_route_watch(const struct store_route *route, struct heartbeats *heartbeats);

#endif
