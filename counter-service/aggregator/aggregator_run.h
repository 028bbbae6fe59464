/* What the aggregator's thread does, turn by turn: a connection to Redis, the follower of the outbox on it, and while
 * this instance leads
 *
 *     events ── ranking_chunk ──> ranking_apply ──> Redis          until a period or bucket begins: ranking_roll
 *     between them, not to keep writers waiting: ranking_release, ranking_scan
 *
 * Private to aggregator*.c and its tests. Owned by the aggregator's thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_RUN_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_RUN_H

#include "common/base/backoff.h"
#include "common/log/log.h"
#include "counter-service/aggregator/aggregator.h"
#include "counter-service/aggregator/aggregator_clock.h"
#include "counter-service/aggregator/aggregator_metrics.h"
#include "counter-service/aggregator/ranking_release.h"
#include "counter-service/aggregator/ranking_scan.h"
#include "counter-service/counting/ranking_apply.h"
#include "counter-service/counting/ranking_chunk.h"
#include "counter-service/outbox/outbox_follower.h"
#include "counter-service/topology/topology.h"

enum { CHUNK_ROWS_MIN = 1024 }; /* so many rows a chunk may always have */

struct aggregator_run {
    /* immutable after init */
    const struct config *config;
    struct topology *topology;
    struct aggregator_metrics metrics;
    size_t rows_max;   /* of a transaction */
    int64_t gather_us; /* how long a chunk that is not full waits for more events */
    /* Redis's side */
    struct outbox_conn conn;
    struct outbox_follower follower;
    int64_t step_us;         /* when the last step was, monotonic */
    int64_t leader_look_us;  /* its configuration is not looked at before, monotonic */
    struct error difference; /* of it; "": none */
    bool must_load;
    /* while this instance leads */
    struct ranking_state state;
    struct ranking_chunk chunk;
    int64_t chunk_us;  /* when its first event came, monotonic */
    size_t chunk_rows; /* with so many it is full */
    struct ranking_work work;
    struct ranking_release release;
    struct ranking_scan scan;
    int64_t upkeep_us;  /* no upkeep before, monotonic */
    int64_t confirm_us; /* nobody is suspected of having written before, monotonic */
    struct aggregator_clock clock;
    int64_t uncounted_look_us; /* an instance that adds no events is not looked for before, monotonic */
    struct log_limiter uncounted_limiter;
    struct log_limiter gap_limiter;
    /* when something has failed */
    struct backoff backoff;
    int64_t retry_us; /* not before, monotonic; 0: nothing has failed since */
    struct error trouble;
    struct log_limiter limiter;
};

/* Returns 0, or -1 with error filled. */
int aggregator_run_init(struct aggregator_run *run, const struct config *config, struct topology *topology,
                        struct error *error) MUST_CHECK;
void aggregator_run_done(struct aggregator_run *run);

/* One turn. Blocks for what a login to Redis or some exchanges take. Returns how long the thread may sleep before the
 * next, in ms. */
int aggregator_run_turn(struct aggregator_run *run);
/* Ends the chunk of which some records are written, and gives the lease up: unless something fails. */
void aggregator_run_finish(struct aggregator_run *run);

void aggregator_run_state(const struct aggregator_run *run, struct aggregator_state *ret_state);

#endif
