#include "counter-service/aggregator/scan_cursor.h"

#include "counter-service/redis/resp.h"

static struct text text_of_cursor(const struct scan_cursor *cursor)
{
    return cursor->text[0] == '\0' ? TEXT("0") : text_of(cursor->text);
}

void scan_cursor_append_hash(const struct scan_cursor *cursor, struct buffer *out,
                             const struct redis_key_prefix *prefix, struct text key, int count)
{
    resp_put_array(out, 5);
    resp_put_string(out, TEXT("HSCAN"));
    redis_key_put_single(out, prefix, key);
    resp_put_string(out, text_of_cursor(cursor));
    resp_put_string(out, TEXT("COUNT"));
    resp_put_integer(out, count);
}

void scan_cursor_append_keys(const struct scan_cursor *cursor, struct buffer *out, struct text pattern, int count)
{
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("SCAN"));
    resp_put_string(out, text_of_cursor(cursor));
    resp_put_string(out, TEXT("MATCH"));
    resp_put_string(out, pattern);
    resp_put_string(out, TEXT("COUNT"));
    resp_put_integer(out, count);
}

int scan_cursor_read(struct scan_cursor *cursor, const struct redis_reply *reply, struct redis_reply *ret_found,
                     bool *ret_end, struct error *error)
{
    uint64_t place;
    const struct text next = redis_reply_element(reply, 0).text;
    if (reply->type != REDIS_ARRAY || reply->element_count != 2 || !decimal_parse_unsigned(next, UINT64_MAX, &place)) {
        error_set(error, "Redis's answer to a scan was not understood");
        return -1;
    }
    memcpy(cursor->text, next.data, next.len);
    cursor->text[next.len] = '\0';
    *ret_found = redis_reply_element(reply, 1);
    *ret_end = place == 0;
    return 0;
}
