#include "counter-service/board/ranking_txn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"

enum { KEEP_BYTES = 256 * 1024 };

void ranking_txn_init(struct ranking_txn *txn)
{
    *txn = (struct ranking_txn){.commands = 0};
    buffer_init(&txn->requests);
    buffer_init(&txn->fields.body);
}

void ranking_txn_done(struct ranking_txn *txn)
{
    buffer_done(&txn->requests);
    buffer_done(&txn->fields.body);
}

/* ---- arguments ---- */

void ranking_words_clear(struct ranking_words *words)
{
    buffer_clear(&words->body, KEEP_BYTES);
    words->count = 0;
}

void ranking_words_put(struct ranking_words *words, struct text word)
{
    resp_put_string(&words->body, word);
    words->count++;
}

void ranking_words_put_integer(struct ranking_words *words, int64_t word)
{
    resp_put_integer(&words->body, word);
    words->count++;
}

/* ---- commands ---- */

void ranking_txn_begin(struct ranking_txn *txn)
{
    buffer_clear(&txn->requests, KEEP_BYTES);
    ranking_words_clear(&txn->fields);
    txn->commands = 0;
    txn->wholes = 0;
    txn->expected_count = 0;
    redis_command_words(&txn->requests, TEXT("MULTI"));
}

static void begin_command(struct ranking_txn *txn, const struct ranking_state *state, struct text verb, struct text key,
                          size_t word_count)
{
    resp_put_array(&txn->requests, 2 + word_count);
    resp_put_string(&txn->requests, verb);
    redis_key_put_single(&txn->requests, &state->prefix, key);
    txn->commands++;
}

void ranking_txn_add(struct ranking_txn *txn, const struct ranking_state *state, struct text verb, struct text key,
                     const struct ranking_words *words)
{
    if (words->count > 0) {
        begin_command(txn, state, verb, key, words->count);
        buffer_append(&txn->requests, words->body.data, words->body.len);
        txn->requests.failed |= words->body.failed;
    }
}

void ranking_txn_add_plain(struct ranking_txn *txn, const struct ranking_state *state, struct text verb,
                           struct text key, const struct text *words, size_t word_count)
{
    begin_command(txn, state, verb, key, word_count);
    for (size_t i = 0; i < word_count; i++) {
        resp_put_string(&txn->requests, words[i]);
    }
}

void ranking_txn_expect(struct ranking_txn *txn, int64_t result)
{
    assert(txn->commands > 0 && txn->expected_count < RANKING_TXN_EXPECTED_MAX);
    txn->expected[txn->expected_count].command = txn->commands - 1;
    txn->expected[txn->expected_count++].result = result;
}

void ranking_txn_put_board(struct ranking_txn *txn, const struct ranked_window *ranked)
{
    char field[RANKING_KEY_SIZE];
    char value[RANKING_BOARD_TEXT_SIZE];
    ranking_words_put(&txn->fields, ranking_board_field(field, ranked->counter_type, &ranked->window));
    ranking_words_put(&txn->fields, ranking_board_put(value, &ranked->board));
}

void ranking_txn_put_top(struct ranking_txn *txn, const struct ranked_window *ranked, size_t slot)
{
    char field[RANKING_KEY_SIZE];
    char value[RANKING_TOP_TEXT_SIZE];
    ranking_words_put(&txn->fields, ranking_top_field(field, ranked->counter_type, &ranked->window, slot));
    ranking_words_put(&txn->fields, ranking_top_put(value, &ranked->board.tops[slot]));
}

void ranking_txn_put_part(struct ranking_txn *txn, const struct ranking_state *state)
{
    char value[RANKING_PART_TEXT_SIZE];
    ranking_words_put(&txn->fields, RANKING_FIELD_PART);
    ranking_words_put(&txn->fields, ranking_part_put(&state->part, value));
}

/* ---- the exchange ---- */

void ranking_txn_append_watch(struct buffer *out, const struct ranking_state *state, bool is_cluster)
{
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("WATCH"));
    redis_key_put_single(out, &state->prefix, RANKING_STATE_KEY);
    outbox_conn_put_store_key(out, is_cluster, &state->prefix);
}

enum { VERSION_SIZE = OUTBOX_TOKEN_LEN + 1 + DECIMAL_LEN_MAX + 1 };

/* Of this writer's last write. */
static struct text version_of(char out[VERSION_SIZE], const struct ranking_state *state)
{
    const int len = snprintf(out, VERSION_SIZE, "%s:%" PRIu64, state->token, state->writes);
    return (struct text){out, (size_t)len};
}

