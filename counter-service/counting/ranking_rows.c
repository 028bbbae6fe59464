#include "counter-service/counting/ranking_rows.h"

#include <assert.h>

#include "common/base/decimal.h"
#include "common/base/wrap.h"
#include "counter-service/board/ranking_change.h"
#include "counter-service/board/ranking_take.h"
#include "counter-service/board/record_cache.h"
#include "counter-service/counting/ranking_prepare.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum { READS_KEEP_BYTES = 256 * 1024 };

/* ---- reads ---- */

static size_t rows_of(const struct ranking_rows *rows, size_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        count += rows->rows[i].type == type;
    }
    return count;
}

/* Of those whose records are to be read. */
static size_t reads_of(const struct ranking_rows *rows, const struct ranking_state *state, size_t type)
{
    size_t count = 0;
    for (size_t i = 0; ranked_type_has_records(&state->types[type]) && i < rows->count; i++) {
        count += rows->rows[i].type == type && rows->rows[i].kept == NULL;
    }
    return count;
}

static void put_records_read(struct buffer *out, const struct ranking_state *state, const struct ranking_rows *rows,
                             size_t type)
{
    char key[RANKING_KEY_SIZE];
    resp_put_array(out, 2 + reads_of(rows, state, type));
    resp_put_string(out, TEXT("HMGET"));
    redis_key_put_single(out, &state->prefix, ranking_records_key(key, state->types[type].counter_type));
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].type == type && rows->rows[i].kept == NULL) {
            resp_put_string(out, rows->rows[i].resource_id);
        }
    }
}

/* Redis did not tell the sum when the last event was: it is asked now. Later events bring what they added since. */
static void put_counter_read(struct buffer *out, const struct ranking_state *state, const struct ranking_row *row)
{
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("HGET"));
    redis_key_put_counters(out, &state->prefix, row->resource_id);
    resp_put_string(out, state->types[row->type].counter_type);
}

/* Records that are kept are not read. */
static void ask_cache(struct record_cache *cache, struct ranking_rows *rows)
{
    record_cache_turn(cache);
    for (size_t i = 0; i < rows->count; i++) {
        struct ranking_row *row = &rows->rows[i];
        ranking_prepare_records(cache, rows, i);
        row->kept = record_cache_ask(cache, row->type, row->resource_id);
    }
}

static void put_reads(struct buffer *out, const struct ranking_state *state, const struct ranking_rows *rows)
{
    buffer_clear(out, READS_KEEP_BYTES);
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows->rows[i].has_after) {
            put_counter_read(out, state, &rows->rows[i]);
        }
    }
    for (size_t type = 0; type < state->type_count; type++) {
        if (reads_of(rows, state, type) > 0) {
            put_records_read(out, state, rows, type);
        }
    }
}

static int read_counters(const struct outbox_conn *conn, struct ranking_rows *rows, struct error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct ranking_row *row = &rows->rows[i];
        struct redis_reply reply;
        if (row->has_after) {
            continue;
        }
        if (redis_command_expect(conn->redis, "HGET", &reply, error) != 0) {
            return -1;
        }
        if (!decimal_parse(reply.text, &row->after)) {
            row->after = 0; /* gone, or damaged: it has no place */
        }
    }
    return 0;
}

/* ---- the new records and orders ---- */

static void put_row(struct ranking_work *work, const struct ranking_state *state, struct ranked_type *type,
                    const struct ranking_row *row, struct ranking_record *record)
{
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        const int64_t period = ranked->board.period;
        if (ranked->window.kind == RANKING_KIND_ALL) {
            /* The counter before is not always what the top was told: somebody may have set it. */
            ranking_change_put(ranked, row->resource_id, 0, row->after);
            continue;
        }
        struct ranking_bucket_change change;
        const int64_t after = ranking_record_add(record, &ranked->window, period, row->delta, &change);
        ranking_change_put(ranked, row->resource_id, wrap_subtract(after, row->delta), after);
        if (ranked->window.kind == RANKING_KIND_ROLLING) {
            ranking_work_put_bucket(work, state, type, i, row->resource_id, &change, row->delta);
        }
    }
}

