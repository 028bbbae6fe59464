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
#include "counter-service/topology/redis_alone.h"
#include "counter-service/topology/redis_redirect.h"

/* .data NULL if the key is not there. */
static struct text found_in(const struct redis_reply *reply)
{
    return reply->type == REDIS_NIL ? (struct text){NULL, 0} : reply->text;
}

static int became_cluster(struct error *error)
{
    error_set(error, "the Redis at this address is a node of a Redis Cluster by now, and was none when this service "
                     "began: it must be started again, with redis.mode auto or cluster");
    return -1;
}

/* redis_command_expect, of one Redis. */
static int expect(struct redis_conn *conn, const char *command, struct redis_reply *ret_reply, struct error *error)
{
    if (redis_command_expect(conn, command, ret_reply, error) == 0) {
        return 0;
    }
    return redis_conn_error(conn)[0] == '\0' && redis_alone_is_denied(ret_reply) ? became_cluster(error) : -1;
}

/* Reads the answers to GET, or to SET with NX and GET, of both keys. *ret_empty: how many of them were not there. */
static int read_whose(struct redis_conn *conn, const struct redis_meta *meta, const char *command,
                      struct redis_session *session, int *ret_empty, struct error *error)
{
    struct redis_reply reply;
    if (expect(conn, command, &reply, error) != 0 || redis_check_meta(found_in(&reply), meta, error) != 0) {
        return -1;
    }
    *ret_empty = reply.type == REDIS_NIL;
    if (expect(conn, command, &reply, error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_NIL) {
        (*ret_empty)++;
        return 0;
    }
    return redis_store_id_read(reply.text, session->store_id, error);
}

/* Tells whoever keeps the rankings of the partitions. */
static int note_ranking_field(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                              const uint16_t *partitions, size_t count, struct text field, struct error *error)
{
    struct redis_reply reply;
    buffer_clear(requests, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(partitions[i]);
        resp_put_array(requests, 4);
        resp_put_string(requests, TEXT("HSET"));
        redis_key_put_single(requests, &prefix, RANKING_STATE_KEY);
        resp_put_string(requests, field);
        resp_put_string(requests, TEXT("1"));
    }
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0) {
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        struct error *first = result == 0 ? error : &(struct error){.message = ""};
        if (redis_command_expect(conn, "HSET", &reply, first) != 0) {
            result = -1;
            if (redis_conn_error(conn)[0] != '\0') {
                break;
            }
        }
    }
    return result;
}

/* This instance adds no events: if there are rankings, they will lack what it counts. Where writes are refused nothing
 * is counted, and a later connection tells. */
static int note_uncounted(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                          const struct store_assignment *assignment, struct error *error)
{
    uint16_t ranked[REDIS_PARTITIONS_MAX];
    size_t ranked_count = 0;
    struct error refused;
    if (config_has_outbox(config)) {
        return 0;
    }
    buffer_clear(requests, SIZE_MAX);
    for (size_t i = 0; i < assignment->count; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(assignment->numbers[i]);
        resp_put_array(requests, 3);
        resp_put_string(requests, TEXT("HGET"));
        redis_key_put_single(requests, &prefix, RANKING_STATE_KEY);
        resp_put_string(requests, RANKING_FIELD_VERSION);
    }
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < assignment->count; i++) {
        struct redis_reply reply;
        if (redis_conn_next(conn, &reply) != 0) {
            error_set(error, "%s", redis_conn_error(conn));
            return -1;
        }
        if (reply.type == REDIS_TEXT) { /* an error: somebody else's key */
            ranked[ranked_count++] = assignment->numbers[i];
        }
    }
    if (ranked_count > 0 &&
        note_ranking_field(conn, config, requests, ranked, ranked_count, RANKING_FIELD_UNCOUNTED, &refused) != 0) {
        /* As long as the connection holds. */
        error_set(error, "%s", redis_conn_error(conn));
        return error->message[0] != '\0' ? -1 : 0;
    }
    return 0;
}

/* ---- one Redis ---- */

