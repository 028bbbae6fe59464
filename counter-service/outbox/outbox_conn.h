/* A consumer's own connection to the Redis that holds the outbox. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_CONN_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/redis/redis_script.h"

struct outbox_conn {
    struct redis_conn *redis;
    char store_id[STORE_ID_SIZE];        /* whose events it holds */
    char step_sha[REDIS_SCRIPT_SHA_LEN]; /* of outbox_step.lua */
    int timeout_ms;                      /* of an exchange */
    bool is_cluster;                     /* whose data a partition is of says a key of its own */
};

/* Blocks as redis_login does, and for redis.timeout twice. Returns 0; or -1 with error filled, also if nobody has
 * written to that Redis yet: it has no store id. */
int outbox_conn_open(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
                     struct error *error) MUST_CHECK;
/* The same for a node of a Redis Cluster, whose store is known. */
int outbox_conn_open_node(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
                          const char *store_id, struct error *error) MUST_CHECK;
/* Whether Redis still holds that store: FLUSHALL closes no connection. partition: one that is there. Returns 0, or -1
 * with error filled. */
int outbox_conn_check_store(const struct outbox_conn *conn, const struct redis_key_prefix *partition,
                            struct error *error) MUST_CHECK;
/* Waits until so many replicas have all that was written before the last exchange ended, for wait_ms at most, and
 * blocks for redis.timeout more at most. Returns 0 with how many have it; or -1 with error filled. */
int outbox_conn_await_replicas(const struct outbox_conn *conn, int wanted, int wait_ms, int64_t *ret_replicas,
                               struct error *error) MUST_CHECK;
/* Appends that key, as a word of a command. */
void outbox_conn_put_store_key(struct buffer *out, bool is_cluster, const struct redis_key_prefix *partition);
/* A closed or zeroed one is fine. */
void outbox_conn_close(struct outbox_conn *conn);

#endif
