#include "counter-service/board/ranking_change.h"

#include "counter-service/board/ranking_tops.h"
#include "counter-service/ranking/ranking_places.h"

void ranking_change_put(struct ranked_window *ranked, struct text resource_id, int64_t before, int64_t score)
{
    const int changes = ranking_table_move(&ranked->table, resource_id, before, score);
    if (changes > 0) {
        const bool has_place = ranking_table_has_place(&ranked->table, resource_id, score);
        ranking_places_put(&ranked->untold, resource_id, has_place ? score : 0);
    }
    ranked->untold.failed |= changes < 0;
    if (ranked->has_fresh) {
        ranking_change_offer(ranked, resource_id, score);
    }
}

void ranking_change_offer(struct ranked_window *ranked, struct text resource_id, int64_t score)
{
    const bool failed = ranking_table_put(&ranked->fresh, resource_id, score) < 0 ||
                        (ranking_table_is_large(&ranked->fresh) && ranking_table_trim(&ranked->fresh) != 0);
    ranked->untold.failed |= failed;
}

void ranking_change_tell_all(struct ranking_txn *txn, const struct ranking_state *state)
{
    RANKED_EACH (state, ranked) {
        txn->requests.failed |= ranked->untold.failed;
        if (ranked->untold.len > 0) {
            ranking_tops_add(txn, state, ranked);
        }
    }
}
