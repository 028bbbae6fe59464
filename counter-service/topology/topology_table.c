#include "counter-service/topology/topology_table.h"

#include <assert.h>

void topology_table_init(struct topology_table *table, int partitions)
{
    assert(partitions >= 0 && partitions <= PARTITIONS_MAX);
    table->partitions = partitions;
    table->node_count = 0;
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        table->at[i] = TOPOLOGY_NOWHERE;
    }
}

uint16_t topology_table_node(struct topology_table *table, const struct redis_address *address)
{
    for (size_t i = 0; i < table->node_count; i++) {
        if (redis_address_equal(&table->nodes[i], address)) {
            return (uint16_t)i;
        }
    }
    if (table->node_count == TOPOLOGY_NODES_MAX) {
        return TOPOLOGY_NOWHERE;
    }
    table->nodes[table->node_count] = *address;
    return (uint16_t)table->node_count++;
}

bool topology_table_find(const struct topology_table *table, int partition, struct redis_address *ret_address)
{
    assert(partition >= 0 && partition < table->partitions);
    const uint16_t node = table->at[partition];
    if (node == TOPOLOGY_NOWHERE) {
        return false;
    }
    *ret_address = table->nodes[node];
    return true;
}

bool topology_table_equal(const struct topology_table *a, const struct topology_table *b)
{
    if (a->partitions != b->partitions) {
        return false;
    }
    for (int i = 0; i < a->partitions; i++) {
        struct redis_address of_a;
        struct redis_address of_b;
        const bool is_known = topology_table_find(a, i, &of_a);
        if (is_known != topology_table_find(b, i, &of_b) || (is_known && !redis_address_equal(&of_a, &of_b))) {
            return false;
        }
    }
    return true;
}
