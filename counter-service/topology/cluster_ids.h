/* The ids that the nodes of a Redis Cluster have, as CLUSTER SLOTS names them. A node keeps its id when its address
 * changes, and no other cluster has it: so they tell whether a Redis is of the same cluster, which its address does
 * not. Pure; of 64 KB. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_IDS_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "counter-service/redis/redis_conn.h"

enum {
    /* Redis's have 40 characters. A longer one is as none. */
    CLUSTER_ID_SIZE = 64,
    /* Masters and replicas. Of more than that the first: one that is known is enough. */
    CLUSTER_IDS_MAX = 1024,
};

struct cluster_ids {
    size_t count; /* 0: the server tells none */
    char at[CLUSTER_IDS_MAX][CLUSTER_ID_SIZE];
};

/* slots: the answer to CLUSTER SLOTS. What is no id is left out. */
void cluster_ids_read(const struct redis_reply *slots, struct cluster_ids *ret_ids);
/* Whether one of the ids is in the answer. */
bool cluster_ids_are_shared(const struct cluster_ids *ids, const struct redis_reply *slots);

#endif