/* Reads both keys, and writes them only if one is missing: reads work where writes are refused. */
static int settle_whose(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                        const struct store_assignment *assignment, struct redis_session *session, struct error *error)
{
    const struct redis_meta meta = redis_meta_of(assignment->partitions);
    const struct text meta_key = redis_meta_key;
    const int timeout_ms = config->redis.timeout_ms;
    struct redis_reply reply;
    int missing;
    redis_alone_put(requests); /* a node of a Redis Cluster may have both keys, and none of the partitions */
    redis_command_words(requests, TEXT("GET"), meta_key);
    buffer_append_text(requests, redis_store_id_request);
    if (redis_command_begin(conn, requests, timeout_ms, error) != 0 || expect(conn, "EVAL", &reply, error) != 0 ||
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
    return is_new ? note_ranking_field(conn, config, requests, assignment->numbers, assignment->count,
                                       RANKING_FIELD_NEW, error)
                  : 0;
}

/* ---- a node of a Redis Cluster ---- */

static int check_mark(uint16_t partition, struct text found, const char *store_id, int partitions, struct error *error)
{
    if (redis_check_repartition(found, error) != 0) {
        return -1;
    }
    if (redis_store_mark_is(found, store_id, 0) && !redis_store_mark_is(found, store_id, partitions)) {
        error_set(error,
                  "the data have another number of partitions since (partition %u is of \"%s\"), and this "
                  "service began with %d: it must be started again",
                  partition, redis_quote(found).text, partitions);
        return -1;
    }
    if (!redis_store_mark_is(found, store_id, partitions)) {
        error_set(error, "partition %u on this Redis is of store %s, and the cluster's store is %s", partition,
                  redis_quote(found).text, store_id);
        return -1;
    }
    return 0;
}

/* Sends a command for each of the partitions' marks, and reads the answers. Those that had none are noted. */
static int ask_marks(struct redis_conn *conn, const struct config *config, struct buffer *requests, const char *command,
                     const uint16_t *partitions, size_t count, const struct store_assignment *assignment,
                     uint16_t *ret_empty, size_t *ret_empty_count, struct error *error)
{
    struct error first = {.message = ""};
    *ret_empty_count = 0;
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct redis_reply reply;
        if (redis_conn_next(conn, &reply) != 0) {
            error_set(error, "%s", redis_conn_error(conn));
            return -1;
        }
        if (first.message[0] != '\0') {
            continue; /* the first thing wrong is the one that is told */
        }
        if (reply.type == REDIS_ERROR) {
            if (!redis_redirect_is_elsewhere(reply.text)) { /* else it is the other node's to mark */
                error_set(&first, "Redis refuses %s: %s", command, redis_quote(reply.text).text);
            }
        } else if (reply.type == REDIS_NIL) {
            ret_empty[(*ret_empty_count)++] = partitions[i];
        } else {
            (void)!check_mark(partitions[i], reply.text, assignment->store_id, assignment->partitions, &first);
        }
    }
    *error = first.message[0] != '\0' ? first : *error;
    return first.message[0] != '\0' ? -1 : 0;
}

/* Marks those partitions that are new here. */
static int settle_marks(struct redis_conn *conn, const struct config *config, struct buffer *requests,
                        const struct store_assignment *assignment, struct redis_session *session, struct error *error)
{
    uint16_t missing[REDIS_PARTITIONS_MAX];
    uint16_t fresh[REDIS_PARTITIONS_MAX];
    size_t missing_count;
    size_t fresh_count;
    memcpy(session->store_id, assignment->store_id, sizeof(session->store_id));
    for (size_t i = 0; i < assignment->count; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(assignment->numbers[i]);
        redis_key_put_get(requests, &prefix, store_mark);
    }
    if (ask_marks(conn, config, requests, "GET", assignment->numbers, assignment->count, assignment, missing,
                  &missing_count, error) != 0) {
        return -1;
    }
    if (missing_count == 0) {
        return 0;
    }
    buffer_clear(requests, SIZE_MAX);
    for (size_t i = 0; i < missing_count; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(missing[i]);
        resp_put_array(requests, 5);
        resp_put_string(requests, TEXT("SET"));
        redis_key_put_single(requests, &prefix, store_mark);
        resp_put_string(requests, text_of(session->store_id));
        resp_put_string(requests, TEXT("NX"));
        resp_put_string(requests, TEXT("GET"));
    }
    if (ask_marks(conn, config, requests, "SET", missing, missing_count, assignment, fresh, &fresh_count, error) != 0) {
        return -1;
    }
    /* Nothing was ever counted there: windows that begin now are whole. */
    const bool is_new = fresh_count > 0 && config->ranking_count > 0;
    return is_new ? note_ranking_field(conn, config, requests, fresh, fresh_count, RANKING_FIELD_NEW, error) : 0;
}

/* ---- all of it ---- */

/* So many partitions on their way are passed over. */
enum { TRIALS_MAX = 3 };

/* In the first partition that is here. If all are on their way, a write is not for this node either. */
static int try_writes(struct redis_conn *conn, const struct config *config, const struct store_assignment *assignment,
                      const struct write_settings *settings, struct redis_session *session, struct error *error)
{
    const struct write_script_name script = {TEXT("EVALSHA"), {session->script_sha, REDIS_SCRIPT_SHA_LEN}};
    struct write_settings own = *settings;
    for (size_t i = 0; i < assignment->count && i < TRIALS_MAX; i++) {
        own.prefix = redis_key_prefix_of(assignment->numbers[i]);
        const int result = redis_trial(conn, &own, script, config->redis.timeout_ms, &session->refusal, error);
        if (result != REDIS_TRIAL_ELSEWHERE || !assignment->is_cluster) {
            return result == REDIS_TRIAL_ELSEWHERE ? became_cluster(error) : result;
        }
    }
    return 0;
}

int redis_handshake(struct redis_conn *conn, const struct config *config, const struct store_assignment *assignment,
                    const struct write_settings *settings, struct redis_session *ret_session, struct error *error)
{
    const int timeout_ms = config->redis.timeout_ms;
    struct redis_session session = {.outbox_is_followed = false};
    struct buffer requests;
    buffer_init(&requests);
    int result = assignment->is_cluster ? settle_marks(conn, config, &requests, assignment, &session, error)
                                        : settle_whose(conn, config, &requests, assignment, &session, error);
    if (result == 0) {
        result = note_uncounted(conn, config, &requests, assignment, error);
    }
    if (result == 0) {
        const struct text script = {write_script, write_script_len};
        result = redis_script_load(conn, script, timeout_ms, session.script_sha, error);
    }
    if (result == 0) {
        result = try_writes(conn, config, assignment, settings, &session, error);
    }
    if (result == 0) {
        *ret_session = session;
    }
    buffer_done(&requests);
    return result;
}
