/* Where a resource's sums lie: a cell for each period that is told apart, window by window. Pure functions.
 *
 *     calendar   the running period, the one before it
 *     rolling    the window as a whole; or, by bucket, each bucket that is in it, the running one first, and last one
 *                that is 0 if the record and the buckets belong together
 *     all        none: its sum is the counter */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_LAYOUT_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counter-service/board/ranking_state.h"

struct ranking_layout {
    bool by_bucket;
    size_t first[RANKING_WINDOWS_MAX]; /* cell of each window */
    size_t count[RANKING_WINDOWS_MAX];
    size_t cell_count; /* of all */
};

struct ranking_layout ranking_layout_of(const struct ranked_type *type, bool by_bucket);

enum { RANKING_NO_CELL = -1 };
/* The cell of a period, or of a bucket, when `running` is the running one; RANKING_NO_CELL if it has none. */
int64_t ranking_layout_cell(const struct ranking_layout *layout, const struct ranked_window *ranked, size_t window,
                            int64_t running, int64_t period);

#endif
