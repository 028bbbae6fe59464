#include "counter-service/api/ranking_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/metrics/metrics.h"
#include "counter-service/ranking/ranking_question.h"

enum place_state { PLACE_FREE, PLACE_IN_FLIGHT, PLACE_KEPT };

struct ranking_cache_place {
    enum place_state state;
    size_t key_len;
    /* In flight. */
    struct ranking_waiter *first;
    struct ranking_waiter **last; /* where the next waiter is linked */
    /* Kept. */
    struct ranking_snapshot *snapshot;
    int64_t asked_us;
    int64_t until_us;
    uint64_t used; /* number of the last use */
    char key[RANKING_QUESTION_KEY_SIZE];
};

struct ranking_cache {
    /* Immutable after create. */
    metric_series hits;
    metric_series misses;
    /* Guarded by lock, see the header. */
    pthread_mutex_t lock;
    struct ranking_cache_place places[RANKING_CACHE_PLACES];
    uint64_t uses;
    size_t bytes; /* of the snapshots kept */
    size_t waiting;
};

static const struct metric_family hits_family = {
    .name = "tally_ranking_cache_hits_total",
    .help = "Questions about rankings for which the whole of the ranking was at hand, or being read.",
    .type = METRIC_COUNTER,
};
static const struct metric_family misses_family = {
    .name = "tally_ranking_cache_misses_total",
    .help = "Questions about rankings for which the whole of the ranking was read, of those that are kept for a time.",
    .type = METRIC_COUNTER,
};

struct ranking_cache *ranking_cache_create(void)
{
    struct ranking_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    cache->hits = metrics_register(&hits_family, NULL);
    cache->misses = metrics_register(&misses_family, NULL);
    return cache;
}

/* The place of a snapshot that is kept becomes free. */
static void drop_locked(struct ranking_cache *cache, struct ranking_cache_place *place)
{
    const size_t bytes = ranking_snapshot_bytes(place->snapshot);
    assert(place->state == PLACE_KEPT && cache->bytes >= bytes);
    cache->bytes -= bytes;
    ranking_snapshot_release(place->snapshot);
    place->snapshot = NULL;
    place->state = PLACE_FREE;
}

