#include "counter-service/repair/ranking_repair_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repair/ranking_repair_tops.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

int ranking_repair_batch_init(struct ranking_repair_batch *batch, const struct ranking_cut *cut, struct error *error)
{
    *batch = (struct ranking_repair_batch){.cells_max = 1};
    for (size_t i = 0; i < cut->state->type_count; i++) {
        const size_t count = cut->layouts[i].cell_count;
        batch->cells_max = count > batch->cells_max ? count : batch->cells_max;
    }
    batch->cells = calloc(RANKING_REPAIR_MAX * batch->cells_max, sizeof(*batch->cells));
    bool has_room = batch->cells != NULL;
    for (size_t i = 0; i < RANKING_REPAIR_MAX; i++) {
        batch->mended[i].buckets = calloc(batch->cells_max, sizeof(*batch->mended[i].buckets));
        batch->mended[i].is_changed = calloc(batch->cells_max, sizeof(*batch->mended[i].is_changed));
        has_room &= batch->mended[i].buckets != NULL && batch->mended[i].is_changed != NULL;
    }
    if (!has_room) {
        error_set(error, "out of memory");
    }
    return has_room ? 0 : -1;
}

void ranking_repair_batch_done(struct ranking_repair_batch *batch)
{
    for (size_t i = 0; i < RANKING_REPAIR_MAX; i++) {
        free(batch->mended[i].buckets);
        free(batch->mended[i].is_changed);
    }
    free(batch->cells);
    *batch = (struct ranking_repair_batch){.count = 0};
}

size_t ranking_repair_room(const struct ranking_cut *cut, size_t type)
{
    const size_t room = ranking_cut_room(cut, type, RANKING_OF_RECORDS);
    return room < RANKING_REPAIR_MAX ? room : RANKING_REPAIR_MAX;
}

/* ---- the transaction --------------------------------------------------------------------------------------------- */

/* What is gathered for one command. */
struct writing {
    const struct ranking_cut *cut;
    const struct ranking_repair_batch *batch;
    struct ranking_txn txn;
    struct ranking_words words;
};

static void add(struct writing *writing, struct text verb, struct text key, const struct ranking_words *words)
{
    ranking_txn_add(&writing->txn, writing->cut->state, verb, key, words);
}

static void put_records(struct writing *writing, const struct ranked_type *type)
{
    char key[RANKING_KEY_SIZE];
    char packed[RANKING_RECORD_LEN_MAX];
    ranking_words_clear(&writing->words);
    for (size_t i = 0; i < writing->batch->count; i++) {
        if (!writing->batch->is_skipped[i]) {
            const size_t len = ranking_record_pack(&writing->batch->mended[i].record, packed);
            ranking_words_put(&writing->words, writing->batch->ids[i]);
            ranking_words_put(&writing->words, (struct text){packed, len});
        }
    }
    add(writing, TEXT("HSET"), ranking_records_key(key, type->counter_type), &writing->words);
}

/* Returns whether anything is put into the bucket. */
static bool put_bucket(struct writing *writing, const struct ranked_window *ranked, size_t cell, int64_t bucket)
{
    char key[RANKING_KEY_SIZE];
    ranking_words_clear(&writing->words);
    for (size_t i = 0; i < writing->batch->count; i++) {
        const struct ranking_mended *mended = &writing->batch->mended[i];
        if (!writing->batch->is_skipped[i] && mended->is_changed[cell]) {
            ranking_words_put(&writing->words, writing->batch->ids[i]);
            ranking_words_put_integer(&writing->words, mended->buckets[cell]);
        }
    }
    add(writing, TEXT("HSET"), ranking_bucket_key(key, ranked->counter_type, &ranked->window, bucket), &writing->words);
    return writing->words.count > 0;
}

/* A bucket that nothing was in may hold something now. */
static void put_buckets(struct writing *writing, const struct ranked_window *ranked, size_t window)
{
    const struct ranking_layout *layout = &writing->cut->layouts[writing->batch->type];
    struct ranked_window mended = *ranked;
    struct ranking_board *board = &mended.board;
    for (int64_t bucket = ranking_view_first_bucket(ranked, board->period); bucket <= board->period; bucket++) {
        const int64_t cell = ranking_layout_cell(layout, ranked, window, board->period, bucket);
        if (put_bucket(writing, ranked, (size_t)cell, bucket)) {
            const bool is_empty = board->newest < board->oldest;
            board->oldest = is_empty || bucket < board->oldest ? bucket : board->oldest;
            board->newest = is_empty || bucket > board->newest ? bucket : board->newest;
        }
    }
    ranking_txn_put_board(&writing->txn, &mended);
}

