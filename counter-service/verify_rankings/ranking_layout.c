#include "counter-service/verify_rankings/ranking_layout.h"

static size_t cells_of(const struct ranked_window *ranked, bool by_bucket)
{
    switch (ranked->window.kind) {
    case RANKING_KIND_CALENDAR:
        return RANKING_SLOTS;
    case RANKING_KIND_ROLLING:
        return by_bucket ? (size_t)ranked->window.bucket_count + 1 : 1;
    default:
        return 0;
    }
}

struct ranking_layout ranking_layout_of(const struct ranked_type *type, bool by_bucket)
{
    struct ranking_layout layout = {.by_bucket = by_bucket};
    for (size_t i = 0; i < type->window_count; i++) {
        layout.first[i] = layout.cell_count;
        layout.count[i] = cells_of(&type->windows[i], by_bucket);
        layout.cell_count += layout.count[i];
    }
    return layout;
}

int64_t ranking_layout_cell(const struct ranking_layout *layout, const struct ranked_window *ranked, size_t window,
                            int64_t running, int64_t period)
{
    const bool is_rolling = ranked->window.kind == RANKING_KIND_ROLLING;
    const int64_t reach = is_rolling ? ranked->window.bucket_count : (int64_t)layout->count[window];
    if (period > running || period <= running - reach) {
        return RANKING_NO_CELL;
    }
    const int64_t place = is_rolling && !layout->by_bucket ? 0 : running - period;
    return (int64_t)layout->first[window] + place;
}
