#include "counter-service/aggregator/aggregator_count.h"

#include <assert.h>

#include "common/base/clock.h"
#include "counter-service/aggregator/ranking_roll.h"
#include "counter-service/board/ranking_tops.h"

enum {
    /* A chunk of one hot counter has one row, and so many events at most. */
    CHUNK_EVENTS_MAX = 120 * 1000, /* of all partitions together, */
    CHUNK_EVENTS_MIN = 2000,       /* and at least of each */
    /* Redis takes half a millisecond for a megabyte of places that it appends to the tops' strings. */
    LAST_PART_BYTES_MAX = 3 * 1024 * 1024,
};

static int64_t time_of(const struct event *event)
{
    return ranking_time_of(event->entry.ms);
}

/* Whether the event is in the rankings: its entry is read again after a restart. */
static bool is_counted(const struct aggregator_run *run, const struct event *event, uint64_t number)
{
    const int order = stream_id_compare(event->entry, run->state.at.id);
    return order < 0 || (order == 0 && number <= run->state.at.number);
}

/* A chunk that somebody has begun to count ends where that one's did. */
static bool ends_part(const struct aggregator_run *run)
{
    return run->chunk.event_count > 0 && (int64_t)run->chunk.last_number >= run->state.part.last_number;
}

static size_t events_max(const struct aggregator_run *run)
{
    const size_t share = CHUNK_EVENTS_MAX / run->shared->partitions;
    return share < CHUNK_EVENTS_MIN ? CHUNK_EVENTS_MIN : share;
}

bool aggregator_chunk_is_full(const struct aggregator_run *run)
{
    if (run->chunk.event_count >= events_max(run)) {
        return true;
    }
    return aggregator_has_part(run) ? ends_part(run) || run->chunk.rows.count == run->chunk.rows_max
                                    : run->chunk.rows.count >= run->chunk_rows;
}

/* How many come into a top, nobody knows before: all of them when a period has begun. So chunks become larger step by
 * step, as long as twice as many places would do. */
static void pace(struct aggregator_run *run)
{
    const size_t sent = run->shared->work.txn.requests.len;
    const bool was_full = run->chunk.rows.count >= run->chunk_rows;
    if (sent > LAST_PART_BYTES_MAX && run->chunk_rows > CHUNK_ROWS_MIN) {
        run->chunk_rows /= 2;
    } else if (was_full && 2 * sent <= LAST_PART_BYTES_MAX && run->chunk_rows < run->chunk.rows_max) {
        run->chunk_rows *= 2;
    }
}

static int roll(struct aggregator_run *run, int64_t time_ms, int64_t missing_ms)
{
    run->chunk_rows = CHUNK_ROWS_MIN;
    if (aggregator_run_claim(run) != 0) {
        return -1;
    }
    return ranking_roll(&run->state, &run->shared->work.txn, run->conn, time_ms, missing_ms, &run->trouble);
}

static uint64_t last_number(const struct aggregator_run *run)
{
    return run->chunk.event_count > 0 ? run->chunk.last_number : run->state.at.number;
}

/* What a chunk must end before. */
enum obstacle { NO_OBSTACLE, NEEDS_ROLL, NEEDS_MARK };

/* Takes what was read into the chunk, until that is full. */
static enum obstacle gather(struct aggregator_run *run)
{
    struct event event;
    struct outbox_entry *entry;
    while (!aggregator_chunk_is_full(run) && outbox_follower_peek(run->follower, &event, &entry)) {
        const uint64_t number = outbox_follower_peek_number(run->follower);
        if (!is_counted(run, &event, number)) {
            if (number != last_number(run) + 1) {
                return NEEDS_MARK;
            }
            if (time_of(&event) >= run->state.next_ms) {
                return NEEDS_ROLL;
            }
            if (run->chunk.event_count == 0) {
                run->chunk_us = clock_monotonic_us();
            }
            const struct ranked_type *type = ranking_state_find(&run->state, event.counter_type);
            ranking_chunk_add(&run->chunk, &event, number, type != NULL ? (int)(type - run->state.types) : -1);
        }
        outbox_follower_take(run->follower);
    }
    return NO_OBSTACLE;
}

static int apply(struct aggregator_run *run)
{
    const int64_t start_us = clock_monotonic_us();
    if (aggregator_run_claim(run) != 0) {
        return -1;
    }
    const int added =
        ranking_apply(&run->shared->work, &run->state, run->conn, &run->chunk, run->rows_max, &run->trouble);
    if (added >= 0) {
        metrics_observe(run->shared->metrics.apply_seconds, (double)(clock_monotonic_us() - start_us) / 1e6);
    }
    if (added <= 0) {
        return added;
    }
    metrics_add(run->shared->metrics.ranked, (int64_t)run->chunk.event_count);
    pace(run);
    ranking_chunk_clear(&run->chunk);
    outbox_follower_all_done(run->follower);
    return 0;
}

/* Events up to that number, which are of times up to this one, are missing: the outbox has dropped them, or the
 * rankings were turned on now. */
