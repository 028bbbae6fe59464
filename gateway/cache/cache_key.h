/* What an entry of the cache is found by: the whole question that was asked. Pure. */
#ifndef TALLY_GATEWAY_CACHE_CACHE_KEY_H
#define TALLY_GATEWAY_CACHE_CACHE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/contract/limits.h"

/* The calls, so that the questions of two are never the same. */
enum cache_call { CACHE_CALL_COUNTER = 'c', CACHE_CALL_TOP = 't', CACHE_CALL_RANK = 'r' };

enum {
    /* Of a text, an end. */
    CACHE_KEY_END = 1,
    CACHE_KEY_LEN_MAX = 1 + RESOURCE_ID_LEN_MAX + COUNTER_TYPE_LEN_MAX + 2 * RANKING_NAME_LEN_MAX + 4 * CACHE_KEY_END +
                        2 * (int)sizeof(uint32_t),
};

struct cache_key {
    size_t len;
    char bytes[CACHE_KEY_LEN_MAX];
};

void cache_key_begin(struct cache_key *key, enum cache_call call);
/* The texts keep the rules of what they are, so that none has a NUL, and all fit. */
void cache_key_add_text(struct cache_key *key, struct text text);
void cache_key_add_number(struct cache_key *key, uint32_t number);

/* The key of a counter. */
void cache_key_of_counter(struct cache_key *key, struct text resource_id, struct text counter_type);

uint64_t cache_key_hash(const struct cache_key *key, uint64_t seed);

#endif