void ranking_cache_free(struct ranking_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < RANKING_CACHE_PLACES; i++) {
        struct ranking_cache_place *place = &cache->places[i];
        assert(place->state != PLACE_IN_FLIGHT);
        if (place->state == PLACE_KEPT) {
            drop_locked(cache, place);
        }
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- places ---- */

/* A search through all is some hundred nanoseconds: keys differ in their lengths or early on most times. */
static struct ranking_cache_place *find_locked(struct ranking_cache *cache, struct text key)
{
    for (size_t i = 0; i < RANKING_CACHE_PLACES; i++) {
        struct ranking_cache_place *place = &cache->places[i];
        if (place->state != PLACE_FREE && text_equal((struct text){place->key, place->key_len}, key)) {
            return place;
        }
    }
    return NULL;
}

/* The least recently used one of those that are kept; NULL: none is. */
static struct ranking_cache_place *oldest_locked(struct ranking_cache *cache)
{
    struct ranking_cache_place *oldest = NULL;
    for (size_t i = 0; i < RANKING_CACHE_PLACES; i++) {
        struct ranking_cache_place *place = &cache->places[i];
        if (place->state == PLACE_KEPT && (oldest == NULL || place->used < oldest->used)) {
            oldest = place;
        }
    }
    return oldest;
}

static struct ranking_cache_place *free_place_locked(struct ranking_cache *cache)
{
    for (size_t i = 0; i < RANKING_CACHE_PLACES; i++) {
        if (cache->places[i].state == PLACE_FREE) {
            return &cache->places[i];
        }
    }
    struct ranking_cache_place *oldest = oldest_locked(cache);
    if (oldest != NULL) {
        drop_locked(cache, oldest);
    }
    return oldest;
}

/* ---- asking ---- */

static enum ranking_turn wait_locked(struct ranking_cache *cache, struct ranking_cache_place *place,
                                     struct ranking_waiter *waiter)
{
    if (cache->waiting >= RANKING_CACHE_WAITERS_MAX) {
        return RANKING_TURN_SHED;
    }
    cache->waiting++;
    waiter->next = NULL;
    *place->last = waiter;
    place->last = &waiter->next;
    return RANKING_TURN_WAITS;
}

static enum ranking_turn take_locked(struct ranking_cache *cache, struct ranking_cache_place *place,
                                     struct ranking_outcome *ret_outcome)
{
    place->used = ++cache->uses;
    ranking_snapshot_hold(place->snapshot);
    *ret_outcome =
        (struct ranking_outcome){.status = STATUS_OK, .snapshot = place->snapshot, .asked_us = place->asked_us};
    return RANKING_TURN_KEPT;
}

static struct ranking_cache_place *begin_locked(struct ranking_cache *cache, struct text key)
{
    struct ranking_cache_place *place = free_place_locked(cache);
    if (place == NULL) {
        return NULL;
    }
    assert(key.len <= sizeof(place->key) && place->snapshot == NULL);
    memcpy(place->key, key.data, key.len);
    place->key_len = key.len;
    place->state = PLACE_IN_FLIGHT;
    place->first = NULL;
    place->last = &place->first;
    return place;
}

static enum ranking_turn ask_locked(struct ranking_cache *cache, struct text key, int64_t now_us, int64_t asked_min_us,
                                    struct ranking_waiter *waiter, struct ranking_outcome *ret_outcome,
                                    struct ranking_cache_place **ret_place)
{
    struct ranking_cache_place *place = find_locked(cache, key);
    if (place != NULL && place->state == PLACE_IN_FLIGHT) {
        return wait_locked(cache, place, waiter);
    }
    if (place != NULL && now_us < place->until_us && place->asked_us >= asked_min_us) {
        return take_locked(cache, place, ret_outcome);
    }
    if (place != NULL) {
        drop_locked(cache, place);
    }
    *ret_place = begin_locked(cache, key);
    return RANKING_TURN_READS;
}

enum ranking_turn ranking_cache_ask(struct ranking_cache *cache, struct text key, int64_t now_us, int64_t asked_min_us,
                                    struct ranking_waiter *waiter, struct ranking_outcome *ret_outcome,
                                    struct ranking_cache_place **ret_place)
{
    pthread_mutex_lock(&cache->lock);
    const enum ranking_turn turn = ask_locked(cache, key, now_us, asked_min_us, waiter, ret_outcome, ret_place);
    pthread_mutex_unlock(&cache->lock);
    if (turn != RANKING_TURN_SHED) {
        metrics_add(turn == RANKING_TURN_READS ? cache->misses : cache->hits, 1);
    }
    return turn;
}

/* ---- finishing ---- */

static void keep_locked(struct ranking_cache *cache, struct ranking_cache_place *place,
                        const struct ranking_outcome *outcome, int64_t ttl_us)
{
    const size_t bytes = ranking_snapshot_bytes(outcome->snapshot);
    if (bytes > RANKING_CACHE_BYTES_MAX) {
        return;
    }
    while (cache->bytes + bytes > RANKING_CACHE_BYTES_MAX) {
        drop_locked(cache, oldest_locked(cache));
    }
    ranking_snapshot_hold(outcome->snapshot);
    cache->bytes += bytes;
    place->state = PLACE_KEPT;
    place->snapshot = outcome->snapshot;
    place->asked_us = outcome->asked_us;
    place->until_us = outcome->asked_us + ttl_us;
    place->used = ++cache->uses;
}

/* Returns those who wait, whom the cache knows no longer. */
static struct ranking_waiter *end_flight_locked(struct ranking_cache *cache, struct ranking_cache_place *place)
{
    assert(place->state == PLACE_IN_FLIGHT);
    struct ranking_waiter *waiters = place->first;
    for (const struct ranking_waiter *waiter = waiters; waiter != NULL; waiter = waiter->next) {
        assert(cache->waiting > 0);
        cache->waiting--;
    }
    place->first = NULL;
    place->last = NULL;
    place->state = PLACE_FREE;
    return waiters;
}

void ranking_cache_finish(struct ranking_cache *cache, struct ranking_cache_place *place,
                          const struct ranking_outcome *outcome, int64_t ttl_us)
{
    pthread_mutex_lock(&cache->lock);
    struct ranking_waiter *waiter = end_flight_locked(cache, place);
    if (outcome->status == STATUS_OK) {
        keep_locked(cache, place, outcome, ttl_us);
    }
    pthread_mutex_unlock(&cache->lock);
    while (waiter != NULL) {
        struct ranking_waiter *next = waiter->next; /* a waiter may be gone when done returns */
        waiter->done(waiter, outcome);
        waiter = next;
    }
}
