#include "counter-service/commands/redis_keys.h"

#include <assert.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "counter-service/redis/resp.h"

#define PUT(out, ...) \
    resp_put_joined((out), (const struct text[]){__VA_ARGS__}, \
                    sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

const struct text outbox_stream = {"events", 6};
const struct text outbox_marks = {"outbox", 6};
const struct text store_mark = {"store", 5};

struct redis_key_prefix redis_key_prefix_of(int partition)
{
    struct redis_key_prefix prefix;
    prefix.len = (size_t)snprintf(prefix.data, sizeof(prefix.data), "tally:{p%d}:", partition);
    return prefix;
}

int redis_partition_of(struct text resource_id, int partitions)
{
    assert(partitions > 0);
    return partitions == 1 ? 0 : (int)(XXH3_64bits(resource_id.data, resource_id.len) % (uint64_t)partitions);
}

static struct text text_of_prefix(const struct redis_key_prefix *prefix)
{
    return (struct text){prefix->data, prefix->len};
}

void redis_key_put_counters(struct buffer *out, const struct redis_key_prefix *prefix, struct text resource_id)
{
    PUT(out, text_of_prefix(prefix), TEXT("c:"), resource_id);
}

void redis_key_put_session(struct buffer *out, const struct redis_key_prefix *prefix, struct text session)
{
    PUT(out, text_of_prefix(prefix), TEXT("s:"), session);
}

void redis_key_put_idempotency(struct buffer *out, const struct redis_key_prefix *prefix, struct text resource_id,
                               struct text counter_type, struct text key)
{
    char digits[DECIMAL_LEN_MAX];
    const struct text length = {digits, (size_t)(decimal_put(digits, (int64_t)resource_id.len) - digits)};
    PUT(out, text_of_prefix(prefix), TEXT("i:"), length, TEXT(":"), resource_id, TEXT(":"), counter_type, TEXT(":"),
        key);
}

void redis_key_put_single(struct buffer *out, const struct redis_key_prefix *prefix, struct text name)
{
    PUT(out, text_of_prefix(prefix), name);
}

void redis_key_put_get(struct buffer *out, const struct redis_key_prefix *prefix, struct text name)
{
    resp_put_array(out, 2);
    resp_put_string(out, TEXT("GET"));
    redis_key_put_single(out, prefix, name);
}
