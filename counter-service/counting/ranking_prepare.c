#include "counter-service/counting/ranking_prepare.h"

enum {
    /* Rows: far enough for memory to answer, and near enough for the answer to be still there. */
    LOOK_AHEAD = 4,
    PLACE_AHEAD = 2 * LOOK_AHEAD,
};

static const struct ranking_row *row_at(const struct ranking_rows *rows, size_t i)
{
    return i < rows->count ? &rows->rows[i] : NULL;
}

void ranking_prepare_records(const struct record_cache *cache, const struct ranking_rows *rows, size_t i)
{
    const struct ranking_row *place = row_at(rows, i + PLACE_AHEAD);
    const struct ranking_row *look = row_at(rows, i + LOOK_AHEAD);
    if (place != NULL) {
        record_cache_prepare_place(cache, place->type, place->resource_id);
    }
    if (look != NULL) {
        record_cache_prepare_record(cache, look->type, look->resource_id);
    }
}

static void prepare_tops(const struct ranking_state *state, const struct ranking_row *row,
                         void (*prepare)(const struct ranking_table *table, struct text resource_id))
{
    if (row == NULL) {
        return;
    }
    const struct ranked_type *type = &state->types[row->type];
    for (size_t k = 0; k < type->window_count; k++) {
        prepare(&type->windows[k].table, row->resource_id);
    }
}

void ranking_prepare_members(const struct ranking_state *state, const struct ranking_rows *rows, size_t i)
{
    prepare_tops(state, row_at(rows, i + PLACE_AHEAD), ranking_table_prepare_place);
    prepare_tops(state, row_at(rows, i + LOOK_AHEAD), ranking_table_prepare_member);
}
