#include "counter-service/aggregator/ranking_scan.h"

#include <assert.h>

#include "common/base/clock.h"
#include "counter-service/aggregator/ranking_scan_step.h"
#include "counter-service/board/ranking_change.h"
#include "counter-service/board/ranking_tops.h"

enum { SWEEP_EVERY_MS = 60 * 60 * 1000 };

size_t ranking_scan_all_window(const struct ranked_type *type)
{
    size_t i = 0;
    while (i < type->window_count && type->windows[i].window.kind != RANKING_KIND_ALL) {
        i++;
    }
    return i;
}

/* ---- what there is to do ---- */

/* Three quarters of what should be in order are left, or less. */
static bool wants_fresh(const struct ranked_window *ranked)
{
    const struct ranking_table *table = &ranked->table;
    return ranked->board.filling || (table->is_bounded && table->count < table->keep - table->keep / 4);
}

static bool is_in_scope(const struct ranking_scan *scan, const struct ranked_window *ranked)
{
    return (ranked->window.kind == RANKING_KIND_ALL) == scan->of_counters;
}

static bool is_wanted(const struct ranking_scan *scan, const struct ranking_state *state)
{
    const struct ranked_type *type = &state->types[scan->type];
    bool has_records = false;
    for (size_t i = 0; i < type->window_count; i++) {
        if (is_in_scope(scan, &type->windows[i])) {
            has_records = !scan->of_counters;
            if (wants_fresh(&type->windows[i])) {
                return true;
            }
        }
    }
    return has_records && state->time_ms >= scan->swept_ms[scan->type] + SWEEP_EVERY_MS;
}

static bool choose(struct ranking_scan *scan, const struct ranking_state *state)
{
    for (scan->type = 0; scan->type < state->type_count; scan->type++) {
        for (int of_counters = 0; of_counters < 2; of_counters++) {
            scan->of_counters = of_counters == 1;
            if (is_wanted(scan, state)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- begin, continue, end ---- */

static void begin_fresh(struct ranking_txn *txn, struct ranked_window *ranked)
{
    ranking_table_clear(&ranked->fresh);
    ranked->has_fresh = true;
    ranked->board.filling = true;
    ranking_txn_put_board(txn, ranked);
}

static int begin(struct ranking_scan *scan, struct ranking_state *state, struct ranking_txn *txn,
                 const struct outbox_conn *conn, struct error *error)
{
    struct ranked_type *type = &state->types[scan->type];
    ranking_txn_begin(txn);
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        if (is_in_scope(scan, ranked) && wants_fresh(ranked)) {
            begin_fresh(txn, ranked);
        }
    }
    scan->is_active = true;
    scan->has_ended = false;
    scan->cursor = (struct scan_cursor){.text = ""};
    if (!scan->of_counters) {
        scan->swept_ms[scan->type] = state->time_ms;
    }
    return ranking_txn_commit(txn, state, conn, error);
}

/* The new top takes the place of the old one. */
static void take_fresh(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked)
{
    const struct ranking_table old = ranked->table;
    ranked->table = ranked->fresh;
    ranked->fresh = old;
    ranking_table_clear(&ranked->fresh);
    ranked->has_fresh = false;
    ranked->board.filling = false;
    if (ranked->window.kind == RANKING_KIND_ALL) {
        ranked_top(ranked)->since_ms = INT64_MIN; /* counters know everything; records only what was ever counted */
    }
    ranking_txn_put_board(txn, ranked);
    ranking_tops_write(txn, state, ranked);
}

static int end(struct ranking_scan *scan, struct ranking_state *state, struct ranking_txn *txn,
               const struct outbox_conn *conn, struct error *error)
{
    struct ranked_type *type = &state->types[scan->type];
    ranking_txn_begin(txn);
    for (size_t i = 0; i < type->window_count; i++) {
        if (is_in_scope(scan, &type->windows[i]) && type->windows[i].has_fresh) {
            take_fresh(txn, state, &type->windows[i]);
        }
    }
    scan->is_active = false;
    return ranking_txn_commit(txn, state, conn, error);
}

static int proceed(struct ranking_scan *scan, struct ranking_state *state, struct ranking_work *work,
                   const struct outbox_conn *conn, struct error *error)
{
    ranking_work_clear(work);
    ranking_txn_begin(&work->txn);
    const int scanned = scan->of_counters ? ranking_scan_counters(scan, state, work, conn, &scan->has_ended, error)
                                          : ranking_scan_records(scan, state, work, conn, &scan->has_ended, error);
    if (scanned != 0) {
        return -1;
    }
    scan->end_us = clock_monotonic_us();
    ranking_work_add(work, state, &state->types[scan->type]);
    ranking_change_tell_all(&work->txn, state);
    return ranking_txn_commit(&work->txn, state, conn, error);
}

/* Of counters: what the top was made for has changed meanwhile (events are missing). */
static bool is_in_vain(const struct ranking_scan *scan, const struct ranking_state *state)
{
    const struct ranked_type *type = &state->types[scan->type];
    return scan->of_counters && !type->windows[ranking_scan_all_window(type)].has_fresh;
}

bool ranking_scan_has_work(struct ranking_scan *scan, const struct ranking_state *state)
{
    return scan->is_active || choose(scan, state);
}

int ranking_scan_step(struct ranking_scan *scan, struct ranking_state *state, struct ranking_work *work,
                      const struct outbox_conn *conn, int64_t counted_us, struct error *error)
{
    int result;
    if (scan->is_active && is_in_vain(scan, state)) {
        scan->is_active = false;
    }
    if (!scan->is_active) {
        if (!choose(scan, state)) {
            return 0;
        }
        result = begin(scan, state, &work->txn, conn, error);
    } else if (!scan->has_ended) {
        result = proceed(scan, state, work, conn, error);
    } else if (scan->of_counters && counted_us <= scan->end_us && stream_id_compare(state->at.id, scan->end) <= 0) {
        return 0; /* the counters that were read are ahead */
    } else {
        result = end(scan, state, &work->txn, conn, error);
    }
    return result == 0 ? 1 : -1;
}
