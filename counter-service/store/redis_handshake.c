#include "counter-service/store/redis_handshake.h"

#include <assert.h>
#include <string.h>

#include "common/base/buffer.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/write_script.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_script.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"
#include "counter-service/store/redis_trial.h"

/* .data NULL if the key is not there. */
static struct text found_in(const struct redis_reply *reply)
{
    return reply->type == REDIS_NIL ? (struct text){NULL, 0} : reply->text;
}

/* Reads the answers to GET, or to SET with NX and GET, of both keys. *ret_missing: how many of them were not there. */
static int read_whose(struct redis_conn *conn, const struct redis_meta *meta, const char *command,
                      struct redis_session *session, int *ret_missing, struct error *error)
{
    struct redis_reply reply;
    if (redis_command_expect(conn, command, &reply, error) != 0 ||
        redis_check_meta(found_in(&reply), meta, error) != 0) {
        return -1;
    }
    *ret_missing = reply.type == REDIS_NIL;
    if (redis_command_expect(conn, command, &reply, error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_NIL) {
        (*ret_missing)++;
        return 0;
    }
    return redis_store_id_read(reply.text, session->store_id, error);
}

/* Tells whoever keeps the rankings. */
static int note_ranking_field(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                              struct text field, struct error *error)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    struct redis_reply reply;
    buffer_clear(requests, SIZE_MAX);
    resp_put_array(requests, 4);
    resp_put_string(requests, TEXT("HSET"));
    redis_key_put_single(requests, &prefix, RANKING_STATE_KEY);
    resp_put_string(requests, field);
    resp_put_string(requests, TEXT("1"));
    return redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0
               ? -1
               : redis_command_expect(conn, "HSET", &reply, error);
}

/* This instance adds no events: if there are rankings, they will lack what it counts. Where writes are refused nothing
 * is counted, and a later connection tells. */
static int note_uncounted(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                          struct error *error)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    struct redis_reply reply;
    struct error refused;
    if (config_has_outbox(config)) {
        return 0;
    }
    buffer_clear(requests, SIZE_MAX);
    resp_put_array(requests, 3);
    resp_put_string(requests, TEXT("HGET"));
    redis_key_put_single(requests, &prefix, RANKING_STATE_KEY);
    resp_put_string(requests, RANKING_FIELD_VERSION);
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0) {
        return -1;
    }
    if (redis_conn_next(conn, &reply) != 0) {
        error_set(error, "%s", redis_conn_error(conn));
        return -1;
    }
    if (reply.type == REDIS_TEXT) { /* an error: somebody else's key */
        (void)!note_ranking_field(conn, config, requests, RANKING_FIELD_UNCOUNTED, &refused);
    }
    return 0;
}

/* Reads both keys, and writes them only if one is missing: reads work where writes are refused. */
static int settle_whose(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                        struct redis_session *session, struct error *error)
{
    const struct redis_meta meta = redis_meta_of(config->redis.partitions);
    const struct text meta_key = TEXT("tally:meta");
    const int timeout_ms = config->redis.timeout_ms;
    int missing;
    redis_command_words(requests, TEXT("GET"), meta_key);
    buffer_append_text(requests, redis_store_id_request);
    if (redis_command_begin(conn, requests, timeout_ms, error) != 0 ||
        read_whose(conn, &meta, "GET", session, &missing, error) != 0) {
        return -1;
    }
    if (missing == 0) {
        return 0;
    }
    if (redis_store_id_make(session->store_id, error) != 0) {
        return -1;
    }
    /* Another service may do the same meanwhile: then SET with NX and GET answers what that service has written. */
    buffer_clear(requests, SIZE_MAX);
    redis_command_words(requests, TEXT("SET"), meta_key, text_of(meta.text), TEXT("NX"), TEXT("GET"));
    redis_command_words(requests, TEXT("SET"), redis_store_id_key, text_of(session->store_id), TEXT("NX"), TEXT("GET"));
    if (redis_command_begin(conn, requests, timeout_ms, error) != 0 ||
        read_whose(conn, &meta, "SET", session, &missing, error) != 0) {
        return -1;
    }
    /* Nothing was ever counted here: windows that begin now are whole. */
    const bool is_new = missing == 2 && config->ranking_count > 0;
    return is_new ? note_ranking_field(conn, config, requests, RANKING_FIELD_NEW, error) : 0;
}

