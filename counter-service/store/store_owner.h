/* What a worker and its node ask of the store that they are of. Called on a worker's thread, without a lock. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_OWNER_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_OWNER_H

#include <stdbool.h>

#include "common/base/error.h"
#include "common/contract/status.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/store/store_assignment.h"
#include "counter-service/topology/redis_redirect.h"

struct store_node;

struct store_owner {
    /* What the node serves now. False: nothing, and the worker is to have no connection. is_busy: whether it has one,
     * or is about to make one if there is something to serve; then the node keeps its address. */
    bool (*assign)(void *ctx, struct store_node *node, bool is_busy, struct store_assignment *ret_assignment);
    /* A busy worker has no connection any more. */
    void (*rest)(void *ctx, struct store_node *node);
    /* Whether the connection leads to a node of the data's Redis Cluster. As topology_check_member. */
    int (*check_member)(void *ctx, struct redis_conn *conn, struct error *error);
    /* A connection is ready. False: it leads to another store than the connections of other workers, so it may not be
     * used now. */
    bool (*admit)(void *ctx, const char *store_id);
    /* A queue was opened, after admit, or closed. */
    void (*on_change)(void *ctx, bool is_open);
    /* A connection was lost, or a partition is elsewhere. */
    void (*suspect)(void *ctx);
    /* Redis has said that the call's partition is at that address. */
    void (*moved)(void *ctx, int partition, const struct redis_address *address);
    /* Whether the partition is the node's now. */
    bool (*is_at)(void *ctx, const struct store_node *node, int partition);
    /* Puts the call where its partition is now, or at that address, whatever is said to be there. As store_submit. */
    enum status (*put)(void *ctx, struct store_call *call);
    enum status (*put_at)(void *ctx, const struct redis_address *address, struct store_call *call);
    void *ctx;
};

#endif
