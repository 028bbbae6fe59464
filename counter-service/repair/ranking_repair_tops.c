#include "counter-service/repair/ranking_repair_tops.h"

#include "counter-service/ranking/ranking_places.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* What is added to one top. */
struct adding {
    const struct ranking_cut *cut;
    const struct ranking_repair_batch *batch;
    size_t window;
    size_t slot;
    struct ranked_window ranked; /* with the top as it becomes */
    struct buffer places;
};

static struct ranking_top *top_of(struct adding *adding)
{
    return &adding->ranked.board.tops[adding->slot];
}

/* The resource's place if it changes: with its new sum, or with 0. */
static void put_place(struct adding *adding, size_t resource)
{
    struct ranking_top *top = top_of(adding);
    const struct ranked_window *ranked = &adding->ranked;
    const struct text id = adding->batch->ids[resource];
    const struct ranking_found_window *found = &adding->cut->resources[resource].windows[adding->window];
    const bool is_member = found->tops[adding->slot].has_score;
    const int64_t before = is_member ? found->tops[adding->slot].score : 0;
    const int64_t sum = ranking_record_sum(&adding->batch->mended[resource].record, &ranked->window,
                                           ranking_view_period(ranked, adding->slot));
    const int64_t after = ranking_top_has(top, sum, id) ? sum : 0;
    if (after != before) {
        ranking_places_put(&adding->places, id, after);
        top->members += (after != 0) - is_member;
    }
}

/* Returns whether any place changes. */
static bool put_places(struct adding *adding)
{
    if (top_of(adding)->length == 0) {
        ranking_places_begin(&adding->places);
    }
    const size_t begun = adding->places.len;
    for (size_t i = 0; i < adding->batch->count; i++) {
        if (!adding->batch->is_skipped[i]) {
            put_place(adding, i);
        }
    }
    return adding->places.len > begun;
}

static void put_top(struct ranking_txn *txn, struct adding *adding)
{
    char key[RANKING_KEY_SIZE];
    const struct ranked_window *ranked = &adding->ranked;
    buffer_init(&adding->places);
    if (put_places(adding)) {
        const struct text added = {adding->places.data, adding->places.len};
        top_of(adding)->length += (int64_t)added.len;
        ranking_txn_add_plain(txn, adding->cut->state, TEXT("APPEND"),
                              ranking_top_key(key, ranked->counter_type, &ranked->window, adding->slot), &added, 1);
        ranking_txn_put_top(txn, ranked, adding->slot);
    }
    txn->requests.failed |= adding->places.failed;
    buffer_done(&adding->places);
}

void ranking_repair_put_tops(struct ranking_txn *txn, const struct ranking_cut *cut,
                             const struct ranking_repair_batch *batch, size_t window)
{
    const struct ranked_window *ranked = &cut->state->types[batch->type].windows[window];
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        if (ranking_cut_copy(cut, batch->type, window, slot)->damage == RANKING_UNDAMAGED) {
            struct adding adding = {.cut = cut, .batch = batch, .window = window, .slot = slot, .ranked = *ranked};
            put_top(txn, &adding);
        }
    }
}
