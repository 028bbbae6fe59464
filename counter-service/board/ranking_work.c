#include "counter-service/board/ranking_work.h"

void ranking_work_init(struct ranking_work *work)
{
    *work = (struct ranking_work){.records = {.count = 0}};
    ranking_txn_init(&work->txn);
    buffer_init(&work->reads);
    buffer_init(&work->records.body);
    buffer_init(&work->dead.body);
    buffer_init(&work->released.body);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        buffer_init(&work->windows[i].bucket.body);
        buffer_init(&work->windows[i].left.body);
    }
}

void ranking_work_done(struct ranking_work *work)
{
    ranking_txn_done(&work->txn);
    buffer_done(&work->reads);
    buffer_done(&work->records.body);
    buffer_done(&work->dead.body);
    buffer_done(&work->released.body);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        buffer_done(&work->windows[i].bucket.body);
        buffer_done(&work->windows[i].left.body);
    }
}

void ranking_work_clear(struct ranking_work *work)
{
    ranking_words_clear(&work->records);
    ranking_words_clear(&work->dead);
    ranking_words_clear(&work->released);
    for (size_t i = 0; i < RANKING_WINDOWS_MAX; i++) {
        ranking_words_clear(&work->windows[i].bucket);
        ranking_words_clear(&work->windows[i].left);
    }
}

static void add_left(struct ranking_work *work, const struct ranking_state *state, const struct ranked_type *type,
                     size_t window)
{
    char key[RANKING_KEY_SIZE];
    const struct text left =
        ranking_bucket_key(key, type->counter_type, &type->windows[window].window, work->windows[window].left_bucket);
    ranking_txn_add(&work->txn, state, TEXT("HSET"), left, &work->windows[window].left);
    ranking_words_clear(&work->windows[window].left);
}

void ranking_work_put_bucket(struct ranking_work *work, const struct ranking_state *state,
                             const struct ranked_type *type, size_t window, struct text resource_id,
                             const struct ranking_bucket_change *change, int64_t delta)
{
    if (change->enters) {
        ranking_words_put(&work->windows[window].bucket, resource_id);
        ranking_words_put_integer(&work->windows[window].bucket, delta);
    }
    if (!change->leaves || change->left < type->windows[window].board.oldest) {
        return; /* or nobody would ever let go of it */
    }
    if (change->left != work->windows[window].left_bucket) {
        add_left(work, state, type, window);
        work->windows[window].left_bucket = change->left;
    }
    ranking_words_put(&work->windows[window].left, resource_id);
    ranking_words_put_integer(&work->windows[window].left, change->left_sum);
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
        add_left(work, state, type, i);
    }
}
