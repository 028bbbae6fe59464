#include "counter-service/board/ranking_change.h"

static void init_set(struct ranking_set_change *set)
{
    *set = (struct ranking_set_change){.added = {.count = 0}};
    buffer_init(&set->added.body);
    buffer_init(&set->removed.body);
}

static void done_set(struct ranking_set_change *set)
{
    buffer_done(&set->added.body);
    buffer_done(&set->removed.body);
}

static void clear_set(struct ranking_set_change *set)
{
    ranking_words_clear(&set->added);
    ranking_words_clear(&set->removed);
}

void ranking_change_init(struct ranking_change *change)
{
    init_set(&change->top);
    init_set(&change->fresh);
}

void ranking_change_done(struct ranking_change *change)
{
    done_set(&change->top);
    done_set(&change->fresh);
}

void ranking_change_clear(struct ranking_change *change)
{
    clear_set(&change->top);
    clear_set(&change->fresh);
}

/* Whoever has no score has no place. */
static bool is_in(const struct ranking_top *top, int64_t score, struct text resource_id)
{
    return score != 0 && ranking_top_has(top, score, resource_id);
}

static void put(struct ranking_set_change *set, const struct ranking_top *top, struct text resource_id,
                const int64_t *before, int64_t after)
{
    if (is_in(top, after, resource_id)) {
        ranking_words_put_score(&set->added, ranking_set_score(after));
        ranking_words_put(&set->added, resource_id);
    } else if (before == NULL || is_in(top, *before, resource_id)) {
        ranking_words_put(&set->removed, resource_id);
    }
}

void ranking_change_put(struct ranking_change *change, const struct ranked_window *ranked, struct text resource_id,
                        const int64_t *before, int64_t after)
{
    put(&change->top, &ranked->board.tops[ranked_slot(ranked)], resource_id, before, after);
    if (ranked->has_fresh) {
        put(&change->fresh, &ranked->fresh, resource_id, before, after);
    }
}

void ranking_change_offer(struct ranking_change *change, const struct ranked_window *ranked, struct text resource_id,
                          int64_t score)
{
    const int64_t nothing = 0;
    put(&change->fresh, &ranked->fresh, resource_id, &nothing, score);
}

static void add_set(const struct ranking_set_change *set, struct ranking_txn *txn, const struct ranking_state *state,
                    struct text key, int64_t *members)
{
    ranking_txn_add(txn, state, TEXT("ZREM"), key, &set->removed);
    ranking_txn_add(txn, state, TEXT("ZADD"), key, &set->added);
    if (set->removed.count > 0 || set->added.count > 0) {
        ranking_txn_count(txn, state, key, members);
    }
}

void ranking_change_add(const struct ranking_change *change, struct ranking_txn *txn, const struct ranking_state *state,
                        struct ranked_window *ranked)
{
    char key[RANKING_KEY_SIZE];
    const size_t slot = ranked_slot(ranked);
    add_set(&change->top, txn, state, ranking_top_key(key, ranked->counter_type, &ranked->window, slot),
            &ranked->members[slot]);
    add_set(&change->fresh, txn, state, ranking_fresh_key(key, ranked->counter_type, &ranked->window),
            &ranked->fresh_members);
}
