#include "gateway/cache/cached_read.h"

#include <assert.h>

#include "common/base/clock.h"
#include "gateway/batch/batcher.h"
#include "gateway/cache/cache_control.h"
#include "gateway/cache/read_cache.h"
#include "gateway/http/reply.h"
#include "gateway/http/request_fields.h"
#include "gateway/json/counter_json_write.h"

enum { US_PER_MS = 1000 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

void cached_read_set_freshness(struct request_state *state, const struct cache_answer *answer, int64_t now_us)
{
    const int64_t age_us = cache_answer_age_us(answer, now_us);
    const int64_t told_us = age_us >= 0 ? age_us : answer->lifetime_us; /* no clock goes back */
    reply_set_freshness(state, (told_us + US_PER_MS - 1) / US_PER_MS, answer->lifetime_us / US_PER_MS);
}

static void give(struct request_state *state, const struct cache_answer *answer, int64_t now_us)
{
    cached_read_set_freshness(state, answer, now_us);
    if (answer->body.len > 0) {
        buffer_append_text(&state->request->reply, answer->body);
    } else {
        state->operations.items[0].value = answer->number;
        counter_json_write_counter(&state->request->reply, &state->operations.items[0]);
    }
    reply_json(state, 200);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void on_abandon(struct request_state *state)
{
    request_wait_end(state);
    request_state_release(state);
}

static void on_abort(struct request_state *state)
{
    request_wait_end(state);
    reply_problem(state, STATUS_DRAINING, NULL);
}

static const struct request_wait_kind answer_wait = {on_abandon, on_abort};

static void ask_again(struct request_state *state, bool is_alone)
{
    state->cached.is_alone = is_alone;
    operation_list_clear(&state->operations);
    state->match.route->handle(state);
}

/* Whether the asker failed because its own time was over, and the request has some left. */
static bool has_time_left(const struct request_state *state, enum status status)
{
    const struct loop_context *loop = state->loop;
    return (status == STATUS_DEADLINE_EXCEEDED || status == STATUS_NOT_SENT_IN_TIME) && !loop->is_draining &&
           request_state_deadline_us(state) > batcher_too_late_us(loop->batcher, clock_monotonic_us());
}

static void tell(struct request_state *state, const struct cache_answer *answer, enum status status, const char *detail,
                 int64_t now_us)
{
    request_wait_end(state);
    if (answer == NULL) {
        if (has_time_left(state, status)) {
            ask_again(state, false);
        } else {
            reply_problem(state, status, detail);
        }
        return;
    }
    const int64_t age_then_us = cache_answer_age_us(answer, state->cached.asked_us);
    if (age_then_us < smaller(answer->lifetime_us, state->cached.max_age_us)) {
        give(state, answer, now_us);
    } else {
        ask_again(state, true);
    }
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static bool answer_from_entry(struct request_state *state, struct cache *cache, struct cache_entry *entry)
{
    const int64_t now_us = state->cached.asked_us;
    const struct cache_answer *answer = cache_get(cache, entry, now_us, state->cached.max_age_us);
    if (answer != NULL) {
        read_cache_count(state->loop->read_cache, READ_HIT);
        give(state, answer, now_us);
        return true;
    }
    struct request_state *asker = cache_reader(entry);
    if (asker != NULL && now_us - asker->cached.asked_us < state->cached.max_age_us) {
        read_cache_count(state->loop->read_cache, READ_WAIT);
        request_wait_begin(state, &answer_wait, &asker->cached.waiters);
        return true;
    }
    return false;
}

bool cached_read_begin(struct request_state *state, struct cache *cache, const struct cache_key *key,
                       int64_t lifetime_us)
{
    assert(state->cached.entry == NULL);
    state->cached.asked_us = clock_boottime_us();
    if (state->cached.is_alone) {
        return false;
    }
    const struct http_field *fields = state->request->fields;
    const struct cache_demand demand = cache_control_read(&fields[FIELD_CACHE_CONTROL], &fields[FIELD_PRAGMA]);
    state->cached.is_alone = demand.no_store;
    state->cached.max_age_us = smaller(demand.max_age_us, lifetime_us);
    if (state->cached.max_age_us == 0) {
        read_cache_count(state->loop->read_cache, READ_BYPASS);
        return false;
    }
    struct cache_entry *entry = cache_find(cache, key);
    if (entry != NULL && answer_from_entry(state, cache, entry)) {
        return true;
    }
    read_cache_count(state->loop->read_cache, READ_MISS);
    return false;
}

void cached_read_asked(struct request_state *state, struct cache *cache, const struct cache_key *key)
{
    assert(state->cached.entry == NULL && state->cached.waiters.first == NULL);
    if (state->cached.is_alone) {
        return;
    }
    state->cached.cache = cache;
    state->cached.entry = cache_begin_read(cache, key, state, state->cached.asked_us);
    read_cache_show_entries(state->loop->read_cache);
}

void cached_read_end(struct request_state *state, const struct cache_answer *answer, enum status status,
                     const char *detail)
{
    if (state->cached.entry == NULL) {
        return;
    }
    const int64_t now_us = clock_boottime_us();
    cache_end_read(state->cached.cache, state->cached.entry, state, answer, now_us);
    read_cache_show_entries(state->loop->read_cache);
    state->cached.entry = NULL;
    for (struct request_state *first; (first = request_wait_first(&state->cached.waiters)) != NULL;) {
        tell(first, answer, status, detail, now_us);
    }
}
