#include "counter-service/aggregator/ranking_roll.h"

#include <assert.h>

#include "counter-service/board/ranking_tops.h"

/* A top that is being made is of a period that has ended. */
static void drop_fresh(struct ranked_window *ranked)
{
    ranking_table_clear(&ranked->fresh);
    ranked->has_fresh = false;
}

/* The period has begun, or nothing happened in it: nobody is in it. since_ms: of the period that ran so far, whose
 * missing events may reach into this one. */
static void empty_top(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                      int64_t period, int64_t since_ms)
{
    const bool lacks = since_ms > ranking_period_start(&ranked->window, period);
    ranking_tops_empty(txn, state, ranked, ranking_slot(&ranked->window, period), lacks ? since_ms : INT64_MIN);
}

static void roll_calendar(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                          int64_t period)
{
    struct ranking_board *board = &ranked->board;
    const int64_t since_ms = ranked_top(ranked)->since_ms;
    drop_fresh(ranked);
    if (period > board->period + 1) {
        empty_top(txn, state, ranked, period - 1, since_ms);
    }
    board->period = period;
    board->filling = false;
    empty_top(txn, state, ranked, period, since_ms);
}

/* What the buckets that have left hold is taken out by and by (ranking_release.h). */
static void roll_rolling(struct ranked_window *ranked, int64_t bucket)
{
    struct ranking_board *board = &ranked->board;
    board->period = bucket;
    if (board->newest < board->oldest) {
        board->oldest = bucket;
        board->newest = bucket - 1;
    }
}

/* Events of that stretch of time may be missing. What is known to be missing stays so. */
static void mark_missing(struct ranking_txn *txn, struct ranked_window *ranked, int64_t from_ms, int64_t to_ms)
{
    struct ranking_board *board = &ranked->board;
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        const bool is_before = slot != ranked_slot(ranked);
        if (is_before && from_ms >= ranking_period_start(&ranked->window, board->period)) {
            continue; /* that period had ended */
        }
        /* INT64_MAX: until now it was not known from when on it has all. */
        int64_t *since_ms = &board->tops[slot].since_ms;
        *since_ms = to_ms > *since_ms || *since_ms == INT64_MAX ? to_ms : *since_ms;
        ranking_txn_put_top(txn, ranked, slot);
    }
    if (ranked->window.kind == RANKING_KIND_ALL) {
        drop_fresh(ranked);    /* what it was made of was too old */
        board->filling = true; /* the counters know better */
    }
}

static void roll_window(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                        int64_t to_ms)
{
    const int64_t period = ranking_period_at(&ranked->window, to_ms);
    if (period <= ranked->board.period) {
        return;
    }
    assert(ranked->window.kind != RANKING_KIND_ALL);
    if (ranked->window.kind == RANKING_KIND_ROLLING) {
        roll_rolling(ranked, period);
    } else {
        roll_calendar(txn, state, ranked, period);
    }
    ranking_txn_put_board(txn, ranked);
}

int ranking_roll(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn, int64_t to_ms,
                 int64_t missing_ms, struct error *error)
{
    const int64_t from_ms = state->time_ms;
    const int64_t time_ms = to_ms > from_ms ? to_ms : from_ms;
    ranking_txn_begin(txn);
    RANKED_EACH (state, ranked) {
        roll_window(txn, state, ranked, time_ms);
        if (missing_ms != INT64_MIN) {
            mark_missing(txn, ranked, from_ms, missing_ms > time_ms ? missing_ms : time_ms);
            ranking_txn_put_board(txn, ranked);
        }
    }
    state->time_ms = time_ms;
    state->next_ms = ranking_state_next(state);
    assert(state->next_ms > state->time_ms);
    return ranking_txn_commit(txn, state, conn, error);
}
