/* A consumer's connections: one to each Redis that has partitions, which these share. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_NODES_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/backoff.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "common/config/config.h"
#include "counter-service/outbox/outbox_conn.h"
#include "counter-service/redis/redis_address.h"

struct outbox_node {
    struct list_node node;
    /* immutable after it was made */
    struct redis_address address;
    /* the rest is for whoever uses it */
    struct outbox_conn conn; /* conn.redis NULL: there is none at the moment */
    size_t partitions;       /* how many are at this address */
    /* Whose keys the connection watches (WATCH), for whoever watches some; NULL when it is opened. */
    const void *watcher;
    struct backoff backoff;
    int64_t retry_us;     /* it is not opened before, monotonic; 0: nothing has failed since it worked */
    struct error trouble; /* "": none */
    bool is_due;          /* of outbox_set_step.c, within a turn */
    bool is_late;         /* likewise: its replicas were, so they are not waited for again */
};

/* Zero-initialised there are none. */
struct outbox_nodes {
    struct list list; /* of struct outbox_node */
};

void outbox_nodes_done(struct outbox_nodes *nodes);

/* The one of that address, which is made if there is none, without a connection: it is not opened before start_us,
 * monotonic. NULL when out of memory. */
struct outbox_node *outbox_nodes_find(struct outbox_nodes *nodes, const struct redis_address *address, int64_t start_us)
    MUST_CHECK;
/* Closes and forgets those that no partition is at. */
void outbox_nodes_sweep(struct outbox_nodes *nodes);

/* Makes it the last of the list. */
void outbox_nodes_put_last(struct outbox_nodes *nodes, struct outbox_node *node);

/* store_id: of a Redis Cluster; NULL: it is one Redis. Blocks as outbox_conn_open does. Returns 0, or -1 with error
 * filled. */
int outbox_node_open(struct outbox_node *node, const struct config *config, const char *store_id, struct error *error)
    MUST_CHECK;
/* A closed one is fine. */
void outbox_node_close(struct outbox_node *node);
/* Closes it; it is not opened before a backoff. */
void outbox_node_fail(struct outbox_node *node, const struct error *error);
/* What had failed works. Returns whether something had. */
bool outbox_node_recover(struct outbox_node *node);

#endif