/* What every change writes. */
static void put_state(struct ranking_txn *txn, struct ranking_state *state)
{
    char version[VERSION_SIZE];
    char at[3 * (DECIMAL_LEN_MAX + 1)];
    state->writes++;
    const int at_len = snprintf(at, sizeof(at), "%" PRIu64 "-%" PRIu64 " %" PRIu64, state->at.id.ms, state->at.id.seq,
                                state->at.number);
    ranking_words_put(&txn->fields, RANKING_FIELD_VERSION);
    ranking_words_put(&txn->fields, version_of(version, state));
    ranking_words_put(&txn->fields, RANKING_FIELD_AT);
    ranking_words_put(&txn->fields, (struct text){at, (size_t)at_len});
    ranking_words_put(&txn->fields, RANKING_FIELD_TIME);
    ranking_words_put_integer(&txn->fields, state->time_ms);
    ranking_words_put(&txn->fields, RANKING_FIELD_NEXT);
    ranking_words_put_integer(&txn->fields, state->next_ms);
    ranking_txn_add(txn, state, TEXT("HSET"), RANKING_STATE_KEY, &txn->fields);
}

static int tell_other_writer(struct error *error)
{
    error_set(error, "another instance has written the rankings");
    return -1;
}

static void append_version_read(struct buffer *out, const struct ranking_state *state)
{
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("HGET"));
    redis_key_put_single(out, &state->prefix, RANKING_STATE_KEY);
    resp_put_string(out, RANKING_FIELD_VERSION);
}

static int expect_own_version(const struct ranking_state *state, const struct outbox_conn *conn, struct error *error)
{
    char version[VERSION_SIZE];
    struct redis_reply reply;
    if (redis_command_expect(conn->redis, "HGET", &reply, error) != 0) {
        return -1;
    }
    return text_equal(reply.text, version_of(version, state)) ? 0 : tell_other_writer(error);
}

/* MULTI's, the queued commands' and EXEC's, up to the array of their results. */
static int read_results(const struct ranking_txn *txn, const struct outbox_conn *conn, struct redis_reply *ret_results,
                        struct error *error)
{
    for (size_t i = 0; i <= txn->commands; i++) {
        struct redis_reply reply;
        if (redis_command_expect(conn->redis, "MULTI", &reply, error) != 0) {
            return -1;
        }
    }
    if (redis_command_expect(conn->redis, "EXEC", ret_results, error) != 0) {
        return -1;
    }
    return ret_results->type == REDIS_ARRAY ? 0 : tell_other_writer(error);
}

static int take_results(const struct ranking_txn *txn, struct ranking_state *state, const struct redis_reply *results,
                        struct error *error)
{
    if (results->element_count != txn->commands) {
        error_set(error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    for (size_t i = 0; i < results->element_count; i++) {
        const struct redis_reply result = redis_reply_element(results, i);
        if (result.type == REDIS_ERROR) {
            error_set(error, "a key of the rankings is damaged: %s", redis_quote(result.text).text);
            state->is_torn = true;
            return -1;
        }
    }
    for (size_t i = 0; i < txn->expected_count; i++) {
        if (redis_reply_element(results, txn->expected[i].command).integer != txn->expected[i].result) {
            error_set(error, "a top of the rankings was not as long as it had been written");
            return -1;
        }
    }
    return 0;
}

int ranking_txn_commit(struct ranking_txn *txn, struct ranking_state *state, const struct outbox_conn *conn,
                       struct error *error)
{
    struct redis_reply results;
    struct redis_reply watched;
    assert(state->is_loaded);
    state->is_loaded = false;
    put_state(txn, state);
    redis_command_words(&txn->requests, TEXT("EXEC"));
    ranking_txn_append_watch(&txn->requests, state, conn->is_cluster);
    /* This process may be frozen before the WATCH has left it, and somebody else may write then. */
    append_version_read(&txn->requests, state);
    if (redis_command_begin(conn->redis, &txn->requests, conn->timeout_ms, error) != 0 ||
        read_results(txn, conn, &results, error) != 0 || take_results(txn, state, &results, error) != 0 ||
        redis_command_expect(conn->redis, "WATCH", &watched, error) != 0 ||
        expect_own_version(state, conn, error) != 0) {
        return -1;
    }
    state->is_loaded = true;
    return 0;
}

int ranking_txn_confirm(struct ranking_txn *txn, const struct ranking_state *state, const struct outbox_conn *conn,
                        struct error *error)
{
    assert(state->is_loaded);
    buffer_clear(&txn->requests, KEEP_BYTES);
    append_version_read(&txn->requests, state);
    return redis_command_begin(conn->redis, &txn->requests, conn->timeout_ms, error) == 0
               ? expect_own_version(state, conn, error)
               : -1;
}

int ranking_txn_resume(struct ranking_txn *txn, const struct ranking_state *state, const struct outbox_conn *conn,
                       struct error *error)
{
    struct redis_reply reply;
    assert(state->is_loaded);
    buffer_clear(&txn->requests, KEEP_BYTES);
    redis_command_words(&txn->requests, TEXT("UNWATCH"));
    ranking_txn_append_watch(&txn->requests, state, conn->is_cluster);
    append_version_read(&txn->requests, state);
    return redis_command_begin(conn->redis, &txn->requests, conn->timeout_ms, error) == 0 &&
                   redis_command_expect(conn->redis, "UNWATCH", &reply, error) == 0 &&
                   redis_command_expect(conn->redis, "WATCH", &reply, error) == 0
               ? expect_own_version(state, conn, error)
               : -1;
}
