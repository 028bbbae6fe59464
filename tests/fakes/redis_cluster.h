/* A Redis Cluster for a test: masters on the loopback that share all slots evenly, and one more without any. Functions
 * fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_REDIS_CLUSTER_H
#define TALLY_TESTS_FAKES_REDIS_CLUSTER_H

#include <stddef.h>

#include "tests/fakes/redis_process.h"

/* The last has no slots. */
enum { REDIS_CLUSTER_NODES = 4, REDIS_CLUSTER_EMPTY = 3 };

struct redis_cluster;

/* Waits until all of them know that the cluster is well. */
struct redis_cluster *redis_cluster_start(void);
/* NULL is fine. */
void redis_cluster_end(struct redis_cluster *cluster);

struct redis_process *redis_cluster_node(struct redis_cluster *cluster, size_t node);
/* Waits until every node takes the cluster for one that serves all slots. */
void redis_cluster_await(struct redis_cluster *cluster);
/* Which of the nodes has the slot, as node 0 knows it. */
size_t redis_cluster_owner(struct redis_cluster *cluster, int slot);

/* Moving a slot, as CLUSTER SETSLOT describes it (https://redis.io/docs/latest/commands/cluster-setslot/): it begins,
 * keys go one by one, the rest follows, and all nodes know who has it. */
void redis_cluster_begin_move(struct redis_cluster *cluster, int slot, size_t from, size_t to);
void redis_cluster_move_key(struct redis_cluster *cluster, size_t from, size_t to, const char *key);
void redis_cluster_end_move(struct redis_cluster *cluster, int slot, size_t from, size_t to);

/* A partition on its way. */
struct redis_cluster_move {
    int partition;
    int slot;
    size_t from;
    size_t to;
};
/* Its slot goes from its node to that one; if they are the same, to the next. */
struct redis_cluster_move redis_cluster_begin_partition(struct redis_cluster *cluster, int partition, size_t to);

#endif
