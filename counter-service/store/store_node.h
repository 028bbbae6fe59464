/* One Redis of the store: its workers, among which calls are shared out. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_NODE_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeat.h"
#include "counter-service/store/store_metrics.h"
#include "counter-service/store/store_owner.h"

struct store_worker;

struct store_node {
    /* immutable after create */
    struct store_worker **workers;
    size_t worker_count;
    atomic_size_t next_worker;
    /* The store's, which guards them (store.c). */
    struct redis_address address;
    int64_t wanted_until_us; /* monotonic: it is asked about a partition that it does not have yet */
    size_t busy;             /* workers that have a connection, or are about to make one */
    atomic_size_t partition_count;
};

/* No threads yet. owner and heartbeats, one a worker, outlive it. NULL when out of memory. */
struct store_node *store_node_create(const struct config *config, const struct redis_address *address,
                                     const struct store_owner *owner, struct store_metrics metrics,
                                     struct heartbeat *heartbeats) MUST_CHECK;
/* Starts the workers. Returns 0, or -1 with error filled: some may run. */
int store_node_start(struct store_node *node, struct error *error) MUST_CHECK;
/* As those of store_worker.h, for all workers. */
void store_node_stop(struct store_node *node);
void store_node_join(struct store_node *node);
void store_node_free(struct store_node *node);

/* Any thread. Those that look are as those of store_queue.h. */

/* Puts a list of calls on one worker: round robin; the others are tried when a worker refuses. As store_queue_put. */
enum status store_node_put(struct store_node *node, struct store_call *calls) MUST_CHECK;
/* Whether every worker is connected; if one is not and reason is not NULL, why. */
bool store_node_is_open(const struct store_node *node, char *reason, size_t reason_size);
bool store_node_refuses_writes(const struct store_node *node, char *reason, size_t reason_size);
bool store_node_misses_events(const struct store_node *node);
size_t store_node_queue_length(const struct store_node *node);

#endif
