/* What the aggregator does for one partition: while this instance leads it
 *
 *     events ── ranking_chunk ──> ranking_apply ──> Redis          until a period or bucket begins: ranking_roll
 *     between them, not to keep writers waiting: ranking_release, ranking_scan
 *
 * Private to aggregator*.c and its tests. Owned by the aggregator's thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_RUN_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_RUN_H

#include "common/log/log.h"
#include "counter-service/aggregator/aggregator.h"
#include "counter-service/aggregator/aggregator_clock.h"
#include "counter-service/aggregator/aggregator_metrics.h"
#include "counter-service/aggregator/ranking_release.h"
#include "counter-service/aggregator/ranking_scan.h"
#include "counter-service/counting/ranking_apply.h"
#include "counter-service/counting/ranking_chunk.h"
#include "counter-service/outbox/outbox_set.h"

enum { CHUNK_ROWS_MIN = 1024 }; /* so many rows a chunk may always have */

/* What the partitions have in common. */
struct aggregator_shared {
    struct aggregator_metrics metrics;
    size_t partitions;
    struct ranking_work work;
    int64_t upkeep_us; /* no upkeep before, monotonic */
    struct log_limiter uncounted_limiter;
    struct log_limiter gap_limiter;
};

struct aggregator_run {
    /* immutable after init */
    struct aggregator_shared *shared;
    struct outbox_member *member;
    struct outbox_follower *follower; /* the member's */
    size_t rows_max;                  /* of a transaction */
    int64_t gather_us;                /* how long a chunk that is not full waits for more events */
    /* Redis's side */
    const struct outbox_conn *conn; /* in a turn of the partition; NULL: there is none */
    int64_t leader_look_us;         /* its configuration is not looked at before, monotonic */
    struct error difference;        /* of it; "": none */
    bool must_load;
    /* while this instance leads the partition */
    struct ranking_state state;
    bool has_room; /* chunk and cache are there */
    struct ranking_chunk chunk;
    struct record_cache cache;
    int64_t chunk_us;  /* when its first event came, monotonic */
    size_t chunk_rows; /* with so many it is full */
    struct ranking_release release;
    struct ranking_scan scan;
    int64_t confirm_us; /* nobody is suspected of having written before, monotonic */
    struct aggregator_clock clock;
    int64_t uncounted_look_us; /* an instance that adds no events is not looked for before, monotonic */
    struct error trouble;      /* why the last turn failed; "": it did not */
};

/* shared and member outlive the run. Returns 0, or -1 with error filled. */
int aggregator_run_init(struct aggregator_run *run, const struct config *config, struct aggregator_shared *shared,
                        struct outbox_member *member, struct error *error) MUST_CHECK;
/* NULL-safe for a zeroed one. */
void aggregator_run_done(struct aggregator_run *run);

/* Some work of the partition, on run->conn, which is there: counts, rolls and keeps up if this instance leads it, else
 * looks who does. Blocks for some exchanges. Returns how long the thread may sleep before the next, in ms; or -1 with
 * run->trouble filled. */
int aggregator_run_work(struct aggregator_run *run);
/* What the outbox's follower is to read, and when. */
struct outbox_wish aggregator_run_wish(const struct aggregator_run *run, int idle_ms);
/* It has taken a step; restarted: as outbox_follower_step. */
void aggregator_run_stepped(struct aggregator_run *run, bool restarted);
/* It was started over: what was read and not counted is read again. */
void aggregator_run_lost(struct aggregator_run *run);
/* Some records of a chunk are written, and some are not. */
bool aggregator_run_is_amid(const struct aggregator_run *run);
/* Ends the chunk of which some records are written, on run->conn. Returns 0, or -1 with run->trouble filled. */
int aggregator_run_finish(struct aggregator_run *run) MUST_CHECK;

/* Before what is to be written is read: the connection is the partitions', and watches the state of the one that wrote
 * last. Returns 0, or -1 with run->trouble filled. */
int aggregator_run_claim(struct aggregator_run *run) MUST_CHECK;
/* Windows whose order is being made anew, or that let go of a bucket. */
int aggregator_run_incomplete(const struct aggregator_run *run);

#endif
