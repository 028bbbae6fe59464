#include "counter-service/redis_handshake.h"

#include "common/buffer.h"
#include "common/clock.h"
#include "counter-service/redis_checks.h"
#include "counter-service/resp.h"
#include "counter-service/write_script.h"

static int check_role(const struct redis_reply *reply, struct error *error)
{
    struct text role = {"", 0};
    if (reply->type == REDIS_ARRAY && reply->element_count > 0) {
        role = redis_reply_element(reply, 0).text;
    }
    return redis_check_role(role, error);
}

static int learn_clock(const struct redis_reply *reply, struct redis_clock *clock, struct error *error)
{
    int64_t redis_us;
    if (reply->type != REDIS_ARRAY || reply->element_count != 2 ||
        !redis_time_parse(redis_reply_element(reply, 0).text, redis_reply_element(reply, 1).text, &redis_us)) {
        error_set(error, "Redis's answer to TIME was not understood");
        return -1;
    }
    *clock = (struct redis_clock){.redis_us = redis_us, .sampled_us = clock_monotonic_us()};
    return 0;
}

static void append_command(struct buffer *out, const struct text *words, size_t word_count)
{
    size_t bytes = RESP_PART_BYTES;
    for (size_t i = 0; i < word_count; i++) {
        bytes += RESP_PART_BYTES + words[i].len;
    }
    if (buffer_reserve(out, bytes) != 0) {
        return;
    }
    char *end = resp_put_array(out->data + out->len, word_count);
    for (size_t i = 0; i < word_count; i++) {
        end = resp_put_string(end, words[i]);
    }
    out->len = (size_t)(end - out->data);
}

#define APPEND_COMMAND(out, ...) \
    append_command((out), (const struct text[]){__VA_ARGS__}, \
                   sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

static int begin(struct redis_conn *conn, const struct buffer *requests, int timeout_ms, struct error *error)
{
    if (requests->failed) {
        error_set(error, "out of memory");
        return -1;
    }
    redis_conn_begin(conn, (struct text){requests->data, requests->len}, timeout_ms);
    return 0;
}

/* The next reply, which must not be an error. command names it in the sentence. */
static int expect(struct redis_conn *conn, const char *command, struct redis_reply *ret_reply, struct error *error)
{
    if (redis_conn_next(conn, ret_reply) != 0) {
        error_set(error, "%s", redis_conn_error(conn));
        return -1;
    }
    if (ret_reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses %s: %s", command, redis_quote(ret_reply->text).text);
        return -1;
    }
    return 0;
}

static int ask_who(struct redis_conn *conn, const struct config *config, struct buffer *requests, struct error *error)
{
    char db[DECIMAL_LEN_MAX];
    const struct text db_text = {db, (size_t)(decimal_put(db, config->redis.db) - db)};
    const bool with_password = config->redis.password[0] != '\0';
    if (with_password) {
        APPEND_COMMAND(requests, TEXT("AUTH"), text_of(config->redis.password));
    }
    APPEND_COMMAND(requests, TEXT("SELECT"), db_text);
    APPEND_COMMAND(requests, TEXT("ROLE"));
    APPEND_COMMAND(requests, TEXT("INFO"), TEXT("server"));
    APPEND_COMMAND(requests, TEXT("INFO"), TEXT("memory"));

    struct redis_reply reply;
    if (begin(conn, requests, config->redis.timeout_ms, error) != 0 ||
        (with_password && expect(conn, "AUTH", &reply, error) != 0) || expect(conn, "SELECT", &reply, error) != 0 ||
        expect(conn, "ROLE", &reply, error) != 0 || check_role(&reply, error) != 0 ||
        expect(conn, "INFO", &reply, error) != 0 || redis_check_version(reply.text, error) != 0 ||
        expect(conn, "INFO", &reply, error) != 0 || redis_check_policy(reply.text, error) != 0) {
        return -1;
    }
    return 0;
}

static int settle(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                  struct redis_session *session, struct error *error)
{
    const struct redis_meta meta = redis_meta_of(config->redis.partitions);
    APPEND_COMMAND(requests, TEXT("SET"), TEXT("tally:meta"), text_of(meta.text), TEXT("NX"), TEXT("GET"));
    APPEND_COMMAND(requests, TEXT("TIME"));
    APPEND_COMMAND(requests, TEXT("SCRIPT"), TEXT("LOAD"), (struct text){write_script, write_script_len});

    struct redis_reply reply;
    if (begin(conn, requests, config->redis.timeout_ms, error) != 0 ||
        expect(conn, "SET tally:meta", &reply, error) != 0 ||
        redis_check_meta(reply.type == REDIS_NIL ? (struct text){NULL, 0} : reply.text, &meta, error) != 0 ||
        expect(conn, "TIME", &reply, error) != 0 || learn_clock(&reply, &session->clock, error) != 0 ||
        expect(conn, "SCRIPT LOAD", &reply, error) != 0) {
        return -1;
    }
    if (reply.text.len != SCRIPT_SHA_LEN) {
        error_set(error, "Redis's answer to SCRIPT LOAD was not understood");
        return -1;
    }
    memcpy(session->script_sha, reply.text.data, SCRIPT_SHA_LEN);
    return 0;
}

int redis_handshake(struct redis_conn *conn, const struct config *config, struct redis_session *ret_session,
                    struct error *error)
{
    struct redis_session session;
    struct buffer requests;
    buffer_init(&requests);
    int result = ask_who(conn, config, &requests, error);
    if (result == 0) {
        buffer_clear(&requests, SIZE_MAX);
        result = settle(conn, config, &requests, &session, error);
    }
    if (result == 0) {
        *ret_session = session;
    }
    buffer_done(&requests);
    return result;
}

const struct text redis_heartbeat_request = {"*1\r\n$4\r\nROLE\r\n*1\r\n$4\r\nTIME\r\n", 28};

int redis_heartbeat_check(size_t index, const struct redis_reply *reply, struct redis_session *session,
                          struct error *error)
{
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses the heartbeat: %s", redis_quote(reply->text).text);
        return -1;
    }
    return index == 0 ? check_role(reply, error) : learn_clock(reply, &session->clock, error);
}
