#include "counter-service/aggregator/aggregator_run.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"
#include "counter-service/aggregator/aggregator_neighbours.h"
#include "counter-service/aggregator/aggregator_upkeep.h"
#include "counter-service/aggregator/ranking_roll.h"
#include "counter-service/board/ranking_load.h"

enum {
    /* An instance that dies is succeeded within so long. */
    LEASE_MS = 10 * 1000,
    STANDBY_MS = 1000,
    IDLE_MS = 20,
    /* The more events a chunk has, the fewer it costs: equal counters are one. */
    GATHER_MS = 100,
    GATHER_LOOK_MS = 40,
    /* The lease is renewed, and done entries let go, at least so often. */
    STEP_MS = 1000,
    READ_EVENTS = 10 * 1000,
    /* Fields that a transaction writes: Redis takes less than half a microsecond for each, and is not held for 2 ms. */
    FIELDS_MAX = 3200,
    START_MS = 100,
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
};

/* ---- init ---- */

/* A row writes a record, and comes into a bucket and leaves another in each rolling window, at most. */
static size_t rows_max_of(const struct ranking_state *state)
{
    size_t most = 1;
    for (size_t i = 0; i < state->type_count; i++) {
        const struct ranked_type *type = &state->types[i];
        size_t fields = 1;
        for (size_t k = 0; k < type->window_count; k++) {
            fields += type->windows[k].window.kind == RANKING_KIND_ROLLING ? 2 : 0;
        }
        most = fields > most ? fields : most;
    }
    return FIELDS_MAX / most;
}

int aggregator_run_init(struct aggregator_run *run, const struct config *config, struct topology *topology,
                        struct error *error)
{
    *run = (struct aggregator_run){.config = config, .topology = topology};
    if (outbox_follower_init(&run->follower, 0, outbox_consumer_rankings, LEASE_MS, error) != 0) {
        return -1;
    }
    run->follower.configured = outbox_consumers_of(config);
    if (ranking_state_init(&run->state, 0, config, error) != 0) {
        outbox_follower_done(&run->follower);
        return -1;
    }
    if (ranking_work_init(&run->work) != 0 || ranking_chunk_init(&run->chunk) != 0) {
        error_set(error, "out of memory");
        aggregator_run_done(run);
        return -1;
    }
    run->rows_max = rows_max_of(&run->state);
    run->chunk_rows = CHUNK_ROWS_MIN;
    run->gather_us = (int64_t)GATHER_MS * 1000;
    run->metrics = aggregator_metrics_register();
    backoff_init(&run->backoff, RETRY_MIN_MS, RETRY_MAX_MS);
    run->retry_us = clock_monotonic_us() + START_MS * 1000; /* a store worker gives a new store its id meanwhile */
    return 0;
}

void aggregator_run_done(struct aggregator_run *run)
{
    outbox_conn_close(&run->conn);
    outbox_follower_done(&run->follower);
    ranking_state_done(&run->state);
    ranking_work_done(&run->work);
    ranking_chunk_done(&run->chunk);
}

/* ---- when something fails ---- */

static void start_over(struct aggregator_run *run)
{
    outbox_follower_restart(&run->follower);
    ranking_chunk_clear(&run->chunk);
    run->release = (struct ranking_release){.ranked = NULL};
    run->scan = (struct ranking_scan){.is_active = false};
    run->must_load = true;
    run->step_us = 0;
}

static void fail(struct aggregator_run *run)
{
    uint64_t count;
    metrics_add(run->metrics.restarts, 1);
    start_over(run);
    outbox_conn_close(&run->conn);
    if (log_limiter_allows(&run->limiter, clock_monotonic_us(), &count)) {
        log_warn("rankings", "not kept", LOG_STR("reason", run->trouble.message), LOG_INT("count", count));
    }
    run->retry_us = clock_monotonic_us() + (int64_t)backoff_next_ms(&run->backoff) * 1000;
}

static void recover(struct aggregator_run *run)
{
    if (run->retry_us != 0) {
        if (run->trouble.message[0] != '\0') {
            log_info("rankings", "well again");
        }
        run->retry_us = 0;
        run->trouble.message[0] = '\0';
        run->limiter = (struct log_limiter){0};
        backoff_reset(&run->backoff);
    }
}

/* ---- steps ---- */

