#include "counter-service/store/redis_trial.h"

#include <stdio.h>
#include <sys/random.h>

#include "common/base/buffer.h"
#include "counter-service/commands/session_command.h"
#include "counter-service/commands/write_reply.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"

/* The life of the trial's session and record. A crash between two commands leaves neither, but a Redis that loses the
 * end of the transaction in its AOF might. */
enum { TRIAL_TTL_MS = 1000 };

static const char trial_ttl[] = "1000";

/* The keys of one trial, as words. */
struct trial {
    uint8_t session_id[SESSION_LEN];
    char session[REDIS_KEY_PREFIX_MAX + 2 + SESSION_LEN];
    size_t session_len;
    char counters[REDIS_KEY_PREFIX_MAX + 16];
    char record[REDIS_KEY_PREFIX_MAX + 32];
};

static int init(struct trial *trial, const struct redis_key_prefix *prefix, struct error *error)
{
    if (getrandom(trial->session_id, SESSION_LEN, 0) != SESSION_LEN) {
        error_set(error, "the kernel has no random numbers");
        return -1;
    }
    const int prefix_len = (int)prefix->len;
    const int len = snprintf(trial->session, sizeof(trial->session), "%.*ss:", prefix_len, prefix->data);
    memcpy(trial->session + len, trial->session_id, SESSION_LEN);
    trial->session_len = (size_t)len + SESSION_LEN;
    snprintf(trial->counters, sizeof(trial->counters), "%.*sc:{trial}", prefix_len, prefix->data);
    snprintf(trial->record, sizeof(trial->record), "%.*si:7:{trial}:trial:trial", prefix_len, prefix->data);
    return 0;
}

/* The commands sent, in order, as a sentence names them. Each has one reply. */
static const char *const steps[] = {
    "MULTI",      "HSET", "HMGET", "PEXPIRE", "SET",  "GET",     "HINCRBY", "HGET",
    "HRANDFIELD", "HLEN", "HDEL",  "UNLINK",  "EVAL", "EVALSHA", "UNLINK",  "EXEC",
};
enum {
    STEPS = sizeof(steps) / sizeof(steps[0]),
    /* Places in EXEC's answer, which has none for MULTI. */
    OPENED = STEPS - 5,
    WRITTEN = STEPS - 4,
};

static void append_single_commands(struct buffer *out, const struct trial *trial)
{
    const struct text session = {trial->session, trial->session_len};
    const struct text counters = text_of(trial->counters);
    const struct text record = text_of(trial->record);
    const struct text field = TEXT("trial");
    redis_command_words(out, TEXT("MULTI"));
    redis_command_words(out, TEXT("HSET"), session, TEXT("o"), TEXT("1"));
    redis_command_words(out, TEXT("HMGET"), session, TEXT("o"), TEXT("0"));
    redis_command_words(out, TEXT("PEXPIRE"), session, text_of(trial_ttl));
    redis_command_words(out, TEXT("SET"), record, field, TEXT("PX"), text_of(trial_ttl));
    redis_command_words(out, TEXT("GET"), record);
    redis_command_words(out, TEXT("HINCRBY"), counters, field, TEXT("1"));
    redis_command_words(out, TEXT("HGET"), counters, field);
    redis_command_words(out, TEXT("HRANDFIELD"), counters, TEXT("1"), TEXT("WITHVALUES"));
    redis_command_words(out, TEXT("HLEN"), counters);
    redis_command_words(out, TEXT("HDEL"), counters, field);
    redis_command_words(out, TEXT("UNLINK"), session, counters, record);
}

static void append_scripts(struct buffer *out, const struct trial *trial, const struct write_settings *settings,
                           struct write_script_name script)
{
    struct store_item item = {
        .resource_id = TEXT("{trial}"), .counter_type = TEXT("trial"), .idempotency_key = TEXT("trial"), .delta = 1};
    const struct store_call call = {
        .session = {.id = trial->session_id, .sequence = 1}, .items = &item, .item_count = 1};
    const struct text session = {trial->session, trial->session_len};
    const struct text id = {(const char *)trial->session_id, SESSION_LEN};
    if (session_command_append_open(out, &settings->prefix, id, TRIAL_TTL_MS) != 0 ||
        write_command_append(out, settings, script, &call) != 0) {
        out->failed = true;
    }
    redis_command_words(out, TEXT("UNLINK"), session, text_of(trial->counters), text_of(trial->record));
    redis_command_words(out, TEXT("EXEC"));
}

/* Reads the answer to every step. error: the first refusal that is not only for now; refusal: else the first that is.
 * After either Redis discards the transaction. */
static int read_answers(struct redis_conn *conn, struct redis_reply *ret_last, struct error *refusal,
                        struct error *error)
{
    bool refused = false;
    for (size_t i = 0; i < STEPS; i++) {
        if (redis_conn_next(conn, ret_last) != 0) {
            error_set(error, "%s", redis_conn_error(conn));
            return -1;
        }
        const bool discarded = i == STEPS - 1 && refusal->message[0] != '\0';
        if (ret_last->type != REDIS_ERROR || refused || discarded) {
            continue;
        }
        refused = !redis_error_refuses_writes(ret_last->text);
        if (refused || refusal->message[0] == '\0') {
            error_set(refused ? error : refusal, "Redis refuses %s: %s", steps[i], redis_quote(ret_last->text).text);
        }
    }
    return refused ? -1 : 0;
}

/* Checks the results of the transaction's commands. error: the first that failed, in Redis's words. */
static int check_results(const struct redis_reply *results, struct error *error)
{
    if (results->type != REDIS_ARRAY || results->element_count != STEPS - 2) {
        error_set(error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    for (size_t i = 0; i < results->element_count; i++) {
        const struct redis_reply result = redis_reply_element(results, i);
        if (result.type == REDIS_ERROR) {
            error_set(error, "Redis refuses %s: %s", steps[i + 1], redis_quote(result.text).text);
            return -1;
        }
    }
    const struct redis_reply written = redis_reply_element(results, WRITTEN);
    if (redis_reply_element(results, OPENED).integer != 1 || !text_equal(written.text, TEXT("A 1"))) {
        error_set(error, "Redis does not run the write script as it should: %s", redis_quote(written.text).text);
        return -1;
    }
    return 0;
}

int redis_trial(struct redis_conn *conn, const struct write_settings *settings, struct write_script_name script,
                int timeout_ms, struct error *ret_refusal, struct error *error)
{
    struct trial trial;
    struct buffer requests;
    struct redis_reply reply;
    if (init(&trial, &settings->prefix, error) != 0) {
        return -1;
    }
    buffer_init(&requests);
    append_single_commands(&requests, &trial);
    append_scripts(&requests, &trial, settings, script);
    int result = redis_command_begin(conn, &requests, timeout_ms, error);
    ret_refusal->message[0] = '\0';
    if (result == 0) {
        result = read_answers(conn, &reply, ret_refusal, error);
    }
    if (result == 0 && ret_refusal->message[0] == '\0') {
        result = check_results(&reply, error);
    }
    buffer_done(&requests);
    return result;
}
