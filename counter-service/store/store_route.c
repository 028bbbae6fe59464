#include "counter-service/store/store_route.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/log/log.h"

/* From one command that a node without partitions is asked to the next: it keeps its connections so long. */
enum { WANTED_US = 5 * 1000 * 1000 };

int store_route_init(struct store_route *route, const struct config *config, struct topology *topology,
                     const struct store_owner *owner, struct store_metrics metrics)
{
    *route = (struct store_route){.config = config, .topology = topology, .owner = owner, .metrics = metrics};
    pthread_mutex_init(&route->lock, NULL);
    route->heartbeat_count = (size_t)config->redis.workers * TOPOLOGY_NODES_MAX;
    route->heartbeats = calloc(route->heartbeat_count, sizeof(*route->heartbeats));
    if (route->heartbeats == NULL) {
        return -1;
    }
    for (size_t i = 0; i < route->heartbeat_count; i++) {
        heartbeat_waits(&route->heartbeats[i], true);
    }
    return 0;
}

void store_route_done(struct store_route *route)
{
    const size_t count = atomic_load(&route->node_count);
    for (size_t i = 0; i < count; i++) {
        store_node_free(route->nodes[i]);
    }
    free(route->heartbeats);
    pthread_mutex_destroy(&route->lock);
}

void store_route_stop(struct store_route *route)
{
    pthread_mutex_lock(&route->lock);
    route->stopping = true;
    const size_t count = atomic_load(&route->node_count);
    pthread_mutex_unlock(&route->lock);
    /* In two steps, because a running worker asks for the state of all, and none should wait for another's end. */
    for (size_t i = 0; i < count; i++) {
        store_node_stop(route->nodes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        store_node_join(route->nodes[i]);
    }
}

static struct store_node *find_locked(struct store_route *route, const struct redis_address *address)
{
    const size_t count = atomic_load(&route->node_count);
    for (size_t i = 0; i < count; i++) {
        if (redis_address_equal(&route->nodes[i]->address, address)) {
            return route->nodes[i];
        }
    }
    return NULL;
}

/* One that is of no use any more, under another address. */
static struct store_node *reuse_locked(struct store_route *route, const struct redis_address *address)
{
    const size_t count = atomic_load(&route->node_count);
    const int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < count; i++) {
        struct store_node *node = route->nodes[i];
        if (node->busy == 0 && atomic_load(&node->partition_count) == 0 && now_us >= node->wanted_until_us) {
            node->address = *address;
            return node;
        }
    }
    return NULL;
}

static struct store_node *make_locked(struct store_route *route, const struct redis_address *address)
{
    struct error error = {.message = "out of memory"};
    const size_t count = atomic_load(&route->node_count);
    if (count == TOPOLOGY_NODES_MAX || route->stopping) {
        return NULL;
    }
    struct heartbeat *heartbeats = &route->heartbeats[count * (size_t)route->config->redis.workers];
    struct store_node *node = store_node_create(route->config, address, route->owner, route->metrics, heartbeats);
    if (node == NULL) {
        log_error("redis", "no workers for a Redis", LOG_STR("error", error.message));
        return NULL;
    }
    route->nodes[count] = node;
    atomic_store(&route->node_count, count + 1);
    if (store_node_start(node, &error) != 0) {
        log_error("redis", "no workers for a Redis", LOG_STR("error", error.message)); /* it refuses all calls */
    }
    return node;
}

/* NULL: there is none for that address, and none could be made. */
static struct store_node *node_for_locked(struct store_route *route, const struct redis_address *address)
{
    struct store_node *node = find_locked(route, address);
    node = node != NULL ? node : reuse_locked(route, address);
    return node != NULL ? node : make_locked(route, address);
}

void store_route_apply(struct store_route *route)
{
    const int partitions = topology_partitions(route->topology);
    pthread_mutex_lock(&route->lock);
    for (int i = 0; i < partitions; i++) {
        struct redis_address address;
        struct store_node *before = atomic_load(&route->at[i]);
        struct store_node *now = topology_find(route->topology, i, &address) ? node_for_locked(route, &address) : NULL;
        if (now == before) {
            continue;
        }
        if (now != NULL) {
            atomic_fetch_add(&now->partition_count, 1);
        }
        atomic_store(&route->at[i], now);
        if (before != NULL) {
            atomic_fetch_sub(&before->partition_count, 1);
        }
    }
    pthread_mutex_unlock(&route->lock);
}

bool store_route_assign(struct store_route *route, struct store_node *node, bool is_busy,
                        struct store_assignment *ret_assignment)
{
    const int partitions = topology_partitions(route->topology);
    pthread_mutex_lock(&route->lock);
    ret_assignment->address = node->address;
    ret_assignment->partitions = partitions;
    ret_assignment->is_cluster = topology_is_cluster(route->topology);
    topology_store_id(route->topology, ret_assignment->store_id);
    ret_assignment->count = 0;
    for (int i = 0; i < partitions; i++) {
        if (atomic_load(&route->at[i]) == node) {
            ret_assignment->numbers[ret_assignment->count++] = (uint16_t)i;
        }
    }
    const bool has_work = ret_assignment->count > 0 || clock_monotonic_us() < node->wanted_until_us;
    node->busy += has_work && !is_busy;
    pthread_mutex_unlock(&route->lock);
    return has_work;
}

void store_route_rest(struct store_route *route, struct store_node *node)
{
    pthread_mutex_lock(&route->lock);
    assert(node->busy > 0);
    node->busy--;
    pthread_mutex_unlock(&route->lock);
}

struct store_node *store_route_at(struct store_route *route, const struct redis_address *address)
{
    pthread_mutex_lock(&route->lock);
    struct store_node *node = node_for_locked(route, address);
    if (node != NULL) {
        node->wanted_until_us = clock_monotonic_us() + WANTED_US;
    }
    pthread_mutex_unlock(&route->lock);
    return node;
}

void store_route_watch(const struct store_route *route, struct heartbeats *heartbeats)
{
    for (size_t i = 0; i < route->heartbeat_count && i < STORE_WATCHED_MAX; i++) {
        heartbeats_add(heartbeats, "store", (int)i, &route->heartbeats[i]);
    }
}
