#include "counter-service/outbox/outbox_nodes.h"

#include <stdlib.h>

#include "common/base/clock.h"

enum {
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
};

static void drop(struct outbox_nodes *nodes, struct outbox_node *node)
{
    list_remove(&nodes->list, &node->node);
    outbox_node_close(node);
    free(node);
}

void outbox_nodes_done(struct outbox_nodes *nodes)
{
    struct outbox_node *node;
    while ((node = LIST_ENTRY(nodes->list.first, struct outbox_node, node)) != NULL) {
        drop(nodes, node);
    }
}

struct outbox_node *outbox_nodes_find(struct outbox_nodes *nodes, const struct redis_address *address, int64_t start_us)
{
    LIST_EACH (struct outbox_node, found, &nodes->list, node) {
        if (redis_address_equal(&found->address, address)) {
            return found;
        }
    }
    struct outbox_node *node = calloc(1, sizeof(*node));
    if (node != NULL) {
        node->address = *address;
        node->retry_us = start_us;
        backoff_init(&node->backoff, RETRY_MIN_MS, RETRY_MAX_MS);
        list_append(&nodes->list, &node->node);
    }
    return node;
}

void outbox_nodes_sweep(struct outbox_nodes *nodes)
{
    struct list_node *next;
    for (struct list_node *at = nodes->list.first; at != NULL; at = next) {
        struct outbox_node *node = CONTAINER_OF(at, struct outbox_node, node);
        next = at->next;
        if (node->partitions == 0) {
            drop(nodes, node);
        }
    }
}

void outbox_nodes_put_last(struct outbox_nodes *nodes, struct outbox_node *node)
{
    list_remove(&nodes->list, &node->node);
    list_append(&nodes->list, &node->node);
}

int outbox_node_open(struct outbox_node *node, const struct config *config, const char *store_id, struct error *error)
{
    node->watcher = NULL;
    if (store_id != NULL) {
        return outbox_conn_open_node(&node->conn, &node->address, config, store_id, error);
    }
    return outbox_conn_open(&node->conn, &node->address, config, error);
}

void outbox_node_close(struct outbox_node *node)
{
    outbox_conn_close(&node->conn);
    node->watcher = NULL;
}

void outbox_node_fail(struct outbox_node *node, const struct error *error)
{
    outbox_node_close(node);
    node->trouble = *error;
    node->retry_us = clock_monotonic_us() + (int64_t)backoff_next_ms(&node->backoff) * 1000;
}

bool outbox_node_recover(struct outbox_node *node)
{
    const bool had_failed = node->trouble.message[0] != '\0';
    node->retry_us = 0;
    node->trouble.message[0] = '\0';
    backoff_reset(&node->backoff);
    return had_failed;
}
