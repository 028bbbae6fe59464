#include "counter-service/repair/ranking_mend.h"

#include <string.h>

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
    int64_t none;
    const size_t i = place_of(record, window);
    if (delta == 0) {
        return;
    }
    if (i == record->count || period >= record->windows[i].calendar.period) {
        (void)ranking_record_add(record, window, period, delta, &none);
    } else if (period == record->windows[i].calendar.period - 1) {
        record->windows[i].calendar.before = ranking_sum_of(record->windows[i].calendar.before, delta);
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
    int64_t none;
    size_t i = place_of(record, &ranked->window);
    if (i == record->count) {
        (void)ranking_record_add(record, &ranked->window, sums.bucket, 0, &none);
        i = place_of(record, &ranked->window);
    }
    /* All that its buckets hold is in the sum. */
    const int64_t first = ranking_view_first_bucket(ranked, ranked->board.period);
    sums.first = ranked->board.oldest < first ? ranked->board.oldest : first;
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

/* What the bucket is to get. Without a record nobody has looked at the bucket: but nothing came since, so that it is to
 * hold what was lacking. */
static int64_t bucket_delta(const struct ranking_lack *lack, int64_t then, int64_t now)
{
    if (then == RANKING_NO_CELL) {
        return 0;
    }
    return lack->resource->has_record ? lack->cells[then] : (int64_t)((uint64_t)lack->cells[then] - (uint64_t)now);
}

static void mend_rolling(const struct ranking_found_window *found, const struct ranked_window *ranked,
                         const struct ranking_layout *layout, size_t window, const struct ranking_lack *lack,
                         struct ranking_mended *mended)
{
    const int64_t running = ranked->board.period;
    const size_t known = place_of(&mended->record, &ranked->window);
    int64_t sum = found->in_buckets;
    int64_t last = known < mended->record.count ? mended->record.windows[known].rolling.bucket : running;
    if (!lacks_anything(lack, layout, window)) {
        return;
    }
    for (int64_t bucket = ranking_view_first_bucket(ranked, running); bucket <= running; bucket++) {
        const int64_t now = ranking_layout_cell(layout, ranked, window, running, bucket);
        const int64_t then = ranking_layout_cell(layout, ranked, window, lack->periods[window], bucket);
        const int64_t delta = bucket_delta(lack, then, mended->buckets[now]);
        mended->buckets[now] = ranking_sum_of(mended->buckets[now], delta);
        mended->is_changed[now] = delta != 0;
        sum = ranking_sum_of(sum, delta);
        last = mended->buckets[now] != 0 && bucket > last ? bucket : last;
    }
    const int64_t cell = ranking_layout_cell(layout, ranked, window, running, last);
    const int64_t last_sum = cell == RANKING_NO_CELL ? found->in_last : mended->buckets[cell];
    set_rolling(&mended->record, ranked, (struct ranking_rolling_sum){sum, last, last_sum, 0});
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