int redis_handshake(struct redis_conn *conn, const struct config *config, const struct write_settings *settings,
                    struct redis_session *ret_session, struct error *error)
{
    const int timeout_ms = config->redis.timeout_ms;
    struct redis_session session = {.outbox_is_followed = false};
    struct buffer requests;
    buffer_init(&requests);
    int result = settle_whose(conn, config, &requests, &session, error);
    if (result == 0) {
        result = note_uncounted(conn, config, &requests, error);
    }
    if (result == 0) {
        const struct text script = {write_script, write_script_len};
        result = redis_script_load(conn, script, timeout_ms, session.script_sha, error);
    }
    if (result == 0) {
        const struct write_script_name script = {TEXT("EVALSHA"), {session.script_sha, REDIS_SCRIPT_SHA_LEN}};
        result = redis_trial(conn, settings, script, timeout_ms, &session.refusal, error);
    }
    if (result == 0) {
        *ret_session = session;
    }
    buffer_done(&requests);
    return result;
}

#define HEARTBEAT \
    "*1\r\n$4\r\nROLE\r\n" \
    "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n" \
    "*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n" \
    "*2\r\n$3\r\nGET\r\n$10\r\ntally:meta\r\n" \
    "*2\r\n$3\r\nGET\r\n$11\r\ntally:store\r\n" \
    "*2\r\n$3\r\nGET\r\n$22\r\ntally:{p0}:lease:kafka\r\n" \
    "*2\r\n$3\r\nGET\r\n$25\r\ntally:{p0}:lease:rankings\r\n"

/* This instance adds no events: if somebody keeps rankings, for some seconds; if somebody has, for whoever does next.
 */
static const char tell_uncounted[] = "#!lua\n"
                                     "local state = redis.pcall('HMGET', KEYS[3], 'v', 'uncounted')\n"
                                     "if type(redis.pcall('GET', KEYS[1])) == 'string' then\n"
                                     "    redis.pcall('SET', KEYS[2], '1', 'PX', '5000')\n"
                                     "elseif state[1] and not state[2] then\n"
                                     "    redis.pcall('HSET', KEYS[3], 'uncounted', '1')\n"
                                     "end\n"
                                     "return 1";

void redis_heartbeat_append(struct buffer *out, const struct config *config)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    buffer_append_text(out, TEXT(HEARTBEAT));
    if (config_has_outbox(config)) {
        redis_command_words(out, TEXT("EVAL"), TEXT("#!lua\nreturn 1"), TEXT("0"));
        return;
    }
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, TEXT(tell_uncounted));
    resp_put_string(out, TEXT("3"));
    redis_key_put_single(out, &prefix, RANKING_LEASE_KEY);
    redis_key_put_single(out, &prefix, RANKING_UNCOUNTED_KEY);
    redis_key_put_single(out, &prefix, RANKING_STATE_KEY);
}

static int check_still_ours(struct text found, struct text expected, const char *key, struct error *error)
{
    if (!text_equal(found, expected)) {
        error_set(error, "Redis's data was replaced: key %s was \"%.*s\" and is \"%s\"", key, (int)expected.len,
                  expected.data, redis_quote(found).text);
        return -1;
    }
    return 0;
}

bool redis_session_note_write(struct redis_session *session, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ERROR) {
        session->refusal.message[0] = '\0';
        return true;
    }
    if (!redis_error_refuses_writes(reply->text)) {
        return false;
    }
    error_set(&session->refusal, "Redis refuses writes: %s", redis_quote(reply->text).text);
    return true;
}

int redis_heartbeat_check(size_t index, const struct redis_reply *reply, const struct config *config,
                          struct redis_session *session, struct error *error)
{
    const struct redis_meta meta = redis_meta_of(config->redis.partitions);
    assert(index < REDIS_HEARTBEAT_REPLIES);
    if (index == REDIS_HEARTBEAT_REPLIES - 1 && redis_session_note_write(session, reply)) {
        return 0;
    }
    if (index < REDIS_LOGIN_QUESTIONS) { /* the heartbeat begins with them */
        return redis_login_check((enum redis_login_question)index, reply, error);
    }
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses the heartbeat: %s", redis_quote(reply->text).text);
        return -1;
    }
    switch (index) {
    case 3:
        return check_still_ours(reply->text, text_of(meta.text), "tally:meta", error);
    case 5:
        session->outbox_is_followed = reply->type == REDIS_TEXT;
        return 0;
    case 6:
        session->outbox_is_followed |= reply->type == REDIS_TEXT;
        return 0;
    default:
        return check_still_ours(reply->text, text_of(session->store_id), "tally:store", error);
    }
}
