#include "counter-service/topology/topology.h"

#include <assert.h>
#include <stdlib.h>

struct topology {
    /* immutable after create */
    int partitions;
    struct redis_address *seeds; /* what configuration names */
    size_t seed_count;
};

static int parse_seeds(struct topology *topology, const struct config *config, struct error *error)
{
    topology->seeds = calloc(config->redis.addr_count, sizeof(*topology->seeds));
    if (topology->seeds == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (; topology->seed_count < config->redis.addr_count; topology->seed_count++) {
        const size_t i = topology->seed_count;
        if (redis_address_parse(config->redis.addrs[i], &topology->seeds[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

struct topology *topology_create(const struct config *config, struct error *error)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    if (topology == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    topology->partitions = config->redis.partitions;
    if (parse_seeds(topology, config, error) != 0) {
        topology_free(topology);
        return NULL;
    }
    return topology;
}

void topology_free(struct topology *topology)
{
    if (topology != NULL) {
        free(topology->seeds);
        free(topology);
    }
}

int topology_partitions(const struct topology *topology)
{
    return topology->partitions;
}

uint64_t topology_version(const struct topology *topology)
{
    (void)topology;
    return 1;
}

bool topology_find(const struct topology *topology, int partition, struct redis_address *ret_address)
{
    assert(partition >= 0 && partition < topology->partitions);
    *ret_address = topology->seeds[0];
    return true;
}

void topology_suspect(struct topology *topology)
{
    (void)topology;
}
