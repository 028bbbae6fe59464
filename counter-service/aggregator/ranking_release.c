#include "counter-service/aggregator/ranking_release.h"

#include <assert.h>

#include "common/base/decimal.h"
#include "counter-service/board/ranking_change.h"
#include "counter-service/board/ranking_take.h"
#include "counter-service/board/ranking_tops.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum {
    STEP_FIELDS = 400,
    /* Redis tells all of a small hash at once, however small is configured. */
    STEP_FIELDS_MAX = 1000,
};

/* What a step found in the bucket: fields and values lie in `memory`. */
struct released {
    struct buffer memory;
    bool is_damaged; /* some field holds no number: what it held stays in the sum, unless the record has it itself */
    size_t count;
    struct {
        size_t start; /* of the resource_id, in memory */
        size_t len;
        int64_t sum;
    } resources[STEP_FIELDS_MAX];
};

static struct text released_id(const struct released *released, size_t i)
{
    return (struct text){released->memory.data + released->resources[i].start, released->resources[i].len};
}

static struct ranked_window *find(struct ranking_state *state, struct ranked_type **ret_type)
{
    RANKED_EACH (state, ranked) {
        if (ranking_board_lets_go(&ranked->board, &ranked->window)) {
            *ret_type = &state->types[type_place];
            return ranked;
        }
    }
    return NULL;
}

static int take_found(struct released *released, const struct redis_reply *found, struct error *error)
{
    for (size_t i = 0; i + 1 < found->element_count && released->count < STEP_FIELDS_MAX; i += 2) {
        const struct text id = redis_reply_element(found, i).text;
        int64_t sum;
        if (!decimal_parse(redis_reply_element(found, i + 1).text, &sum)) {
            sum = 0;
            released->is_damaged = true;
        }
        released->resources[released->count].start = released->memory.len;
        released->resources[released->count].len = id.len;
        released->resources[released->count++].sum = sum;
        buffer_append_text(&released->memory, id);
    }
    if (released->memory.failed) {
        error_set(error, "out of memory");
        return -1;
    }
    return 0;
}

/* The next resources of the bucket. *ret_end: the scan has come to the end. */
static int scan(struct ranking_release *release, const struct ranking_state *state, struct buffer *requests,
                const struct outbox_conn *conn, struct released *released, bool *ret_end, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    struct redis_reply reply;
    struct redis_reply found;
    struct scan_cursor cursor = release->cursor;
    const struct ranked_window *ranked = release->ranked;
    const struct text bucket = ranking_bucket_key(key, ranked->counter_type, &ranked->window, release->bucket);
    buffer_clear(requests, 0);
    scan_cursor_append_hash(&cursor, requests, &state->prefix, bucket, STEP_FIELDS);
    if (redis_command_begin(conn->redis, requests, conn->timeout_ms, error) != 0 ||
        redis_command_expect(conn->redis, "HSCAN", &reply, error) != 0 ||
        scan_cursor_read(&cursor, &reply, &found, ret_end, error) != 0 || take_found(released, &found, error) != 0) {
        return -1;
    }
    if (found.element_count > 2 * (size_t)STEP_FIELDS_MAX) {
        *ret_end = false; /* what was not taken comes again */
    } else {
        release->cursor = cursor;
    }
    return 0;
}

static void put_released(struct ranking_work *work, struct ranked_window *ranked, struct ranking_record *record,
                         struct text id, int64_t bucket, int64_t sum)
{
    char packed[RANKING_RECORD_LEN_MAX];
    const int64_t before = ranking_record_sum(record, &ranked->window, bucket);
    const int64_t after = ranking_record_let_go(record, &ranked->window, bucket, sum);
    const size_t len = ranking_record_pack(record, packed);
    ranking_change_put(ranked, id, before, after);
    ranking_words_put(&work->records, id);
    ranking_words_put(&work->records, (struct text){packed, len});
}

static int read_records(struct ranking_work *work, const struct ranking_state *state, const struct ranked_type *type,
                        const struct outbox_conn *conn, const struct released *released,
                        struct redis_reply *ret_records, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    buffer_clear(&work->reads, 0);
    resp_put_array(&work->reads, 2 + released->count);
    resp_put_string(&work->reads, TEXT("HMGET"));
    redis_key_put_single(&work->reads, &state->prefix, ranking_records_key(key, type->counter_type));
    for (size_t i = 0; i < released->count; i++) {
        resp_put_string(&work->reads, released_id(released, i));
    }
    if (redis_command_begin(conn->redis, &work->reads, conn->timeout_ms, error) != 0 ||
        redis_command_expect(conn->redis, "HMGET", ret_records, error) != 0) {
        return -1;
    }
    if (ret_records->element_count != released->count) {
        error_set(error, "Redis's answer to HMGET was not understood");
        return -1;
    }
    return 0;
}

static void put_all(struct ranking_work *work, struct ranking_state *state, struct ranked_type *type,
                    struct ranked_window *ranked, int64_t bucket, const struct released *released,
                    const struct redis_reply *records)
{
    for (size_t i = 0; i < released->count; i++) {
        struct ranking_record record;
        const struct text id = released_id(released, i);
        ranking_take_record(work, type, id, redis_reply_element(records, i).text, ranking_state_missing_ms(state),
                            &record);
        put_released(work, ranked, &record, id, bucket, released->resources[i].sum);
        record_cache_drop(work->cache, (size_t)(type - state->types), id);
        ranking_words_put(&work->released, id);
    }
}

static int let_go(struct ranking_release *release, struct ranking_state *state, struct ranking_work *work,
                  struct ranked_type *type, struct ranked_window *ranked, const struct outbox_conn *conn,
                  struct released *released, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    struct redis_reply records;
    bool at_end;
    if (scan(release, state, &work->reads, conn, released, &at_end, error) != 0) {
        return -1;
    }
    ranking_work_clear(work);
    if (released->count > 0 && read_records(work, state, type, conn, released, &records, error) != 0) {
        return -1;
    }
    ranking_txn_begin(&work->txn);
    if (released->is_damaged) {
        ranking_tops_mark(&work->txn, type, ranking_state_missing_ms(state));
    }
    if (released->count > 0) {
        put_all(work, state, type, ranked, release->bucket, released, &records);
    }
    const struct text bucket = ranking_bucket_key(key, type->counter_type, &ranked->window, release->bucket);
    ranking_txn_add(&work->txn, state, TEXT("HDEL"), bucket, &work->released);
    ranking_work_add(work, state, type);
    ranking_change_tell_all(&work->txn, state);
    if (at_end && released->count == 0) {
        /* A scan from end to end that found nothing: it is empty. */
        ranked->board.oldest++;
        ranking_txn_put_board(&work->txn, ranked);
    }
    return ranking_txn_commit(&work->txn, state, conn, error);
}

bool ranking_release_has_work(struct ranking_state *state)
{
    struct ranked_type *type;
    return find(state, &type) != NULL;
}

int ranking_release_step(struct ranking_release *release, struct ranking_state *state, struct ranking_work *work,
                         const struct outbox_conn *conn, struct error *error)
{
    struct ranked_type *type;
    struct ranked_window *ranked = find(state, &type);
    if (ranked == NULL) {
        return 0;
    }
    if (release->ranked != ranked || release->bucket != ranked->board.oldest) {
        *release = (struct ranking_release){.ranked = ranked, .bucket = ranked->board.oldest};
    }
    struct released released = {.count = 0};
    buffer_init(&released.memory);
    const int result = let_go(release, state, work, type, ranked, conn, &released, error);
    buffer_done(&released.memory);
    return result == 0 ? 1 : -1;
}
