#include "counter-service/topology/topology.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/thread/background.h"
#include "common/thread/condition.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/topology/cluster_member.h"
#include "counter-service/topology/topology_look.h"

enum {
    LOOK_MS = 1000,
    /* At sentinels: a failover is followed so soon after it. */
    LOOK_AT_SENTINELS_MS = 250,
    /* Between two looks, however many suspect. */
    SUSPECTED_MS = 20,
    RETRY_MIN_MS = 25,
    RETRY_MAX_MS = 1000,
};

struct topology {
    /* immutable after create */
    const struct config *config;
    struct redis_address *seeds; /* what configuration names */
    size_t seed_count;
    struct background background;

    /* owned by the thread */
    struct topology_look look;
    struct backoff backoff;
    struct log_limiter limiter;

    atomic_int partitions;
    atomic_uint_fast64_t version;

    /* Held while on_change runs, which may ask for addresses: so before `lock`. */
    pthread_mutex_t follow_lock;
    void (*on_change)(void *ctx);
    void *ctx;

    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct topology_table table;
    struct cluster_ids ids; /* of a cluster */
    bool is_cluster;
    char store_id[STORE_ID_SIZE];
    struct error trouble;
};

static void tell(struct topology *topology)
{
    pthread_mutex_lock(&topology->follow_lock);
    if (topology->on_change != NULL) {
        topology->on_change(topology->ctx);
    }
    pthread_mutex_unlock(&topology->follow_lock);
}

static void note_change_locked(struct topology *topology)
{
    atomic_store(&topology->partitions, topology->table.partitions);
    atomic_fetch_add(&topology->version, 1);
    pthread_cond_broadcast(&topology->changed);
}

/* ---- the thread ---- */

static size_t count_nowhere(const struct topology_table *table)
{
    size_t count = 0;
    for (int i = 0; i < table->partitions; i++) {
        count += table->at[i] == TOPOLOGY_NOWHERE;
    }
    return count;
}

static void publish(struct topology *topology)
{
    const struct topology_look *look = &topology->look;
    pthread_mutex_lock(&topology->lock);
    topology->trouble.message[0] = '\0';
    topology->is_cluster = look->is_cluster;
    topology->ids = look->ids;
    snprintf(topology->store_id, sizeof(topology->store_id), "%s", look->store_id);
    const bool is_new = !topology_table_equal(&topology->table, &look->table);
    const bool is_first = topology->table.partitions == 0;
    if (is_new) {
        topology->table = look->table;
        note_change_locked(topology);
    }
    pthread_mutex_unlock(&topology->lock);
    topology->limiter = (struct log_limiter){0};
    if (!is_new) {
        return;
    }
    if (look->is_cluster) {
        log_info("redis", "the cluster's nodes", LOG_INT("nodes", look->table.node_count),
                 LOG_INT("partitions", look->table.partitions),
                 LOG_INT("partitions_nowhere", count_nowhere(&look->table)));
        if (is_first && look->table.partitions == 1) {
            log_warn("redis", "redis.partitions is 1 on a Redis Cluster: all data are on one node");
        }
    } else if (look->sentinels.count > 0) {
        log_info("redis", "the master that the sentinels name",
                 LOG_STR("redis", redis_address_write(&look->asked).text),
                 LOG_INT("partitions", look->table.partitions), LOG_INT("epoch", look->sentinels.epoch));
    }
    tell(topology);
}

static void fail(struct topology *topology, const struct error *error)
{
    pthread_mutex_lock(&topology->lock);
    topology->trouble = *error;
    pthread_mutex_unlock(&topology->lock);
    uint64_t count;
    if (log_limiter_allows(&topology->limiter, clock_monotonic_us(), &count)) {
        log_warn("redis", "not usable", LOG_STR("reason", error->message), LOG_INT("count", count));
    }
    tell(topology); /* of the reason */
}

static void run(void *ctx)
{
    struct topology *topology = ctx;
    int pause_ms;
    do {
        struct error error = {.message = ""};
        if (topology_look(&topology->look, &error) == 0) {
            publish(topology);
            if (!topology_look_may_change(&topology->look)) {
                topology_look_done(&topology->look);
                return; /* it stays where it is */
            }
            backoff_reset(&topology->backoff);
            pause_ms = topology->look.is_cluster ? LOOK_MS : LOOK_AT_SENTINELS_MS;
        } else {
            fail(topology, &error);
            pause_ms = (int)backoff_next_ms(&topology->backoff);
        }
    } while (background_pause(&topology->background, pause_ms) && background_rest(&topology->background, SUSPECTED_MS));
}

/* ---- any thread ---- */

int topology_partitions(const struct topology *topology)
{
    return atomic_load_explicit(&topology->partitions, memory_order_acquire);
}