static int mark(struct aggregator_run *run, uint64_t number, int64_t last_ms)
{
    uint64_t count;
    run->state.at.number = number;
    metrics_add(run->shared->metrics.gaps, 1);
    if (log_limiter_allows(&run->shared->gap_limiter, clock_monotonic_us(), &count)) {
        log_warn("rankings", "events are missing", LOG_INT("partition", run->follower->partition),
                 LOG_INT("before_number", number + 1), LOG_INT("count", count));
    }
    return roll(run, last_ms, last_ms + 1);
}

static int pass_obstacle(struct aggregator_run *run, enum obstacle obstacle)
{
    struct event event;
    struct outbox_entry *entry;
    const bool is_there = outbox_follower_peek(run->follower, &event, &entry);
    assert(is_there && run->chunk.event_count == 0);
    (void)is_there;
    return obstacle == NEEDS_MARK ? mark(run, outbox_follower_peek_number(run->follower) - 1, time_of(&event))
                                  : roll(run, time_of(&event), INT64_MIN);
}

bool aggregator_waits_for_more(const struct aggregator_run *run)
{
    return run->chunk.event_count > 0 && run->follower->waiting == NULL && run->follower->at_end &&
           !aggregator_chunk_is_full(run) && clock_monotonic_us() < run->chunk_us + run->gather_us;
}

bool aggregator_must_let_go(const struct aggregator_run *run)
{
    RANKED_EACH (&run->state, ranked) {
        const struct ranking_board *board = &ranked->board;
        if (ranking_board_lets_go(board, &ranked->window) &&
            board->newest < board->period - ranked->window.bucket_count) {
            return true;
        }
    }
    return false;
}

/* Events of the chunk that somebody has begun to count are gone: its records are too far ahead, and which of them
 * nobody knows. They are read again, as if they were not. */
static int give_up_part(struct aggregator_run *run)
{
    const int64_t missing_ms = ranking_state_missing_ms(&run->state);
    struct ranking_txn *txn = &run->shared->work.txn;
    if (aggregator_run_claim(run) != 0) {
        return -1;
    }
    ranking_txn_begin(txn);
    for (size_t i = 0; i < run->state.type_count; i++) {
        ranking_tops_mark(txn, &run->state.types[i], missing_ms);
    }
    RANKED_EACH (&run->state, ranked) {
        const int64_t since_ms = ranked_top(ranked)->since_ms;
        ranking_tops_unfill(txn, &run->state, ranked, since_ms > missing_ms ? since_ms : missing_ms);
    }
    run->state.part.lanes = 0;
    ranking_txn_put_part(txn, &run->state);
    if (ranking_txn_commit(txn, &run->state, run->conn, &run->trouble) == 0) {
        error_set(&run->trouble, "events that were counted in part are gone");
    }
    return -1;
}

int aggregator_count(struct aggregator_run *run)
{
    if (run->chunk.is_sorted) {
        return apply(run);
    }
    const bool has_part = aggregator_has_part(run);
    if (aggregator_must_let_go(run)) {
        /* Who began the part had nothing to let go of: a window that it did not keep is kept again. */
        return has_part ? give_up_part(run) : 0;
    }
    const enum obstacle obstacle = gather(run);
    if (has_part && !ends_part(run) &&
        (obstacle != NO_OBSTACLE || run->follower->at_end || aggregator_chunk_is_full(run))) {
        return give_up_part(run);
    }
    const bool is_due = obstacle != NO_OBSTACLE || aggregator_chunk_is_full(run) ||
                        (run->follower->at_end && !aggregator_waits_for_more(run));
    if (run->chunk.event_count == 0) {
        outbox_follower_all_done(run->follower); /* those that were counted before */
    } else if (is_due && apply(run) != 0) {
        return -1;
    }
    return obstacle == NO_OBSTACLE || run->chunk.event_count > 0 ? 0 : pass_obstacle(run, obstacle);
}

bool aggregator_has_counted_all(const struct aggregator_run *run)
{
    return run->follower->waiting == NULL && run->follower->at_end && run->chunk.event_count == 0;
}

/* There are no more events. Whether some have a number and never came: they were dropped. The rankings may have been
 * turned on, and nothing has come yet: from here on they have everything. */
static bool lacks_the_last(const struct aggregator_run *run)
{
    return run->state.at.number == RANKING_NUMBER_UNKNOWN || run->follower->appended > run->state.at.number;
}

int64_t aggregator_now_ms(struct aggregator_run *run)
{
    const int64_t redis_ms = ranking_time_of((uint64_t)run->follower->clock_ms);
    return aggregator_clock_believe(&run->clock, redis_ms, run->state.time_ms, clock_boottime_us());
}

int aggregator_roll_if_due(struct aggregator_run *run)
{
    if (!aggregator_has_counted_all(run)) {
        return 0;
    }
    const int64_t now_ms = aggregator_now_ms(run);
    if (lacks_the_last(run)) {
        return mark(run, run->follower->appended, now_ms);
    }
    return now_ms >= run->state.next_ms ? roll(run, now_ms, INT64_MIN) : 0;
}
