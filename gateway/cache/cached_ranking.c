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

bool cached_ranking_begin(struct request_state *state, const struct cache_key *key)
{
    return cached_read_begin(state, state->loop->read_cache->rankings, key, INT64_MAX);
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
    const struct cache_answer answer = {
        .body = {reply->data, reply->len},
        .asked_us = state->cached.asked_us,
        .aged_us = bounded_us(state->freshness.age_ms),
        .lifetime_us = bounded_us(state->freshness.max_age_ms),
    };
    cached_read_end(state, &answer, STATUS_OK, NULL);
    cached_read_set_freshness(state, &answer, clock_boottime_us());
}