int topology_await(struct topology *topology, int timeout_ms, struct error *error)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    pthread_mutex_lock(&topology->lock);
    while (topology->table.partitions == 0 && condition_wait(&topology->changed, &topology->lock, until_us)) {
        /* woken, and perhaps for nothing */
    }
    const int partitions = topology->table.partitions;
    if (partitions == 0) {
        *error = topology->trouble;
    }
    pthread_mutex_unlock(&topology->lock);
    return partitions;
}

uint64_t topology_version(const struct topology *topology)
{
    return atomic_load_explicit(&topology->version, memory_order_acquire);
}

bool topology_find(struct topology *topology, int partition, struct redis_address *ret_address)
{
    pthread_mutex_lock(&topology->lock);
    const bool is_known = topology_table_find(&topology->table, partition, ret_address);
    pthread_mutex_unlock(&topology->lock);
    return is_known;
}

bool topology_is_cluster(struct topology *topology)
{
    pthread_mutex_lock(&topology->lock);
    const bool is_cluster = topology->is_cluster;
    pthread_mutex_unlock(&topology->lock);
    return is_cluster;
}

void topology_store_id(struct topology *topology, char out[STORE_ID_SIZE])
{
    pthread_mutex_lock(&topology->lock);
    snprintf(out, STORE_ID_SIZE, "%s", topology->store_id);
    pthread_mutex_unlock(&topology->lock);
}

int topology_check_member(struct topology *topology, struct redis_conn *conn, struct error *error)
{
    struct redis_reply slots;
    if (cluster_member_ask(conn, topology->config->redis.timeout_ms, &slots, error) != 0) {
        return -1;
    }
    pthread_mutex_lock(&topology->lock);
    const bool is_told = topology->ids.count > 0;
    const int result = is_told ? cluster_member_check(&topology->ids, &slots, error) : 0;
    pthread_mutex_unlock(&topology->lock);
    if (!is_told) {
        redis_login_untold(REDIS_UNTOLD_NODES);
    }
    return result;
}

void topology_trouble(struct topology *topology, char *out, size_t size)
{
    pthread_mutex_lock(&topology->lock);
    snprintf(out, size, "%s", topology->trouble.message);
    pthread_mutex_unlock(&topology->lock);
}

void topology_suspect(struct topology *topology)
{
    background_wake(&topology->background);
}

void topology_moved(struct topology *topology, int partition, const struct redis_address *address)
{
    bool is_new = false;
    pthread_mutex_lock(&topology->lock);
    struct topology_table *table = &topology->table;
    if (topology->is_cluster && partition < table->partitions) {
        const uint16_t node = topology_table_node(table, address);
        is_new = node != TOPOLOGY_NOWHERE && table->at[partition] != node;
        if (is_new) {
            table->at[partition] = node;
            note_change_locked(topology);
        }
    }
    pthread_mutex_unlock(&topology->lock);
    if (is_new) {
        tell(topology);
        topology_suspect(topology);
    }
}

void topology_follow(struct topology *topology, void (*on_change)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&topology->follow_lock);
    topology->on_change = on_change;
    topology->ctx = ctx;
    if (on_change != NULL && topology_partitions(topology) > 0) {
        on_change(ctx);
    }
    pthread_mutex_unlock(&topology->follow_lock);
}

/* ---- start and end ---- */

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

static struct topology *create(const struct config *config, bool may_write, struct error *error)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    if (topology == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    topology->config = config;
    if (parse_seeds(topology, config, error) != 0) {
        free(topology->seeds);
        free(topology);
        return NULL;
    }
    pthread_mutex_init(&topology->follow_lock, NULL);
    pthread_mutex_init(&topology->lock, NULL);
    condition_init(&topology->changed);
    error_set(&topology->trouble, "not connected to Redis yet");
    topology_table_init(&topology->table, 0);
    backoff_init(&topology->backoff, RETRY_MIN_MS, RETRY_MAX_MS);
    if (topology_look_init(&topology->look, config, topology->seeds, topology->seed_count, may_write, error) != 0 ||
        background_start(&topology->background, "topology", run, topology, error) != 0) {
        topology_free(topology);
        return NULL;
    }
    return topology;
}

struct topology *topology_create(const struct config *config, struct error *error)
{
    return create(config, true, error);
}

struct topology *topology_create_to_read(const struct config *config, struct error *error)
{
    return create(config, false, error);
}

void topology_free(struct topology *topology)
{
    if (topology == NULL) {
        return;
    }
    atomic_store(&topology->look.stopping, true);
    background_join(&topology->background);
    topology_look_done(&topology->look);
    pthread_cond_destroy(&topology->changed);
    pthread_mutex_destroy(&topology->lock);
    pthread_mutex_destroy(&topology->follow_lock);
    free(topology->seeds);
    free(topology);
}