static int load(struct aggregator_run *run)
{
    const struct outbox_position position = run->follower.done;
    record_cache_clear(&run->work.cache);
    if (ranking_load(&run->state, &run->conn, &position, aggregator_now_ms(run), &run->trouble) != 0) {
        return -1;
    }
    /* A board that another leader did not keep up stands still where that one began. */
    if (ranking_roll(&run->state, &run->work.txn, &run->conn, run->state.time_ms, INT64_MIN, &run->trouble) != 0) {
        return -1;
    }
    if (aggregator_has_part(run)) {
        run->chunk.seed = run->state.part.seed;
    }
    run->must_load = false;
    run->difference.message[0] = '\0';
    log_info("rankings", "this instance keeps the rankings",
             LOG_INT("waiting", outbox_follower_waiting(&run->follower)));
    return 0;
}

/* Keeps the lease, lets go of entries that are done, and reads on. */
static int step(struct aggregator_run *run)
{
    bool restarted;
    run->step_us = clock_monotonic_us();
    if (outbox_follower_step(&run->follower, &run->conn, READ_EVENTS, &restarted, &run->trouble) != 0) {
        return -1;
    }
    if (restarted) {
        ranking_chunk_clear(&run->chunk);
        run->must_load = true;
        if (!run->follower.owns) {
            log_info("rankings", "another instance keeps the rankings");
        }
    }
    return 0;
}

/* ---- turns ---- */

/* Returns how long the thread may sleep, or -1 when something failed. */
static int lead(struct aggregator_run *run)
{
    if (run->must_load && load(run) != 0) {
        return -1;
    }
    if (aggregator_count(run) != 0) {
        return -1;
    }
    if (aggregator_has_part(run)) {
        return 0;
    }
    if (aggregator_look_for_uncounted(run) != 0 || aggregator_roll_if_due(run) != 0) {
        return -1;
    }
    const int kept_up = aggregator_upkeep(run);
    if (kept_up < 0) {
        return -1;
    }
    recover(run);
    if (!aggregator_has_counted_all(run)) {
        return aggregator_waits_for_more(run) ? GATHER_LOOK_MS : 0;
    }
    return kept_up > 0 ? 1 : IDLE_MS;
}

static int turn(struct aggregator_run *run)
{
    const struct outbox_follower *follower = &run->follower;
    const int64_t now_us = clock_monotonic_us();
    const bool must_read = follower->owns ? follower->waiting == NULL && !aggregator_chunk_is_full(run) : true;
    if ((must_read || now_us >= run->step_us + (int64_t)STEP_MS * 1000) && step(run) != 0) {
        return -1;
    }
    if (follower->owns) {
        return lead(run);
    }
    if (aggregator_compare_leader(run) != 0) {
        return -1;
    }
    recover(run);
    return STANDBY_MS;
}

static int connect(struct aggregator_run *run)
{
    struct redis_address address;
    if (!topology_find(run->topology, 0, &address)) {
        error_set(&run->trouble, "no Redis is known");
        return -1;
    }
    return outbox_conn_open(&run->conn, &address, run->config, &run->trouble);
}

int aggregator_run_turn(struct aggregator_run *run)
{
    if (run->conn.redis == NULL) {
        if (run->retry_us > clock_monotonic_us()) {
            return IDLE_MS;
        }
        start_over(run);
        if (connect(run) != 0) {
            fail(run);
            return IDLE_MS;
        }
    }
    const int pause_ms = turn(run);
    if (pause_ms < 0) {
        fail(run);
        return IDLE_MS;
    }
    return pause_ms;
}

void aggregator_run_finish(struct aggregator_run *run)
{
    bool is_well = run->conn.redis != NULL;
    while (is_well && run->chunk.is_sorted) {
        is_well = aggregator_count(run) == 0;
    }
    if (is_well) {
        outbox_follower_release(&run->follower, &run->conn);
    }
}

static int incomplete_count(const struct aggregator_run *run)
{
    int count = 0;
    if (run->follower.owns && !run->must_load) {
        RANKED_EACH (&run->state, ranked) {
            count += ranked->board.filling || ranking_board_lets_go(&ranked->board, &ranked->window);
        }
    }
    return count;
}

void aggregator_run_state(const struct aggregator_run *run, struct aggregator_state *ret_state)
{
    const struct outbox_follower *follower = &run->follower;
    const int64_t oldest_ms = outbox_follower_oldest_ms(follower);
    *ret_state = (struct aggregator_state){
        .role = follower->owns ? AGGREGATOR_LEADS : AGGREGATOR_STANDS_BY,
        .waiting = outbox_follower_waiting(follower),
        .lag_ms = oldest_ms > 0 && follower->clock_ms > oldest_ms ? follower->clock_ms - oldest_ms : 0,
        .incomplete_count = incomplete_count(run),
    };
    snprintf(ret_state->trouble, sizeof(ret_state->trouble), "%s",
             run->trouble.message[0] != '\0' ? run->trouble.message : run->difference.message);
}
