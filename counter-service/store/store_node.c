#include "counter-service/store/store_node.h"

#include <stdlib.h>

#include "counter-service/store/store_worker.h"

struct store_node *store_node_create(const struct config *config, const struct redis_address *address,
                                     const struct store_owner *owner, struct store_metrics metrics,
                                     struct heartbeat *heartbeats)
{
    const size_t count = (size_t)config->redis.workers;
    struct store_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->address = *address;
    node->workers = calloc(count, sizeof(struct store_worker *));
    if (node->workers == NULL) {
        free(node);
        return NULL;
    }
    struct store_worker_options options = {
        .config = config,
        .owner = owner,
        .node = node,
        .queue_max = ((size_t)config->counter_service.queue + count - 1) / count,
        .metrics = metrics,
    };
    for (; node->worker_count < count; node->worker_count++) {
        options.index = (int)node->worker_count;
        options.heartbeat = &heartbeats[node->worker_count];
        node->workers[node->worker_count] = store_worker_create(&options);
        if (node->workers[node->worker_count] == NULL) {
            store_node_free(node);
            return NULL;
        }
    }
    return node;
}

int store_node_start(struct store_node *node, struct error *error)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        if (store_worker_start(node->workers[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

void store_node_stop(struct store_node *node)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        store_worker_stop(node->workers[i]);
    }
}

void store_node_join(struct store_node *node)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        store_worker_join(node->workers[i]);
    }
}

void store_node_free(struct store_node *node)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        store_worker_free(node->workers[i]);
    }
    free(node->workers);
    free(node);
}

enum status store_node_put(struct store_node *node, struct store_call *calls)
{
    const size_t first = atomic_fetch_add_explicit(&node->next_worker, 1, memory_order_relaxed);
    enum status status = STATUS_REDIS_DOWN;
    for (size_t i = 0; i < node->worker_count && status != STATUS_OK; i++) {
        struct store_worker *worker = node->workers[(first + i) % node->worker_count];
        status = store_queue_put(store_worker_queue(worker), calls);
    }
    return status;
}

bool store_node_is_open(const struct store_node *node, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        if (!store_queue_is_open(store_worker_queue(node->workers[i]), reason, reason_size)) {
            return false;
        }
    }
    return true;
}

bool store_node_refuses_writes(const struct store_node *node, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        if (store_queue_refuses_writes(store_worker_queue(node->workers[i]), reason, reason_size)) {
            return true;
        }
    }
    return false;
}

bool store_node_misses_events(const struct store_node *node)
{
    for (size_t i = 0; i < node->worker_count; i++) {
        if (store_worker_misses_events(node->workers[i])) {
            return true;
        }
    }
    return false;
}

size_t store_node_queue_length(const struct store_node *node)
{
    size_t length = 0;
    for (size_t i = 0; i < node->worker_count; i++) {
        length += store_queue_length(store_worker_queue(node->workers[i]));
    }
    return length;
}
