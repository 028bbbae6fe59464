#include "counter-service/redis/redis_command.h"

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/resp.h"

void redis_command_append(struct buffer *out, const struct text *words, size_t word_count)
{
    resp_put_array(out, word_count);
    for (size_t i = 0; i < word_count; i++) {
        resp_put_string(out, words[i]);
    }
}

void redis_command_wait(struct buffer *out, int replicas, int timeout_ms)
{
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("WAIT"));
    resp_put_integer(out, replicas);
    resp_put_integer(out, timeout_ms);
}

int redis_command_begin(struct redis_conn *conn, const struct buffer *requests, int timeout_ms, struct error *error)
{
    if (requests->failed) {
        error_set(error, "out of memory");
        return -1;
    }
    redis_conn_begin(conn, (struct text){requests->data, requests->len}, timeout_ms);
    return 0;
}

int redis_command_expect(struct redis_conn *conn, const char *command, struct redis_reply *ret_reply,
                         struct error *error)
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

struct text redis_reply_field(const struct redis_reply *fields, struct text name)
{
    for (size_t i = 0; i + 1 < fields->element_count; i += 2) {
        if (text_equal(redis_reply_element(fields, i).text, name)) {
            return redis_reply_element(fields, i + 1).text;
        }
    }
    return (struct text){NULL, 0};
}
