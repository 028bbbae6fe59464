#include "counter-service/commands/session_command.h"

#include "counter-service/commands/open_session.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"

static const char not_understood[] = "Redis's answer about a session was not understood";

int session_command_append_open(struct buffer *out, const struct redis_key_prefix *prefix, struct text session,
                                int64_t ttl_ms)
{
    const size_t start = out->len;
    resp_put_array(out, 5);
    resp_put_string(out, TEXT("EVAL"));
    resp_put_string(out, (struct text){open_session, open_session_len});
    resp_put_integer(out, 1);
    redis_key_put_session(out, prefix, session);
    resp_put_integer(out, ttl_ms);
    return resp_end(out, start);
}

static int append_keep(struct buffer *out, const struct redis_key_prefix *prefix, struct text session, int64_t ttl_ms)
{
    const size_t start = out->len;
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("PEXPIRE"));
    redis_key_put_session(out, prefix, session);
    resp_put_integer(out, ttl_ms);
    return resp_end(out, start);
}

int session_command_append_store(struct buffer *out, const struct redis_key_prefix *prefix, bool is_cluster)
{
    const size_t start = out->len;
    if (is_cluster) {
        redis_key_put_get(out, prefix, store_mark);
    } else {
        buffer_append_text(out, redis_store_id_request);
    }
    return resp_end(out, start);
}

int session_command_append(struct buffer *out, const struct redis_key_prefix *prefix, int64_t ttl_ms,
                           const struct store_call *call)
{
    const struct text session = {(const char *)call->session.id, SESSION_LEN};
    return call->operation == STORE_OPEN_SESSION ? session_command_append_open(out, prefix, session, ttl_ms)
                                                 : append_keep(out, prefix, session, ttl_ms);
}

bool session_command_store_is(const struct redis_reply *reply, const char *store_id)
{
    return reply->type == REDIS_TEXT && redis_store_mark_is(reply->text, store_id, 0);
}

enum status session_command_reply(const struct redis_reply *reply, const struct store_call *call,
                                  const char **ret_detail)
{
    *ret_detail = NULL;
    if (reply->type == REDIS_INTEGER && reply->integer == 1) {
        return STATUS_OK;
    }
    if (reply->type == REDIS_INTEGER && call->operation == STORE_KEEP_SESSION) {
        return STATUS_NO_SESSION;
    }
    *ret_detail = not_understood;
    if (reply->type != REDIS_ERROR) {
        return STATUS_REDIS_DOWN;
    }
    /* Nothing was counted. Redis may have made the session, but nobody gets to know it. */
    const struct redis_refusal refusal = redis_error_of_write(reply->text);
    *ret_detail = refusal.detail;
    return refusal.status == STATUS_WRITES_REFUSED ? STATUS_WRITES_REFUSED : STATUS_REDIS_DOWN;
}
