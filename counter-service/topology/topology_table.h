/* Which partition is at which Redis. Pure; a table is of 200 KB. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_TABLE_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_checks.h"

enum {
    PARTITIONS_MAX = REDIS_PARTITIONS_MAX,
    /* Redises that have partitions. One more is as one that is not there. */
    TOPOLOGY_NODES_MAX = 512,
    TOPOLOGY_NOWHERE = UINT16_MAX,
};

struct topology_table {
    int partitions; /* 0: not known */
    size_t node_count;
    struct redis_address nodes[TOPOLOGY_NODES_MAX];
    uint16_t at[PARTITIONS_MAX]; /* index of the partition's node, TOPOLOGY_NOWHERE for none */
};

/* Every partition is nowhere. */
void topology_table_init(struct topology_table *table, int partitions);
/* The node's index, where it is new too; TOPOLOGY_NOWHERE if there are too many. */
uint16_t topology_table_node(struct topology_table *table, const struct redis_address *address);
bool topology_table_find(const struct topology_table *table, int partition, struct redis_address *ret_address)
    MUST_CHECK;
/* Whether both say the same of every partition. */
bool topology_table_equal(const struct topology_table *a, const struct topology_table *b);

#endif
