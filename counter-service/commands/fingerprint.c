#include "counter-service/commands/fingerprint.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct fingerprint fingerprint_from(XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    struct fingerprint fingerprint;
    _Static_assert(sizeof(canonical.digest) == sizeof(fingerprint.bytes), "128 bits");
    memcpy(fingerprint.bytes, canonical.digest, sizeof(fingerprint.bytes));
    return fingerprint;
}

/* The `count` low bytes of value, lowest first, whatever the machine's own order. */
static unsigned char *put_little_endian(unsigned char *out, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *out++ = (unsigned char)(value >> (8 * i));
    }
    return out;
}

struct fingerprint fingerprint_of_increment(int64_t delta, struct text user_id)
{
    unsigned char seed[8];
    put_little_endian(seed, (uint64_t)delta, sizeof(seed));
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, seed, sizeof(seed));
    if (user_id.len > 0) {
        XXH3_128bits_update(&state, user_id.data, user_id.len);
    }
    return fingerprint_from(XXH3_128bits_digest(&state));
}

/* Delta and the lengths of the texts, then the texts: so they cannot run together. */
static void hash_item(XXH3_state_t *state, const struct store_item *item)
{
    const struct text *const texts[] = {&item->resource_id, &item->counter_type, &item->user_id,
                                        &item->idempotency_key};
    enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };
    unsigned char head[8 + 4 * TEXT_COUNT];
    unsigned char *end = put_little_endian(head, (uint64_t)item->delta, 8);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        end = put_little_endian(end, texts[i]->len, 4);
    }
    XXH3_64bits_update(state, head, sizeof(head));
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i]->len > 0) {
            XXH3_64bits_update(state, texts[i]->data, texts[i]->len);
        }
    }
}

struct call_fingerprint fingerprint_of_call(const struct store_item *items, size_t item_count)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < item_count; i++) {
        hash_item(&state, &items[i]);
    }
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, XXH3_64bits_digest(&state));
    struct call_fingerprint fingerprint;
    _Static_assert(sizeof(canonical.digest) == sizeof(fingerprint.bytes), "64 bits");
    memcpy(fingerprint.bytes, canonical.digest, sizeof(fingerprint.bytes));
    return fingerprint;
}
