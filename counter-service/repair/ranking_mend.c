#include "counter-service/repair/ranking_mend.h"

#include <string.h>

#include "common/base/wrap.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* The window's place in the record; its count of windows if it has none. */
static size_t place_of(const struct ranking_record *record, const struct ranking_window *window)
{
    size_t i = 0;
    while (i < record->count && record->windows[i].tag != window->tag) {
        i++;
    }
    return i;
}

/* A period that is kept no more is passed over. Those before must come first. */
static void add_to_period(struct ranking_record *record, const struct ranking_window *window, int64_t period,
                          int64_t delta)
{
    struct ranking_bucket_change none;
    const size_t i = place_of(record, window);
    if (delta == 0) {
        return;
    }
    if (i == record->count || period >= record->windows[i].calendar.period) {
        (void)ranking_record_add(record, window, period, delta, &none);
    } else if (period == record->windows[i].calendar.period - 1) {
        record->windows[i].calendar.before = wrap_add(record->windows[i].calendar.before, delta);
    }
}

static void mend_calendar(const struct ranked_window *ranked, const struct ranking_layout *layout, size_t window,
                          const struct ranking_lack *lack, struct ranking_record *record)
{
    for (int64_t slot = RANKING_SLOTS - 1; slot >= 0; slot--) {
        const int64_t period = lack->periods[window] - slot;
        add_to_period(record, &ranked->window, period, lack->cells[layout->first[window] + (size_t)slot]);
    }
}

/* The record's last bucket is where the next event goes on from: it must be the newest that anything was put into. */
static void set_rolling(struct ranking_record *record, const struct ranked_window *ranked,
                        struct ranking_rolling_sum sums)
{
    struct ranking_bucket_change none;
    size_t i = place_of(record, &ranked->window);
    if (i == record->count) {
        (void)ranking_record_add(record, &ranked->window, sums.bucket, 0, &none);
        i = place_of(record, &ranked->window);
    }
    record->windows[i].rolling = sums;
}

static bool lacks_anything(const struct ranking_lack *lack, const struct ranking_layout *layout, size_t window)
{
    for (size_t i = 0; i < layout->count[window]; i++) {
        if (lack->cells[layout->first[window] + i] != 0) {
            return true;
        }
    }
    return false;
}

/* The bucket is to hold what the cell has, also if it had it before and only the record knew. Returns that. */
static int64_t write_cell(struct ranking_mended *mended, int64_t cell)
{
    mended->is_changed[cell] = true;
    return mended->buckets[cell];
}

/* What the bucket is to get. Without a record nobody has looked at the bucket: but nothing came since, so that it is to
 * hold what was lacking. */
static int64_t bucket_delta(const struct ranking_lack *lack, int64_t then, int64_t now)
{
    if (then == RANKING_NO_CELL) {
        return 0;
    }
    return lack->resource->has_record ? lack->cells[then] : wrap_subtract(lack->cells[then], now);
}

/* What the record has of the window before it is mended; of none it is what goes on from the running bucket. */
static struct ranking_rolling_sum rolling_before(const struct ranking_record *record,
                                                 const struct ranked_window *ranked)
{
    const size_t i = place_of(record, &ranked->window);
    const int64_t running = ranked->board.period;
    return i < record->count ? record->windows[i].rolling
                             : (struct ranking_rolling_sum){.bucket = running, .first = running};
}

/* Adds what the buckets lack. *sums: .sum, and the first and the last bucket that anything was put into. */
static void mend_buckets(const struct ranked_window *ranked, const struct ranking_layout *layout, size_t window,
                         const struct ranking_lack *lack, struct ranking_mended *mended,
                         struct ranking_rolling_sum *sums)
{
    const int64_t running = ranked->board.period;
    for (int64_t bucket = ranking_view_first_bucket(ranked, running); bucket <= running; bucket++) {
        const int64_t now = ranking_layout_cell(layout, ranked, window, running, bucket);
        const int64_t then = ranking_layout_cell(layout, ranked, window, lack->periods[window], bucket);
        const int64_t delta = bucket_delta(lack, then, mended->buckets[now]);
        mended->buckets[now] = wrap_add(mended->buckets[now], delta);
        mended->is_changed[now] = delta != 0;
        sums->sum = wrap_add(sums->sum, delta);
        sums->first = delta != 0 && bucket < sums->first ? bucket : sums->first;
        sums->bucket = mended->buckets[now] != 0 && bucket > sums->bucket ? bucket : sums->bucket;
    }
}

static void mend_rolling(const struct ranking_found_window *found, const struct ranked_window *ranked,
                         const struct ranking_layout *layout, size_t window, const struct ranking_lack *lack,
                         struct ranking_mended *mended)
{
    const int64_t running = ranked->board.period;
    const struct ranking_rolling_sum before = rolling_before(&mended->record, ranked);
    const int64_t cell_before = ranking_layout_cell(layout, ranked, window, running, before.bucket);
    struct ranking_rolling_sum after = {.sum = found->in_buckets, .bucket = before.bucket, .first = before.first};
    const bool is_leaving = before.is_ahead && cell_before == RANKING_NO_CELL && before.bucket >= ranked->board.oldest;
    if (!lacks_anything(lack, layout, window) || is_leaving) {
        return; /* its last bucket has left the window, and is being let go of: another run mends it */
    }
    mend_buckets(ranked, layout, window, lack, mended, &after);
    /* What these hold did not count. */
    for (int64_t bucket = after.first; bucket < before.first && bucket <= running; bucket++) {
        (void)write_cell(mended, ranking_layout_cell(layout, ranked, window, running, bucket));
    }
    if (before.is_ahead && cell_before != RANKING_NO_CELL) {
        (void)write_cell(mended, cell_before);
    }
    const int64_t cell = ranking_layout_cell(layout, ranked, window, running, after.bucket);
    after.bucket_sum = cell == RANKING_NO_CELL ? found->in_last : write_cell(mended, cell);
    set_rolling(&mended->record, ranked, after);
}

void ranking_mend(const struct ranking_cut *cut, size_t type, size_t place, const struct ranking_lack *lack,
                  struct ranking_mended *mended)
{
    const struct ranked_type *ranked_type = &cut->state->types[type];
    const struct ranking_layout *layout = &cut->layouts[type];
    const struct ranking_found *found = &cut->resources[place];
    mended->record = found->record;
    ranked_type_make_room(ranked_type, &mended->record);
    memcpy(mended->buckets, cut->buckets + place * layout->cell_count, layout->cell_count * sizeof(*mended->buckets));
    memset(mended->is_changed, 0, layout->cell_count * sizeof(*mended->is_changed));
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        if (ranked->window.kind == RANKING_KIND_CALENDAR) {
            mend_calendar(ranked, layout, i, lack, &mended->record);
        } else if (ranked->window.kind == RANKING_KIND_ROLLING) {
            mend_rolling(&found->windows[i], ranked, layout, i, lack, mended);
        }
    }
}
