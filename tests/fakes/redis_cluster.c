#include "tests/fakes/redis_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/topology/redis_slot.h"
#include "tests/fakes/wait_for.h"

enum { ID_SIZE = 41 };

struct redis_cluster {
    struct redis_process *nodes[REDIS_CLUSTER_NODES];
    char ids[REDIS_CLUSTER_NODES][ID_SIZE];
    char bus_ports[REDIS_CLUSTER_NODES][8];
};

static const char *port_of(struct redis_process *node)
{
    return strrchr(redis_process_address(node), ':') + 1;
}

static void expect_ok(const char *answer)
{
    if (strcmp(answer, "OK") != 0) {
        fail_msg("%s", answer);
    }
}

static void start_node(struct redis_cluster *cluster, size_t node)
{
    char epoch[8];
    snprintf(cluster->bus_ports[node], sizeof(cluster->bus_ports[node]), "%d", redis_process_free_port());
    const char *const options[] = {
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "3000", /* a machine may stand still */
        "--cluster-port",
        cluster->bus_ports[node],
        "--cluster-allow-replica-migration", /* a master that has lost its slots stays one */
        "no",
        NULL,
    };
    struct redis_process *redis = redis_process_start(options);
    cluster->nodes[node] = redis;
    snprintf(cluster->ids[node], ID_SIZE, "%s", REDIS_ASK(redis, "CLUSTER", "MYID"));
    snprintf(epoch, sizeof(epoch), "%zu", node + 1);
    expect_ok(REDIS_ASK(redis, "CLUSTER", "SET-CONFIG-EPOCH", epoch));
}

static void give_slots(struct redis_cluster *cluster, size_t node)
{
    char first[8];
    char last[8];
    snprintf(first, sizeof(first), "%zu", REDIS_SLOTS * node / REDIS_CLUSTER_EMPTY);
    snprintf(last, sizeof(last), "%zu", REDIS_SLOTS * (node + 1) / REDIS_CLUSTER_EMPTY - 1);
    expect_ok(REDIS_ASK(cluster->nodes[node], "CLUSTER", "ADDSLOTSRANGE", first, last));
}

struct redis_cluster *redis_cluster_start(void)
{
    struct redis_cluster *cluster = calloc(1, sizeof(*cluster));
    assert_non_null(cluster);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        start_node(cluster, i);
    }
    for (size_t i = 0; i < REDIS_CLUSTER_EMPTY; i++) {
        give_slots(cluster, i);
    }
    for (size_t i = 1; i < REDIS_CLUSTER_NODES; i++) {
        expect_ok(REDIS_ASK(cluster->nodes[0], "CLUSTER", "MEET", "127.0.0.1", port_of(cluster->nodes[i]),
                            cluster->bus_ports[i]));
    }
    redis_cluster_await(cluster);
    return cluster;
}

void redis_cluster_end(struct redis_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        redis_process_end(cluster->nodes[i]);
    }
    free(cluster);
}

struct redis_process *redis_cluster_node(struct redis_cluster *cluster, size_t node)
{
    return cluster->nodes[node];
}

static bool is_well(struct redis_cluster *cluster)
{
    char known[32];
    snprintf(known, sizeof(known), "cluster_known_nodes:%d\r\n", REDIS_CLUSTER_NODES);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        const char *info = REDIS_ASK(cluster->nodes[i], "CLUSTER", "INFO");
        if (strstr(info, "cluster_state:ok") == NULL || strstr(info, known) == NULL ||
            strstr(info, "cluster_slots_ok:16384\r\n") == NULL) {
            return false;
        }
    }
    return true;
}

void redis_cluster_await(struct redis_cluster *cluster)
{
    WAIT_FOR(is_well(cluster));
}

size_t redis_cluster_owner(struct redis_cluster *cluster, int slot)
{
    char key[32];
    /* Any command about a key of that slot tells; that of a partition is at hand. */
    for (int i = 0; i < 1024; i++) {
        if (redis_slot_of_partition(i) == slot) {
            snprintf(key, sizeof(key), "nothing:{p%d}", i);
            break;
        }
        assert_true(i < 1023);
    }
    for (size_t node = 0; node < REDIS_CLUSTER_NODES; node++) {
        if (strcmp(REDIS_ASK(cluster->nodes[node], "EXISTS", key), "0") == 0) {
            return node;
        }
    }
    fail_msg("nobody has slot %d", slot);
    return 0;
}

static void set_slot(struct redis_cluster *cluster, size_t at, int slot, const char *what, size_t node)
{
    char number[8];
    snprintf(number, sizeof(number), "%d", slot);
    expect_ok(REDIS_ASK(cluster->nodes[at], "CLUSTER", "SETSLOT", number, what, cluster->ids[node]));
}

void redis_cluster_begin_move(struct redis_cluster *cluster, int slot, size_t from, size_t to)
{
    set_slot(cluster, to, slot, "IMPORTING", from);
    set_slot(cluster, from, slot, "MIGRATING", to);
}

void redis_cluster_move_key(struct redis_cluster *cluster, size_t from, size_t to, const char *key)
{
    expect_ok(REDIS_ASK(cluster->nodes[from], "MIGRATE", "127.0.0.1", port_of(cluster->nodes[to]), key, "0", "5000"));
}

void redis_cluster_end_move(struct redis_cluster *cluster, int slot, size_t from, size_t to)
{
    char number[8];
    snprintf(number, sizeof(number), "%d", slot);
    /* Keys of tests have no blanks. */
    char *keys = strdup(REDIS_ASK(cluster->nodes[from], "CLUSTER", "GETKEYSINSLOT", number, "100000"));
    assert_non_null(keys);
    char *rest = keys;
    for (char *key; (key = strsep(&rest, " ")) != NULL;) {
        if (key[0] != '\0' && strcmp(REDIS_ASK(cluster->nodes[from], "EXISTS", key), "1") == 0) {
            redis_cluster_move_key(cluster, from, to, key);
        }
    }
    free(keys);
    set_slot(cluster, to, slot, "NODE", to);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        set_slot(cluster, i, slot, "NODE", to);
    }
}

struct redis_cluster_move redis_cluster_begin_partition(struct redis_cluster *cluster, int partition, size_t to)
{
    struct redis_cluster_move move = {.partition = partition, .slot = redis_slot_of_partition(partition), .to = to};
    move.from = redis_cluster_owner(cluster, move.slot);
    if (move.from == move.to) {
        move.to = (move.from + 1) % REDIS_CLUSTER_EMPTY;
    }
    redis_cluster_begin_move(cluster, move.slot, move.from, move.to);
    return move;
}