/* The record has it, and only the tops do not. */
static void put_counted_row(struct ranked_type *type, const struct ranking_row *row,
                            const struct ranking_record *record)
{
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        const int64_t score = ranked->window.kind == RANKING_KIND_ALL
                                  ? row->after
                                  : ranking_record_sum(record, &ranked->window, ranked->board.period);
        ranking_change_put(ranked, row->resource_id, 0, score);
    }
}

/* The row's record as it was. *place: of the next answer among `records`, those that were read. */
static void take_record(struct ranking_work *work, struct ranked_type *type, const struct ranking_row *row,
                        const struct redis_reply *records, size_t *place, int64_t missing_ms,
                        struct ranking_record *ret_record)
{
    const struct text packed =
        row->kept != NULL ? record_cache_record(row->kept) : redis_reply_element(records, (*place)++).text;
    ranking_take_record(work, type, row->resource_id, packed, missing_ms, ret_record);
}

static void put_record(struct ranking_work *work, const struct ranking_row *row, const struct ranking_record *record)
{
    char bytes[RANKING_RECORD_LEN_MAX];
    const struct text packed = {bytes, ranking_record_pack(record, bytes)};
    ranking_words_put(&work->records, row->resource_id);
    ranking_words_put(&work->records, packed);
    if (row->kept != NULL) {
        record_cache_renew(row->kept, packed);
    } else {
        record_cache_put(work->cache, row->type, row->resource_id, packed);
    }
}

static void put_rows(struct ranking_work *work, struct ranking_state *state, const struct ranking_rows *rows,
                     size_t type_place, const struct redis_reply *records)
{
    struct ranked_type *type = &state->types[type_place];
    const bool has_records = ranked_type_has_records(type);
    const int64_t missing_ms = ranking_state_missing_ms(state);
    size_t place = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct ranking_row *row = &rows->rows[i];
        struct ranking_record record = {.count = 0};
        ranking_prepare_members(state, rows, i);
        if (row->type != type_place) {
            continue;
        }
        if (has_records) {
            take_record(work, type, row, records, &place, missing_ms, &record);
        }
        if (rows->are_counted) {
            put_counted_row(type, row, &record);
            continue;
        }
        put_row(work, state, type, row, &record);
        if (has_records) {
            put_record(work, row, &record);
        }
    }
}

/* The newest bucket has something in it now. */
static void fill_buckets(struct ranking_work *work, struct ranked_type *type)
{
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranking_board *board = &type->windows[i].board;
        if (work->windows[i].bucket.count > 0 && board->newest != board->period) {
            board->oldest = board->newest < board->oldest ? board->period : board->oldest;
            board->newest = board->period;
            ranking_txn_put_board(&work->txn, &type->windows[i]);
        }
    }
}

static int put_type(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                    const struct ranking_rows *rows, size_t type, struct error *error)
{
    struct redis_reply records = {.type = REDIS_NIL};
    const size_t reads = reads_of(rows, state, type);
    if (rows_of(rows, type) == 0) {
        return 0;
    }
    if (reads > 0 && redis_command_expect(conn->redis, "HMGET", &records, error) != 0) {
        return -1;
    }
    if (reads > 0 && records.element_count != reads) {
        error_set(error, "Redis's answer to HMGET was not understood");
        return -1;
    }
    ranking_work_clear(work);
    put_rows(work, state, rows, type, &records);
    ranking_work_add(work, state, &state->types[type]);
    fill_buckets(work, &state->types[type]);
    return 0;
}

/* Sends what is to be read, and takes the counters' answers; those of the records are left to come. */
static int read_all(struct ranking_work *work, const struct ranking_state *state, const struct outbox_conn *conn,
                    struct ranking_rows *rows, struct error *error)
{
    ask_cache(work->cache, rows);
    put_reads(&work->reads, state, rows);
    if (work->reads.len == 0 && !work->reads.failed) {
        return 0;
    }
    return redis_command_begin(conn->redis, &work->reads, conn->timeout_ms, error) == 0
               ? read_counters(conn, rows, error)
               : -1;
}

int ranking_rows_put(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                     struct ranking_rows *rows, struct error *error)
{
    if (read_all(work, state, conn, rows, error) != 0) {
        return -1;
    }
    ranking_txn_begin(&work->txn);
    for (size_t type = 0; type < state->type_count; type++) {
        if (put_type(work, state, conn, rows, type, error) != 0) {
            return -1;
        }
    }
    return 0;
}
