#include "counter-service/board/ranking_work.h"

int ranking_work_init(struct ranking_work *work)
{
    *work = (struct ranking_work){.records = {.count = 0}};
    ranking_txn_init(&work->txn);
    buffer_init(&work->reads);
    buffer_init(&work->records.body);
    buffer_init(&work->dead.body);
    buffer_init(&work->released.body);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        ranking_change_init(&work->windows[i].change);
        buffer_init(&work->windows[i].bucket.body);
    }
    return record_cache_init(&work->cache);
}

void ranking_work_done(struct ranking_work *work)
{
    ranking_txn_done(&work->txn);
    record_cache_done(&work->cache);
    buffer_done(&work->reads);
    buffer_done(&work->records.body);
    buffer_done(&work->dead.body);
    buffer_done(&work->released.body);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        ranking_change_done(&work->windows[i].change);
        buffer_done(&work->windows[i].bucket.body);
    }
}

void ranking_work_clear(struct ranking_work *work)
{
    ranking_words_clear(&work->records);
    ranking_words_clear(&work->dead);
    ranking_words_clear(&work->released);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        ranking_change_clear(&work->windows[i].change);
        ranking_words_clear(&work->windows[i].bucket);
    }
}

void ranking_work_add(struct ranking_work *work, const struct ranking_state *state, struct ranked_type *type)
{
    char key[RANKING_KEY_SIZE];
    const struct text records = ranking_records_key(key, type->counter_type);
    ranking_txn_add(&work->txn, state, TEXT("HSET"), records, &work->records);
    ranking_txn_add(&work->txn, state, TEXT("HDEL"), records, &work->dead);
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        const struct text bucket = ranking_bucket_key(key, type->counter_type, &ranked->window, ranked->board.period);
        ranking_txn_add(&work->txn, state, TEXT("HSET"), bucket, &work->windows[i].bucket);
        ranking_change_add(&work->windows[i].change, &work->txn, state, ranked);
    }
}
