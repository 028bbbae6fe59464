#include "gateway/cache/cached_ranking.h"

#include <assert.h>

#include "common/base/clock.h"
#include "gateway/cache/cached_read.h"
#include "gateway/cache/read_cache.h"

/* Of ages: no ranking is as old, nor may be kept for as long. */
#define AGE_MS_MAX (INT64_C(365) * 24 * 3600 * 1000)

enum { US_PER_MS = 1000 };

static int64_t bounded_us(int64_t age_ms)
{
    assert(age_ms >= 0);
    return (age_ms < AGE_MS_MAX ? age_ms : AGE_MS_MAX) * US_PER_MS;
}

/* --- counter types whose rankings may not be kept ----------------------------------------------------------------- */

/* Nobody shall wait for an answer that is the asker's alone, only to ask when it has come: so of a counter type it is
 * remembered that the last one was such. What is wrongly remembered or forgotten costs a wait, or a read. */
static uint64_t *place_of_type(const struct request_state *state, uint64_t *ret_hash)
{
    struct read_cache *cache = state->loop->read_cache;
    assert(state->operations.count == 1);
    struct cache_key key;
    cache_key_begin(&key, CACHE_CALL_TOP);
    cache_key_add_text(&key, state->operations.items[0].counter_type);
    *ret_hash = cache_key_hash(&key, cache->seed);
    return &cache->unkept_types[*ret_hash % CACHE_UNKEPT_TYPES];
}

static bool may_be_kept(const struct request_state *state)
{
    uint64_t hash;
    return *place_of_type(state, &hash) != hash;
}

static void note_max_age(const struct request_state *state, int64_t max_age_ms)
{
    uint64_t hash;
    uint64_t *place = place_of_type(state, &hash);
    if (max_age_ms == 0) {
        *place = hash;
    } else if (*place == hash) {
        *place = 0;
    }
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

bool cached_ranking_begin(struct request_state *state, const struct cache_key *key)
{
    return cached_read_begin(state, state->loop->read_cache->rankings, key, may_be_kept(state) ? INT64_MAX : 0);
}

void cached_ranking_asked(struct request_state *state, const struct cache_key *key)
{
    cached_read_asked(state, state->loop->read_cache->rankings, key);
}

void cached_ranking_end(struct request_state *state, enum status status, const char *detail)
{
    const struct buffer *reply = &state->request->reply;
    if (status == STATUS_OK && reply->failed) {
        status = STATUS_OUT_OF_MEMORY;
    }
    if (status != STATUS_OK) {
        cached_read_end(state, NULL, status, detail);
        return;
    }
    assert(state->freshness.is_told && reply->len > 0);
    note_max_age(state, state->freshness.max_age_ms);
    const struct cache_answer answer = {
        .body = {reply->data, reply->len},
        .asked_us = state->cached.asked_us,
        .aged_us = bounded_us(state->freshness.age_ms),
        .lifetime_us = bounded_us(state->freshness.max_age_ms),
    };
    cached_read_end(state, &answer, STATUS_OK, NULL);
    cached_read_set_freshness(state, &answer, clock_boottime_us());
}
