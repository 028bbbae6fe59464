#include "counter-service/aggregator/ranking_scan_step.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/decimal.h"
#include "counter-service/board/ranking_change.h"
#include "counter-service/board/ranking_take.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum {
    RECORDS_A_STEP = 200,
    /* Most keys are no counters: sessions, idempotency keys. */
    KEYS_A_STEP = 500,
};

/* ---- records ---- */

static void offer_record(struct ranking_work *work, const struct ranking_state *state, struct ranked_type *type,
                         struct text id, const struct ranking_record *record)
{
    if (ranking_record_is_over(record, state->time_ms)) {
        record_cache_drop(work->cache, (size_t)(type - state->types), id);
        ranking_words_put(&work->dead, id);
        return;
    }
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        if (ranked->has_fresh && ranked->window.kind != RANKING_KIND_ALL) {
            ranking_change_offer(ranked, id, ranking_record_sum(record, &ranked->window, ranked->board.period));
        }
    }
}

int ranking_scan_records(struct ranking_scan *scan, const struct ranking_state *state, struct ranking_work *work,
                         const struct outbox_conn *conn, bool *ret_end, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    struct redis_reply reply;
    struct redis_reply found;
    struct ranked_type *type = &state->types[scan->type];
    buffer_clear(&work->reads, 0);
    scan_cursor_append_hash(&scan->cursor, &work->reads, &state->prefix, ranking_records_key(key, type->counter_type),
                            RECORDS_A_STEP);
    if (redis_command_begin(conn->redis, &work->reads, conn->timeout_ms, error) != 0 ||
        redis_command_expect(conn->redis, "HSCAN", &reply, error) != 0 ||
        scan_cursor_read(&scan->cursor, &reply, &found, ret_end, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i + 1 < found.element_count; i += 2) {
        struct ranking_record record;
        const struct text id = redis_reply_element(&found, i).text;
        ranking_take_record(work, type, id, redis_reply_element(&found, i + 1).text, ranking_state_missing_ms(state),
                            &record);
        offer_record(work, state, type, id, &record);
    }
    return 0;
}

/* ---- counters ---- */

/* The resource_ids that a step found lie one after the other in `ids`, each with its length before it. */
static int take_ids(const struct ranking_state *state, const struct redis_reply *keys, struct buffer *ids,
                    struct error *error)
{
    const size_t prefix_len = state->prefix.len + 2; /* "c:" */
    for (size_t i = 0; i < keys->element_count; i++) {
        const struct text key = redis_reply_element(keys, i).text;
        if (key.len > prefix_len && key.len <= prefix_len + RESOURCE_ID_LEN_MAX) {
            const uint16_t len = (uint16_t)(key.len - prefix_len);
            buffer_append(ids, &len, sizeof(len));
            buffer_append(ids, key.data + prefix_len, len);
        }
    }
    if (ids->failed) {
        error_set(error, "out of memory");
        return -1;
    }
    return 0;
}

/* Takes the next one. False at the end. */
static bool take_id(struct text *rest, struct text *ret_id)
{
    uint16_t len;
    if (rest->len == 0) {
        return false;
    }
    memcpy(&len, rest->data, sizeof(len));
    *ret_id = (struct text){rest->data + sizeof(len), len};
    *rest = (struct text){rest->data + sizeof(len) + len, rest->len - sizeof(len) - len};
    return true;
}

static int scan_keys(struct ranking_scan *scan, const struct ranking_state *state, struct buffer *requests,
                     const struct outbox_conn *conn, struct buffer *ids, bool *ret_end, struct error *error)
{
    char pattern[REDIS_KEY_PREFIX_MAX + 4];
    struct redis_reply reply;
    struct redis_reply keys;
    const int len = snprintf(pattern, sizeof(pattern), "%.*sc:*", (int)state->prefix.len, state->prefix.data);
    buffer_clear(requests, 0);
    scan_cursor_append_keys(&scan->cursor, requests, (struct text){pattern, (size_t)len}, KEYS_A_STEP);
    if (redis_command_begin(conn->redis, requests, conn->timeout_ms, error) != 0 ||
        redis_command_expect(conn->redis, "SCAN", &reply, error) != 0 ||
        scan_cursor_read(&scan->cursor, &reply, &keys, ret_end, error) != 0) {
        return -1;
    }
    return take_ids(state, &keys, ids, error);
}

static void put_counter_reads(struct buffer *out, const struct ranking_state *state, struct text counter_type,
                              const struct buffer *ids)
{
    struct text rest = {ids->data, ids->len};
    struct text id;
    buffer_clear(out, 0);
    while (take_id(&rest, &id)) {
        resp_put_array(out, 3);
        resp_put_string(out, TEXT("HGET"));
        redis_key_put_counters(out, &state->prefix, id);
        resp_put_string(out, counter_type);
    }
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("XREVRANGE"));
    redis_key_put_single(out, &state->prefix, outbox_stream);
    resp_put_string(out, TEXT("+"));
    resp_put_string(out, TEXT("-"));
    resp_put_string(out, TEXT("COUNT"));
    resp_put_string(out, TEXT("1"));
}

/* Where the outbox ends: 0-0 if it is empty. */
static int read_end(struct ranking_scan *scan, const struct outbox_conn *conn, struct error *error)
{
    struct redis_reply reply;
    if (redis_command_expect(conn->redis, "XREVRANGE", &reply, error) != 0) {
        return -1;
    }
    scan->end = (struct stream_id){0, 0};
    if (reply.element_count > 0) {
        const struct redis_reply entry = redis_reply_element(&reply, 0);
        if (entry.element_count == 0 || !stream_id_parse(redis_reply_element(&entry, 0).text, &scan->end)) {
            error_set(error, "Redis's answer to XREVRANGE was not understood");
            return -1;
        }
    }
    return 0;
}

static int offer_counters(struct ranking_scan *scan, const struct ranking_state *state, struct ranking_work *work,
                          const struct outbox_conn *conn, const struct buffer *ids, struct error *error)
{
    struct ranked_type *type = &state->types[scan->type];
    const size_t window = ranking_scan_all_window(type);
    struct text rest = {ids->data, ids->len};
    struct text id;
    put_counter_reads(&work->reads, state, type->counter_type, ids);
    if (redis_command_begin(conn->redis, &work->reads, conn->timeout_ms, error) != 0) {
        return -1;
    }
    while (take_id(&rest, &id)) {
        struct redis_reply reply;
        int64_t value;
        if (redis_conn_next(conn->redis, &reply) != 0) {
            error_set(error, "%s", redis_conn_error(conn->redis));
            return -1;
        }
        /* A key that holds no counters, or has none of the type, has no place. */
        if (reply.type == REDIS_TEXT && decimal_parse(reply.text, &value)) {
            ranking_change_offer(&type->windows[window], id, value);
        }
    }
    return read_end(scan, conn, error);
}

int ranking_scan_counters(struct ranking_scan *scan, const struct ranking_state *state, struct ranking_work *work,
                          const struct outbox_conn *conn, bool *ret_end, struct error *error)
{
    struct buffer ids;
    buffer_init(&ids);
    int result = scan_keys(scan, state, &work->reads, conn, &ids, ret_end, error);
    if (result == 0) {
        result = offer_counters(scan, state, work, conn, &ids, error);
    }
    buffer_done(&ids);
    return result;
}