static void put_all(struct writing *writing)
{
    char version[RANKING_VERSION_SIZE];
    const struct ranked_type *type = &writing->cut->state->types[writing->batch->type];
    ranking_txn_begin(&writing->txn);
    put_records(writing, type);
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        if (ranked->window.kind != RANKING_KIND_ALL) {
            ranking_repair_put_tops(&writing->txn, writing->cut, writing->batch, i);
        }
        if (ranked->window.kind == RANKING_KIND_ROLLING) {
            put_buckets(writing, ranked, i);
        }
    }
    const int len = snprintf(version, sizeof(version), "repair-%ld:%" PRId64, (long)getpid(), clock_monotonic_us());
    ranking_words_put(&writing->txn.fields, RANKING_FIELD_VERSION);
    ranking_words_put(&writing->txn.fields, (struct text){version, (size_t)len});
    add(writing, TEXT("HSET"), RANKING_STATE_KEY, &writing->txn.fields);
    redis_command_words(&writing->txn.requests, TEXT("EXEC"));
}

/* ---- the exchanges ----------------------------------------------------------------------------------------------- */

/* Watches the state, which must still be as it was read. */
static int watch(const struct ranking_cut *cut, bool *ret_is_same, struct error *error)
{
    struct redis_reply reply;
    struct buffer *out = &cut->reader->requests;
    buffer_clear(out, SIZE_MAX);
    ranking_txn_append_watch(out, cut->state, cut->reader->is_cluster);
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("HMGET"));
    redis_key_put_single(out, &cut->state->prefix, RANKING_STATE_KEY);
    resp_put_string(out, RANKING_FIELD_VERSION);
    if (redis_command_begin(cut->reader->conn, out, cut->reader->timeout_ms, error) != 0 ||
        redis_command_expect(cut->reader->conn, "WATCH", &reply, error) != 0 ||
        redis_command_expect(cut->reader->conn, "HMGET", &reply, error) != 0) {
        return -1;
    }
    *ret_is_same = reply.element_count == 1 && text_equal(redis_reply_element(&reply, 0).text, text_of(cut->version));
    return 0;
}

/* Otherwise the transaction that reads next would have no results. EXEC ends it too, and needs no right that the tool
 * has no other need of. */
static int stop_watching(const struct ranking_cut *cut, struct error *error)
{
    struct redis_reply reply;
    struct buffer *out = &cut->reader->requests;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    redis_command_words(out, TEXT("EXEC"));
    if (redis_command_begin(cut->reader->conn, out, cut->reader->timeout_ms, error) != 0 ||
        redis_command_expect(cut->reader->conn, "MULTI", &reply, error) != 0) {
        return -1;
    }
    return redis_command_expect(cut->reader->conn, "EXEC", &reply, error);
}

static int execute(const struct writing *writing, bool *ret_is_done, struct error *error)
{
    struct redis_reply reply = {.type = REDIS_NIL};
    const struct redis_reader *reader = writing->cut->reader;
    if (redis_command_begin(reader->conn, &writing->txn.requests, reader->timeout_ms, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < writing->txn.commands + 2; i++) { /* MULTI's, and the last is EXEC's */
        if (redis_command_expect(reader->conn, "MULTI", &reply, error) != 0) {
            return -1;
        }
    }
    *ret_is_done = reply.type == REDIS_ARRAY;
    for (size_t i = 0; i < reply.element_count; i++) {
        const struct redis_reply result = redis_reply_element(&reply, i);
        if (result.type == REDIS_ERROR) {
            error_set(error, "a key of the rankings is damaged: %s", redis_quote(result.text).text);
            return -1;
        }
    }
    return 0;
}

static int write_all(const struct ranking_cut *cut, const struct ranking_repair_batch *batch, bool *ret_is_done,
                     struct error *error)
{
    struct writing writing = {.cut = cut, .batch = batch};
    ranking_txn_init(&writing.txn);
    buffer_init(&writing.words.body);
    put_all(&writing);
    const int result = execute(&writing, ret_is_done, error);
    ranking_txn_done(&writing.txn);
    buffer_done(&writing.words.body);
    return result;
}

int ranking_repair_write(struct ranking_cut *cut, struct ranking_repair_batch *batch, bool *ret_is_done,
                         size_t *ret_skipped, struct error *error)
{
    bool is_same;
    *ret_is_done = false;
    *ret_skipped = 0;
    if (ranking_cut_read(cut, batch->type, RANKING_OF_RECORDS, batch->ids, batch->count, error) != 0 ||
        watch(cut, &is_same, error) != 0) {
        return -1;
    }
    if (!is_same) {
        return stop_watching(cut, error);
    }
    for (size_t i = 0; i < batch->count; i++) {
        const bool is_new = !batch->lacks[i].resource->has_record && cut->resources[i].has_record;
        batch->is_skipped[i] = is_new;
        *ret_skipped += is_new;
        ranking_mend(cut, batch->type, i, &batch->lacks[i], &batch->mended[i]);
    }
    return write_all(cut, batch, ret_is_done, error);
}
