/* One exchange of a worker with its Redis: a list of calls becomes one pipeline, its replies complete the calls.
 *
 *     calls ── plan ──> one command each (reads: one an item) [+ heartbeat] ──> replies in order ──> done
 *               └── expired: done               └── NOSCRIPT: once more, by EVAL ──┘
 *
 * Owned by one worker's thread. */
#ifndef TALLY_COUNTER_SERVICE_STORE_PIPELINE_H
#define TALLY_COUNTER_SERVICE_STORE_PIPELINE_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/log.h"
#include "counter-service/redis_handshake.h"
#include "counter-service/store.h"
#include "counter-service/store_metrics.h"
#include "counter-service/store_plan.h"

struct store_pipeline {
    /* Immutable after init. */
    const struct config *config;
    int timeout_ms;
    struct store_metrics metrics;
    /* Between exchanges only their memory matters. */
    struct store_plan plan;
    struct log_limiter refusals;
};

/* config outlives the pipeline. */
void store_pipeline_init(struct store_pipeline *pipeline, const struct config *config, struct store_metrics metrics);
void store_pipeline_done(struct store_pipeline *pipeline);

/* Completes every call of the list (linked by next; may be NULL). Blocks for redis.timeout, or twice that after a
 * NOSCRIPT. Returns 0, or -1 with error filled: the connection must be closed. */
int store_pipeline_run(struct store_pipeline *pipeline, struct redis_conn *conn, struct redis_session *session,
                       struct store_call *calls, bool heartbeat, struct error *error) MUST_CHECK;

#endif
