#include "counter-service/ranking/ranking_merge.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"

/* ---- the period ---- */

/* The latest of the parts' that is running; of a rolling window the earliest, in which they all are. False: nobody has
 * begun to count in any part. */
static bool running_period(const struct ranking_question *question, struct ranking_snapshot *const *parts, size_t count,
                           int64_t *ret_period)
{
    const bool is_rolling = question->window.kind == RANKING_KIND_ROLLING;
    bool found = false;
    int64_t running = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t period = parts[i]->board.period;
        if (parts[i]->has_board && (!found || (is_rolling ? period < running : period > running))) {
            running = period;
            found = true;
        }
    }
    *ret_period = running;
    return found;
}

/* ---- a part ---- */

/* What a part says of the period. */
struct view {
    struct ranking_top top; /* since_ms INT64_MIN: it lacks nothing of the period */
    bool is_whole;
    bool lets_go;
    bool has_order;
};

static struct view view_of(const struct ranking_question *question, const struct ranking_snapshot *part, int64_t period)
{
    const struct ranking_window *window = &question->window;
    if (part->has_board && window->kind != RANKING_KIND_ROLLING && period > part->board.period) {
        return (struct view){.top.since_ms = INT64_MIN, .is_whole = true};
    }
    if (!part->has_board || !part->has_top) {
        return (struct view){.top = ranking_top_unfilled(part->now_ms)};
    }
    const int64_t of_part = window->kind == RANKING_KIND_ROLLING ? part->board.period : period;
    struct view view = {
        .top = part->top,
        .is_whole = part->is_whole,
        .lets_go = ranking_board_lets_go(&part->board, window),
        .has_order = part->has_order,
    };
    if (view.top.since_ms <= ranking_period_first_ms(window, of_part)) {
        view.top.since_ms = INT64_MIN;
    }
    return view;
}

/* ---- the whole ---- */

/* The better of two floors counts: behind it there may be somebody who is outside. */
static void add_floor(struct ranking_top *whole, const struct ranking_top *top)
{
    if (!top->is_bounded) {
        return;
    }
    if (!whole->is_bounded || ranking_place_compare(top->floor.score, ranking_place_id(&top->floor), whole->floor.score,
                                                    ranking_place_id(&whole->floor)) < 0) {
        whole->floor = top->floor;
    }
    whole->is_bounded = true;
}

/* Nothing is told of buckets but whether some are to be let go of. */
static void set_board(struct ranking_snapshot *merged, const struct ranking_window *window, int64_t running,
                      bool lets_go)
{
    const int64_t left = running - window->bucket_count;
    merged->board =
        (struct ranking_board){.period = running, .oldest = lets_go ? left : 0, .newest = lets_go ? left : -1};
}

/* As if an event waited: the time that is told then is that of the last one counted. */
static void set_as_of(struct ranking_snapshot *merged, int64_t as_of_ms)
{
    merged->appended = merged->counted + 1;
    merged->counted_ms = as_of_ms;
    merged->total_counted = merged->counted;
    merged->total_counted_ms = as_of_ms;
    merged->next_ms = INT64_MAX;
}

/* Everything but the order. Fills `orders`, which has room for one a part, and returns how many there are. */
static size_t add_parts(const struct ranking_question *question, struct ranking_snapshot *const *parts, size_t count,
                        struct ranking_snapshot *merged, const struct ranking_order **orders)
{
    int64_t running;
    int64_t as_of_ms = INT64_MAX;
    bool lets_go = false;
    size_t order_count = 0;
    merged->has_board = running_period(question, parts, count, &running);
    merged->has_top = true;
    merged->is_whole = true;
    merged->now_ms = INT64_MAX;
    merged->top.since_ms = INT64_MIN;
    const int64_t period = question->has_period ? question->period : running;
    for (size_t i = 0; i < count; i++) {
        const struct view view = view_of(question, parts[i], period);
        as_of_ms = clock_earlier(as_of_ms, ranking_snapshot_as_of_ms(parts[i], false));
        merged->now_ms = clock_earlier(merged->now_ms, parts[i]->now_ms);
        merged->is_whole &= view.is_whole;
        merged->top.since_ms = view.top.since_ms > merged->top.since_ms ? view.top.since_ms : merged->top.since_ms;
        add_floor(&merged->top, &view.top);
        lets_go |= view.lets_go;
        if (view.has_order) {
            orders[order_count++] = &parts[i]->order;
        }
    }
    set_board(merged, &question->window, running, lets_go);
    set_as_of(merged, as_of_ms);
    return order_count;
}

static enum status add_order(const struct ranking_question *question, struct ranking_snapshot *merged,
                             const struct ranking_order *const *orders, size_t order_count)
{
    const struct ranking_entry *next = NULL;
    const size_t count_max = (size_t)question->config->keep + (size_t)question->config->keep / 2;
    const enum status status = ranking_order_merge(
        orders, order_count, merged->top.is_bounded ? &merged->top.floor : NULL, count_max, &merged->order, &next);
    if (status != STATUS_OK) {
        return status;
    }
    if (next != NULL) {
        merged->top.is_bounded = true;
        ranking_place_set(&merged->top.floor, next->score, next->resource_id);
    }
    merged->has_order = true;
    merged->top.members = (int64_t)merged->order.count;
    return STATUS_OK;
}

enum status ranking_merge(const struct ranking_question *question, struct ranking_snapshot *const *parts, size_t count,
                          struct ranking_snapshot **ret_merged)
{
    assert(count > 0);
    struct ranking_snapshot *merged = ranking_snapshot_create();
    const struct ranking_order **orders = malloc(count * sizeof(struct ranking_order *));
    enum status status = STATUS_OUT_OF_MEMORY;
    if (merged != NULL && orders != NULL) {
        const size_t order_count = add_parts(question, parts, count, merged, orders);
        status = add_order(question, merged, orders, order_count);
    }
    free(orders);
    if (status != STATUS_OK) {
        ranking_snapshot_release(merged);
        return status;
    }
    *ret_merged = merged;
    return STATUS_OK;
}
