#include "counter-service/aggregator/aggregator_run.h"

#include <assert.h>

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"
#include "counter-service/aggregator/aggregator_neighbours.h"
#include "counter-service/aggregator/aggregator_upkeep.h"
#include "counter-service/aggregator/ranking_roll.h"
#include "counter-service/board/ranking_load.h"

enum {
    STANDBY_MS = 1000,
    IDLE_MS = 20,
    /* The more events a chunk has, the fewer it costs: equal counters are one. */
    GATHER_MS = 100,
    GATHER_LOOK_MS = 40,
    /* The lease is renewed, and done entries let go, at least so often. */
    STEP_MS = 1000,
    /* Of all partitions together, and at least of each. */
    READ_EVENTS = 10 * 1000,
    READ_EVENTS_MIN = 250,
    RECORDS_MIN = 1024,
    /* Fields that a transaction writes: Redis takes less than half a microsecond for each, and is not held for 2 ms. */
    FIELDS_MAX = 3200,
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

int aggregator_run_init(struct aggregator_run *run, const struct config *config, struct aggregator_shared *shared,
                        struct outbox_member *member, struct error *error)
{
    *run = (struct aggregator_run){.shared = shared, .member = member, .follower = &member->follower};
    if (ranking_state_init(&run->state, run->follower->partition, config, error) != 0) {
        return -1;
    }
    run->must_load = true;
    run->rows_max = rows_max_of(&run->state);
    run->chunk_rows = CHUNK_ROWS_MIN;
    run->gather_us = (int64_t)GATHER_MS * 1000;
    return 0;
}

/* ---- room, while the partition is led ---- */

static void drop_room(struct aggregator_run *run)
{
    ranking_chunk_done(&run->chunk);
    record_cache_done(&run->cache);
    run->chunk = (struct ranking_chunk){.rows_max = 0};
    run->has_room = false;
}

/* The partitions have together about what one has that is alone. */
static int make_room(struct aggregator_run *run)
{
    const size_t share = RECORD_CACHE_MAX / run->shared->partitions;
    const size_t records = share < RECORDS_MIN ? RECORDS_MIN : share / 2 * 2;
    if (run->has_room) {
        return 0;
    }
    if (record_cache_init(&run->cache, records) != 0 ||
        ranking_chunk_init(&run->chunk, ranking_chunk_rows_of(run->shared->partitions)) != 0) {
        drop_room(run);
        error_set(&run->trouble, "out of memory");
        return -1;
    }
    run->has_room = true;
    return 0;
}

void aggregator_run_done(struct aggregator_run *run)
{
    drop_room(run);
    ranking_state_done(&run->state);
}

/* ---- steps ---- */

static void clear_chunk(struct aggregator_run *run)
{
    if (run->has_room) {
        ranking_chunk_clear(&run->chunk);
    }
}

void aggregator_run_lost(struct aggregator_run *run)
{
    drop_room(run);
    run->release = (struct ranking_release){.ranked = NULL};
    run->scan = (struct ranking_scan){.is_active = false};
    run->must_load = true;
}

void aggregator_run_stepped(struct aggregator_run *run, bool restarted)
{
    if (!restarted) {
        return;
    }
    clear_chunk(run);
    run->must_load = true;
    if (!run->follower->owns) {
        drop_room(run);
        log_info("rankings", "another instance keeps the rankings", LOG_INT("partition", run->follower->partition));
    }
}

static size_t events_ahead(const struct aggregator_run *run)
{
    const size_t share = READ_EVENTS / run->shared->partitions;
    return share < READ_EVENTS_MIN ? READ_EVENTS_MIN : share;
}

/* One that is alone is asked in each turn. */
struct outbox_wish aggregator_run_wish(const struct aggregator_run *run, int idle_ms)
{
    const bool must_read = run->follower->waiting == NULL && !(run->has_room && aggregator_chunk_is_full(run));
    const int between_ms = run->follower->at_end && run->shared->partitions > 1 ? idle_ms : 0;
    return (struct outbox_wish){
        .after_ms = must_read ? between_ms : STEP_MS,
        .events_max = events_ahead(run),
    };
}

int aggregator_run_claim(struct aggregator_run *run)
{
    struct outbox_node *node = run->member->node;
    if (node->watcher == run) {
        return 0;
    }
    node->watcher = run;
    return ranking_txn_resume(&run->shared->work.txn, &run->state, run->conn, &run->trouble);
}

static int load(struct aggregator_run *run)
{
    const struct outbox_position position = run->follower->done;
    record_cache_clear(&run->cache);
    run->member->node->watcher = run;
    if (ranking_load(&run->state, run->conn, &position, aggregator_now_ms(run), &run->trouble) != 0) {
        return -1;
    }
    /* A board that another leader did not keep up stands still where that one began. */
    if (ranking_roll(&run->state, &run->shared->work.txn, run->conn, run->state.time_ms, INT64_MIN, &run->trouble) !=
        0) {
        return -1;
    }
    if (aggregator_has_part(run)) {
        run->chunk.seed = run->state.part.seed;
    }
    run->must_load = false;
    run->difference.message[0] = '\0';
    log_info("rankings", "this instance keeps the rankings", LOG_INT("partition", run->follower->partition),
             LOG_INT("waiting", outbox_follower_waiting(run->follower)));
    return 0;
}

/* ---- turns ---- */

static int lead(struct aggregator_run *run)
{
    if (make_room(run) != 0 || (run->must_load && load(run) != 0)) {
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
    if (!aggregator_has_counted_all(run)) {
        return aggregator_waits_for_more(run) ? GATHER_LOOK_MS : 0;
    }
    return kept_up > 0 ? 1 : IDLE_MS;
}

int aggregator_run_work(struct aggregator_run *run)
{
    assert(run->conn != NULL);
    run->shared->work.cache = &run->cache;
    if (run->follower->owns) {
        const int pause_ms = lead(run);
        if (pause_ms >= 0) {
            run->trouble.message[0] = '\0';
        }
        return pause_ms;
    }
    return aggregator_compare_leader(run) != 0 ? -1 : STANDBY_MS;
}

bool aggregator_run_is_amid(const struct aggregator_run *run)
{
    return run->chunk.is_sorted || (!run->must_load && aggregator_has_part(run));
}

int aggregator_run_finish(struct aggregator_run *run)
{
    run->shared->work.cache = &run->cache;
    while (run->chunk.is_sorted) {
        if (aggregator_count(run) != 0) {
            return -1;
        }
    }
    return 0;
}

int aggregator_run_incomplete(const struct aggregator_run *run)
{
    int count = 0;
    if (run->follower->owns && !run->must_load) {
        RANKED_EACH (&run->state, ranked) {
            count += ranked->board.filling || ranking_board_lets_go(&ranked->board, &ranked->window);
        }
    }
    return count;
}
