#include "counter-service/store/redis_trial.h"

#include <assert.h>
#include <stdio.h>
#include <sys/random.h>

#include "common/base/buffer.h"
#include "counter-service/commands/session_command.h"
#include "counter-service/commands/write_reply.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/topology/redis_redirect.h"

/* The life of the trial's session and record. A crash between two commands leaves neither, but a Redis that loses the
 * end of the transaction in its AOF might. */
enum { TRIAL_TTL_MS = 1000 };

static const char trial_ttl[] = "1000";

enum {
    STEPS_MAX = 24,
    /* Places in the answer to EXEC, from its end; EXEC itself has none there. */
    OPENED_FROM_END = 3,
    WRITTEN_FROM_END = 2,
};

struct trial {
    /* The keys, as words. */
    uint8_t session_id[SESSION_LEN];
    char session[REDIS_KEY_PREFIX_MAX + 2 + SESSION_LEN];
    size_t session_len;
    char counters[REDIS_KEY_PREFIX_MAX + 16];
    char record[REDIS_KEY_PREFIX_MAX + 32];
    char stream[REDIS_KEY_PREFIX_MAX + 16];
    char marks[REDIS_KEY_PREFIX_MAX + 16];
    /* The commands sent, and what a sentence calls them. Each has one reply. */
    struct buffer requests;
    struct buffer packed;
    const char *steps[STEPS_MAX];
    size_t step_count;
};

/* The outbox of a trial, which no consumer reads. */
#define TRIAL_STREAM "events:{trial}"
#define TRIAL_MARKS "outbox:{trial}"

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
    snprintf(trial->stream, sizeof(trial->stream), "%.*s" TRIAL_STREAM, prefix_len, prefix->data);
    snprintf(trial->marks, sizeof(trial->marks), "%.*s" TRIAL_MARKS, prefix_len, prefix->data);
    buffer_init(&trial->requests);
    buffer_init(&trial->packed);
    trial->step_count = 0;
    return 0;
}

static void done(struct trial *trial)
{
    buffer_done(&trial->requests);
    buffer_done(&trial->packed);
}

static void note_step(struct trial *trial, const char *name)
{
    assert(trial->step_count < STEPS_MAX);
    trial->steps[trial->step_count++] = name;
}

static void put_step(struct trial *trial, const struct text *words, size_t word_count)
{
    note_step(trial, words[0].data);
    redis_command_append(&trial->requests, words, word_count);
}

