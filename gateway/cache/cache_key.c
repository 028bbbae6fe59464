#include "gateway/cache/cache_key.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void add(struct cache_key *key, const void *data, size_t len)
{
    assert(len <= sizeof(key->bytes) - key->len);
    if (len > 0) {
        memcpy(key->bytes + key->len, data, len);
        key->len += len;
    }
}

void cache_key_begin(struct cache_key *key, enum cache_call call)
{
    key->bytes[0] = (char)call;
    key->len = 1;
}

void cache_key_add_text(struct cache_key *key, struct text text)
{
    add(key, text.data, text.len);
    add(key, "", CACHE_KEY_END);
}

void cache_key_add_number(struct cache_key *key, uint32_t number)
{
    add(key, &number, sizeof(number));
}

void cache_key_of_counter(struct cache_key *key, struct text resource_id, struct text counter_type)
{
    cache_key_begin(key, CACHE_CALL_COUNTER);
    cache_key_add_text(key, resource_id);
    cache_key_add_text(key, counter_type);
}

uint64_t cache_key_hash(const struct cache_key *key, uint64_t seed)
{
    return XXH3_64bits_withSeed(key->bytes, key->len, seed);
}
