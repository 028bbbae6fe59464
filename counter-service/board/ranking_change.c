#include "counter-service/board/ranking_change.h"

#include "counter-service/board/ranking_tops.h"
#include "counter-service/ranking/ranking_places.h"

enum { KEEP_BYTES = 64 * 1024 };

void ranking_change_init(struct ranking_change *change)
{
    buffer_init(&change->places);
}

void ranking_change_done(struct ranking_change *change)
{
    buffer_done(&change->places);
}

void ranking_change_clear(struct ranking_change *change)
{
    buffer_clear(&change->places, KEEP_BYTES);
}

void ranking_change_put(struct ranking_change *change, struct ranked_window *ranked, struct text resource_id,
                        int64_t before, int64_t score)
{
    const int changes = ranking_table_move(&ranked->table, resource_id, before, score);
    if (changes > 0) {
        const bool has_place = ranking_table_has_place(&ranked->table, resource_id, score);
        ranking_places_put(&change->places, resource_id, has_place ? score : 0);
    }
    change->places.failed |= changes < 0;
    if (ranked->has_fresh) {
        ranking_change_offer(change, ranked, resource_id, score);
    }
}

void ranking_change_offer(struct ranking_change *change, struct ranked_window *ranked, struct text resource_id,
                          int64_t score)
{
    const bool failed = ranking_table_put(&ranked->fresh, resource_id, score) < 0 ||
                        (ranking_table_is_large(&ranked->fresh) && ranking_table_trim(&ranked->fresh) != 0);
    change->places.failed |= failed;
}

void ranking_change_add(const struct ranking_change *change, struct ranking_txn *txn, const struct ranking_state *state,
                        struct ranked_window *ranked)
{
    txn->requests.failed |= change->places.failed;
    if (change->places.len > 0) {
        ranking_tops_add(txn, state, ranked, &change->places);
    }
}