/* STEP(trial, TEXT("GET"), key): the first word is a literal. */
#define STEP(trial, ...) \
    put_step((trial), (const struct text[]){__VA_ARGS__}, \
             sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

static void put_single_commands(struct trial *trial)
{
    const struct text session = {trial->session, trial->session_len};
    const struct text counters = text_of(trial->counters);
    const struct text record = text_of(trial->record);
    const struct text field = TEXT("trial");
    STEP(trial, TEXT("HSET"), session, TEXT("o"), TEXT("1"));
    STEP(trial, TEXT("HMGET"), session, TEXT("o"), TEXT("0"));
    STEP(trial, TEXT("PEXPIRE"), session, text_of(trial_ttl));
    STEP(trial, TEXT("SET"), record, field, TEXT("PX"), text_of(trial_ttl));
    STEP(trial, TEXT("GET"), record);
    STEP(trial, TEXT("HINCRBY"), counters, field, TEXT("1"));
    STEP(trial, TEXT("HGET"), counters, field);
    STEP(trial, TEXT("HRANDFIELD"), counters, TEXT("1"), TEXT("WITHVALUES"));
    STEP(trial, TEXT("HLEN"), counters);
    STEP(trial, TEXT("HDEL"), counters, field);
    STEP(trial, TEXT("UNLINK"), session, counters, record);
}

static void put_outbox_commands(struct trial *trial)
{
    const struct text stream = text_of(trial->stream);
    const struct text field = TEXT("trial");
    STEP(trial, TEXT("XADD"), stream, TEXT("*"), field, field);
    STEP(trial, TEXT("XLEN"), stream);
    STEP(trial, TEXT("XRANGE"), stream, TEXT("-"), TEXT("+"), TEXT("COUNT"), TEXT("1"));
    STEP(trial, TEXT("XTRIM"), stream, TEXT("MAXLEN"), TEXT("0"));
    STEP(trial, TEXT("UNLINK"), stream);
}

static void put_scripts(struct trial *trial, const struct write_settings *settings, struct write_script_name script)
{
    struct store_item item = {
        .resource_id = TEXT("{trial}"), .counter_type = TEXT("trial"), .idempotency_key = TEXT("trial"), .delta = 1};
    const struct store_call call = {
        .session = {.id = trial->session_id, .sequence = 1}, .items = &item, .item_count = 1};
    const struct text session = {trial->session, trial->session_len};
    const struct text id = {(const char *)trial->session_id, SESSION_LEN};
    struct write_settings own = *settings;
    if (own.outbox.stream.len > 0) {
        own.outbox.stream = TEXT(TRIAL_STREAM);
        own.outbox.marks = TEXT(TRIAL_MARKS);
    }
    note_step(trial, "EVAL");
    note_step(trial, "EVALSHA");
    if (session_command_append_open(&trial->requests, &settings->prefix, id, TRIAL_TTL_MS) != 0 ||
        write_command_append(&trial->requests, &trial->packed, &own, script, &call) != 0) {
        trial->requests.failed = true;
    }
    STEP(trial, TEXT("UNLINK"), session, text_of(trial->counters), text_of(trial->record), text_of(trial->stream),
         text_of(trial->marks));
}

static void put_all(struct trial *trial, const struct write_settings *settings, struct write_script_name script)
{
    STEP(trial, TEXT("MULTI"));
    put_single_commands(trial);
    if (settings->outbox.stream.len > 0) {
        put_outbox_commands(trial);
    }
    put_scripts(trial, settings, script);
    STEP(trial, TEXT("EXEC"));
}

/* How a refusal that is not only for now ends the trial. */
static int result_of(struct text error)
{
    return redis_redirect_is_elsewhere(error) ? REDIS_TRIAL_ELSEWHERE : -1;
}

/* Reads the answer to every step. error: the first refusal that is not only for now; refusal: else the first that is.
 * After either Redis discards the transaction. */
static int read_answers(const struct trial *trial, struct redis_conn *conn, struct redis_reply *ret_last,
                        struct error *refusal, struct error *error)
{
    bool refused = false;
    int result = 0;
    for (size_t i = 0; i < trial->step_count; i++) {
        if (redis_conn_next(conn, ret_last) != 0) {
            error_set(error, "%s", redis_conn_error(conn));
            return -1;
        }
        const bool discarded = i == trial->step_count - 1 && refusal->message[0] != '\0';
        if (ret_last->type != REDIS_ERROR || refused || discarded) {
            continue;
        }
        refused = !redis_error_refuses_writes(ret_last->text);
        result = refused ? result_of(ret_last->text) : 0;
        if (refused || refusal->message[0] == '\0') {
            error_set(refused ? error : refusal, "Redis refuses %s: %s", trial->steps[i],
                      redis_quote(ret_last->text).text);
        }
    }
    return result;
}

/* Checks the results of the transaction's commands. error: the first that failed, in Redis's words. */
static int check_results(const struct trial *trial, const struct redis_reply *results, struct error *error)
{
    if (results->type != REDIS_ARRAY || results->element_count != trial->step_count - 2) {
        error_set(error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    for (size_t i = 0; i < results->element_count; i++) {
        const struct redis_reply result = redis_reply_element(results, i);
        if (result.type == REDIS_ERROR) {
            error_set(error, "Redis refuses %s: %s", trial->steps[i + 1], redis_quote(result.text).text);
            return -1;
        }
    }
    const size_t count = results->element_count;
    const struct redis_reply written = redis_reply_element(results, count - WRITTEN_FROM_END);
    if (redis_reply_element(results, count - OPENED_FROM_END).integer != 1 || !text_equal(written.text, TEXT("A 1"))) {
        error_set(error, "Redis does not run the write script as it should: %s", redis_quote(written.text).text);
        return -1;
    }
    return 0;
}

int redis_trial(struct redis_conn *conn, const struct write_settings *settings, struct write_script_name script,
                int timeout_ms, struct error *ret_refusal, struct error *error)
{
    struct trial trial;
    struct redis_reply reply = {.type = REDIS_NIL};
    if (init(&trial, &settings->prefix, error) != 0) {
        return -1;
    }
    put_all(&trial, settings, script);
    int result = redis_command_begin(conn, &trial.requests, timeout_ms, error);
    ret_refusal->message[0] = '\0';
    if (result == 0) {
        result = read_answers(&trial, conn, &reply, ret_refusal, error);
    }
    if (result == 0 && ret_refusal->message[0] == '\0') {
        result = check_results(&trial, &reply, error);
    }
    done(&trial);
    return result;
}
