/* One exchange of a worker with its Redis: a list of calls becomes one pipeline, its replies complete the calls.
 *
 *     calls ── plan ──> each operation's commands [+ heartbeat] ──> replies in order ──> done
 *               └── expired: done        (store_operations)        └── NOSCRIPT, OOM: once more, by EVAL ──┘
 *
 * Owned by one worker's thread. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_PIPELINE_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_PIPELINE_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/config/config.h"
#include "common/log/log.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/commands/write_command.h"
#include "counter-service/store/redis_handshake.h"
#include "counter-service/store/store_assignment.h"
#include "counter-service/store/store_metrics.h"
#include "counter-service/topology/redis_redirect.h"

/* A call whose commands are in the requests. */
struct planned_call {
    struct store_call *call;
    size_t start; /* where its first command begins in the requests */
};

/* A call that this Redis has not run, since its partition is elsewhere, or on its way: from here on it is not the
 * pipeline's. */
struct store_redirection {
    void (*take)(void *ctx, struct store_call *call, const struct redis_redirect *redirect);
    void *ctx;
};

struct store_pipeline {
    /* Immutable after init. */
    const struct config *config;
    struct store_metrics metrics;
    struct store_redirection redirection;
    /* Of the connection: store_pipeline_begin. */
    const struct store_assignment *assignment;
    struct redis_key_prefix *prefixes; /* of all partitions */
    struct write_settings settings;    /* its prefix is that of the partition at hand */
    /* Of the exchange under way; between exchanges only their memory matters. */
    struct buffer requests;
    struct buffer packed; /* of one call */
    struct planned_call *calls;
    size_t call_count;
    size_t call_capacity;
    /* Over all exchanges. */
    struct log_limiter refusals;
    struct log_limiter drops;
    int64_t relieve_after_us; /* not before, monotonic: the outbox had nothing to let go */
};

/* config outlives the pipeline. */
void store_pipeline_init(struct store_pipeline *pipeline, const struct config *config, struct store_metrics metrics,
                         struct store_redirection redirection);
void store_pipeline_done(struct store_pipeline *pipeline);

/* Before the first run on a connection. assignment outlives the runs, and may change between them, but not its number
 * of all partitions. Returns 0, or -1 when out of memory. */
int store_pipeline_begin(struct store_pipeline *pipeline, const struct store_assignment *assignment) MUST_CHECK;
/* Completes every call of the list (linked by next; may be NULL). Blocks for redis.timeout, or twice that after a
 * NOSCRIPT. Returns 0, or -1 with error filled: the connection must be closed. */
int store_pipeline_run(struct store_pipeline *pipeline, struct redis_conn *conn, struct redis_session *session,
                       struct store_call *calls, bool heartbeat, struct error *error) MUST_CHECK;

#endif
