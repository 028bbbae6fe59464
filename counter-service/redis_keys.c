#include "counter-service/redis_keys.h"

#include "counter-service/resp.h"

struct redis_key_prefix redis_key_prefix_of(int partition)
{
    struct redis_key_prefix prefix;
    char *end = resp_put_bytes(prefix.data, TEXT("tally:{p"));
    end = resp_put_bytes(decimal_put(end, partition), TEXT("}:"));
    prefix.len = (size_t)(end - prefix.data);
    return prefix;
}

/* Header, prefix and kind ("c:") of a key with `len` bytes after them. */
static char *put_start(char *out, const struct redis_key_prefix *prefix, struct text kind, size_t len)
{
    out = resp_put_header(out, '$', prefix->len + kind.len + len);
    out = resp_put_bytes(out, (struct text){prefix->data, prefix->len});
    return resp_put_bytes(out, kind);
}

char *redis_key_put_counters(char *out, const struct redis_key_prefix *prefix, struct text resource_id)
{
    out = put_start(out, prefix, TEXT("c:"), resource_id.len);
    return resp_put_line_end(resp_put_bytes(out, resource_id));
}

char *redis_key_put_session(char *out, const struct redis_key_prefix *prefix, struct text session)
{
    out = put_start(out, prefix, TEXT("s:"), session.len);
    return resp_put_line_end(resp_put_bytes(out, session));
}

char *redis_key_put_idempotency(char *out, const struct redis_key_prefix *prefix, struct text resource_id,
                                struct text counter_type, struct text key)
{
    char digits[DECIMAL_LEN_MAX];
    struct text length = {digits, (size_t)(decimal_put(digits, (int64_t)resource_id.len) - digits)};
    out = put_start(out, prefix, TEXT("i:"), length.len + resource_id.len + counter_type.len + key.len + 3);
    out = resp_put_bytes(resp_put_bytes(out, length), TEXT(":"));
    out = resp_put_bytes(resp_put_bytes(out, resource_id), TEXT(":"));
    out = resp_put_bytes(resp_put_bytes(out, counter_type), TEXT(":"));
    return resp_put_line_end(resp_put_bytes(out, key));
}
