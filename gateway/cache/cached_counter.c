#include "gateway/cache/cached_counter.h"

#include "common/base/clock.h"
#include "gateway/cache/cache.h"
#include "gateway/cache/cached_read.h"
#include "gateway/cache/read_cache.h"

/* NULL: they are not kept. */
static struct cache *counters_of(const struct request_state *state)
{
    return state->loop->read_cache->counters;
}

static void key_of(struct cache_key *key, const struct operation *operation)
{
    cache_key_of_counter(key, operation->resource_id, operation->counter_type);
}

bool cached_counter_begin(struct request_state *state)
{
    struct cache *counters = counters_of(state);
    if (counters == NULL) {
        return false;
    }
    struct cache_key key;
    key_of(&key, &state->operations.items[0]);
    return cached_read_begin(state, counters, &key, state->loop->read_cache->max_staleness_us);
}

void cached_counter_asked(struct request_state *state)
{
    struct cache *counters = counters_of(state);
    if (counters != NULL) {
        struct cache_key key;
        key_of(&key, &state->operations.items[0]);
        cached_read_asked(state, counters, &key);
    }
}

void cached_counter_end(struct request_state *state)
{
    if (counters_of(state) == NULL) {
        return;
    }
    const struct operation *read = &state->operations.items[0];
    const struct cache_answer answer = {
        .number = read->value,
        .asked_us = read->asked_us,
        .lifetime_us = state->loop->read_cache->max_staleness_us,
    };
    if (read->status != STATUS_OK) {
        cached_read_end(state, NULL, read->status, read->detail);
        return;
    }
    cached_read_end(state, &answer, STATUS_OK, NULL);
    cached_read_set_freshness(state, &answer, clock_boottime_us());
}

/* What was certainly not applied changes nothing. A replay's value is that of another time, and of an increment that
 * this loop may not know of. */
static void note(struct read_cache *cache, const struct operation *increment, int64_t now_us)
{
    const bool is_known = increment->status == STATUS_OK && !increment->replayed;
    if (increment->status != STATUS_OK && status_outcome(increment->status) == OUTCOME_NOT_APPLIED) {
        return;
    }
    const struct cache_write write = {
        .is_known = is_known,
        .value = increment->value,
        .delta = increment->delta,
        .asked_us = increment->asked_us,
        .lifetime_us = cache->max_staleness_us,
    };
    struct cache_key key;
    key_of(&key, increment);
    cache_note_write(cache->counters, &key, &write, now_us);
}

void cached_counter_writing(struct request_state *state)
{
    struct cache *counters = counters_of(state);
    if (counters == NULL) {
        return;
    }
    for (size_t i = 0; i < state->operations.count; i++) {
        if (state->operations.items[i].delta < 0) {
            cache_begin_lowering(counters);
        }
    }
}

void cached_counter_written(struct request_state *state)
{
    struct cache *counters = counters_of(state);
    if (counters == NULL) {
        return;
    }
    const int64_t now_us = clock_boottime_us();
    for (size_t i = 0; i < state->operations.count; i++) {
        note(state->loop->read_cache, &state->operations.items[i], now_us);
        if (state->operations.items[i].delta < 0) {
            cache_end_lowering(counters, now_us);
        }
    }
    read_cache_show_entries(state->loop->read_cache);
}
