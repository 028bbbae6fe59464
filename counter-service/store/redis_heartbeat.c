#include "counter-service/store/redis_heartbeat.h"

#include <assert.h>

#include "counter-service/commands/redis_keys.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"
#include "counter-service/topology/redis_redirect.h"

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

/* Its replies, in this order. */
enum heartbeat_part {
    HEARTBEAT_LOGIN, /* what a login asks */
    HEARTBEAT_META,  /* of one Redis */
    HEARTBEAT_STORE, /* likewise */
    HEARTBEAT_MARK,  /* of a partition of a Redis Cluster: one for each that is here */
    HEARTBEAT_LEASE, /* of the first partition that is here: two consumers */
    HEARTBEAT_WRITE, /* one; or one for each partition, to tell that this instance adds no events */
    HEARTBEAT_PARTS
};

static size_t heartbeat_count(enum heartbeat_part part, const struct config *config,
                              const struct store_assignment *assignment)
{
    switch (part) {
    case HEARTBEAT_META:
    case HEARTBEAT_STORE:
        return assignment->is_cluster ? 0 : 1;
    case HEARTBEAT_MARK:
        return assignment->is_cluster ? assignment->count : 0;
    case HEARTBEAT_LOGIN:
        return REDIS_LOGIN_QUESTIONS;
    case HEARTBEAT_LEASE:
        return assignment->count > 0 ? 2 : 0;
    case HEARTBEAT_WRITE:
        return config_has_outbox(config) ? 1 : assignment->count;
    default:
        return 1;
    }
}

static void append_uncounted(struct buffer *out, uint16_t partition)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(partition);
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, TEXT(tell_uncounted));
    resp_put_string(out, TEXT("3"));
    redis_key_put_single(out, &prefix, RANKING_LEASE_KEY);
    redis_key_put_single(out, &prefix, RANKING_UNCOUNTED_KEY);
    redis_key_put_single(out, &prefix, RANKING_STATE_KEY);
}

void redis_heartbeat_append(struct buffer *out, const struct config *config, const struct store_assignment *assignment)
{
    redis_command_words(out, TEXT("ROLE"));
    redis_command_words(out, TEXT("INFO"), TEXT("server"));
    redis_command_words(out, TEXT("INFO"), TEXT("memory"));
    if (!assignment->is_cluster) {
        redis_command_words(out, TEXT("GET"), redis_meta_key);
        buffer_append_text(out, redis_store_id_request);
    }
    for (size_t i = 0; assignment->is_cluster && i < assignment->count; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(assignment->numbers[i]);
        redis_key_put_get(out, &prefix, store_mark);
    }
    if (assignment->count > 0) {
        const struct redis_key_prefix first = redis_key_prefix_of(assignment->numbers[0]);
        redis_key_put_get(out, &first, TEXT("lease:kafka"));
        redis_key_put_get(out, &first, RANKING_LEASE_KEY);
    }
    if (config_has_outbox(config)) {
        redis_command_words(out, TEXT("EVAL"), TEXT("#!lua\nreturn 1"), TEXT("0"));
        return;
    }
    for (size_t i = 0; i < assignment->count; i++) {
        append_uncounted(out, assignment->numbers[i]);
    }
}

size_t redis_heartbeat_replies(const struct config *config, const struct store_assignment *assignment)
{
    size_t count = 0;
    for (int part = 0; part < HEARTBEAT_PARTS; part++) {
        count += heartbeat_count((enum heartbeat_part)part, config, assignment);
    }
    return count;
}

/* Of what part reply `index` is, and which of its replies. */
static enum heartbeat_part heartbeat_part_of(size_t index, const struct config *config,
                                             const struct store_assignment *assignment, size_t *ret_place)
{
    int part = 0;
    size_t count;
    while ((count = heartbeat_count((enum heartbeat_part)part, config, assignment)) <= index) {
        index -= count;
        part++;
        assert(part < HEARTBEAT_PARTS);
    }
    *ret_place = index;
    return (enum heartbeat_part)part;
}

static int check_still_ours(struct text found, struct text expected, const char *key, struct error *error)
{
    if (redis_check_repartition(found, error) != 0) {
        return -1;
    }
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

/* A partition that is on its way to another node is that node's to look at. */
static bool is_elsewhere(const struct redis_reply *reply, const struct store_assignment *assignment)
{
    return assignment->is_cluster && reply->type == REDIS_ERROR && redis_redirect_is_elsewhere(reply->text);
}

int redis_heartbeat_check(size_t index, const struct redis_reply *reply, const struct config *config,
                          const struct store_assignment *assignment, struct redis_session *session, struct error *error)
{
    size_t place;
    const enum heartbeat_part part = heartbeat_part_of(index, config, assignment, &place);
    const struct redis_meta meta = redis_meta_of(assignment->partitions);
    if (is_elsewhere(reply, assignment) || (part == HEARTBEAT_WRITE && redis_session_note_write(session, reply))) {
        return 0;
    }
    if (index < REDIS_LOGIN_QUESTIONS) { /* the heartbeat begins with them */
        return redis_login_check((enum redis_login_question)index, reply, error);
    }
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses the heartbeat: %s", redis_quote(reply->text).text);
        return -1;
    }
    switch (part) {
    case HEARTBEAT_META:
        return check_still_ours(reply->text, text_of(meta.text), "tally:meta", error);
    case HEARTBEAT_STORE:
        return check_still_ours(reply->text, text_of(session->store_id), "tally:store", error);
    case HEARTBEAT_MARK:
        return redis_store_mark_is(reply->text, session->store_id, assignment->partitions)
                   ? 0
                   : check_still_ours(reply->text, text_of(session->store_id), "tally:{pN}:store of a partition",
                                      error);
    case HEARTBEAT_LEASE:
        session->outbox_is_followed = reply->type == REDIS_TEXT || (place > 0 && session->outbox_is_followed);
        return 0;
    default:
        return 0;
    }
}
