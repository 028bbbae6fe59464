/* A topology whose partitions a test puts where it likes, instead of topology.c: this file defines the functions of
 * topology.h, so it is included by one file of a program, and nothing of that program may need others of them. */
#ifndef TALLY_TESTS_FAKES_FAKE_TOPOLOGY_H
#define TALLY_TESTS_FAKES_FAKE_TOPOLOGY_H

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/topology/topology.h"

enum { FAKE_TOPOLOGY_MAX = 64 };

struct topology {
    atomic_int partitions;
    atomic_uint_fast64_t version;
    atomic_uint suspected;                /* how often */
    char cluster_store_id[STORE_ID_SIZE]; /* "": it is no Redis Cluster */
    struct redis_address addresses[FAKE_TOPOLOGY_MAX];
    bool is_known[FAKE_TOPOLOGY_MAX];
};

/* Not while another thread asks. address: NULL: nobody has it. */
static void fake_topology_put(struct topology *topology, int partition, const char *address)
{
    struct error error;
    topology->is_known[partition] = address != NULL;
    if (address != NULL && redis_address_parse(address, &topology->addresses[partition], &error) != 0) {
        abort();
    }
    topology->version++;
}

struct topology *topology_create(const struct config *config, struct error *error)
{
    (void)config;
    (void)error;
    return calloc(1, sizeof(struct topology));
}

void topology_free(struct topology *topology)
{
    free(topology);
}

int topology_partitions(const struct topology *topology)
{
    return topology->partitions;
}

uint64_t topology_version(const struct topology *topology)
{
    return topology->version;
}

bool topology_find(struct topology *topology, int partition, struct redis_address *ret_address)
{
    assert(partition < topology->partitions);
    *ret_address = topology->addresses[partition];
    return topology->is_known[partition];
}

bool topology_is_cluster(struct topology *topology)
{
    return topology->cluster_store_id[0] != '\0';
}

void topology_store_id(struct topology *topology, char out[STORE_ID_SIZE])
{
    memcpy(out, topology->cluster_store_id, STORE_ID_SIZE);
}

int topology_check_member(struct topology *topology, struct redis_conn *conn, struct error *error)
{
    (void)topology;
    (void)conn;
    (void)error;
    return 0;
}

void topology_suspect(struct topology *topology)
{
    topology->suspected++;
}

#endif
