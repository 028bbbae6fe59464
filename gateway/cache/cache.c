#include "gateway/cache/cache.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/wrap.h"
#include "gateway/cache/cache_entries.h"

/* --- what is held ------------------------------------------------------------------------------------------------- */

struct cache_entry *cache_find(const struct cache *cache, const struct cache_key *key)
{
    return cache->count == 0 ? NULL : cache_entries_find(cache, key, cache_key_hash(key, cache->seed));
}

/* A clock that has gone back, which none may, tells no age. */
static bool is_younger(const struct cache_answer *answer, int64_t now_us, int64_t max_age_us)
{
    const int64_t age_us = cache_answer_age_us(answer, now_us);
    return age_us >= 0 && age_us < answer->lifetime_us && age_us < max_age_us;
}

static void note_answer(struct cache_entry *entry, int64_t now_us)
{
    entry->is_answered = true;
    entry->answered_us = now_us;
}

const struct cache_answer *cache_get(struct cache *cache, struct cache_entry *entry, int64_t now_us, int64_t max_age_us)
{
    if (!entry->is_held || !is_younger(&entry->answer, now_us, max_age_us)) {
        return NULL;
    }
    if (entry->reads == 0) {
        list_remove(&cache->idle, &entry->node);
        list_append(&cache->idle, &entry->node);
    }
    return &entry->answer;
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

void *cache_reader(const struct cache_entry *entry)
{
    return entry->reader;
}

struct cache_entry *cache_begin_read(struct cache *cache, const struct cache_key *key, void *reader, int64_t now_us)
{
    const uint64_t hash = cache_key_hash(key, cache->seed);
    struct cache_entry *entry = cache_entries_find(cache, key, hash);
    if (entry == NULL) {
        entry = cache_entries_add(cache, key, hash, now_us);
        if (entry == NULL) {
            return NULL;
        }
    }
    if (entry->reads == 0) {
        list_remove(&cache->idle, &entry->node);
    }
    entry->reads++;
    entry->reader = reader;
    cache_entries_trim(cache);
    return entry;
}

static bool is_same(const struct cache_answer *a, const struct cache_answer *b)
{
    return a->number == b->number && text_equal(a->body, b->body);
}

static void note_read(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer, int64_t now_us)
{
    const bool is_later = !entry->is_answered || answer->asked_us > entry->answered_us;
    if (is_later && is_younger(answer, now_us, INT64_MAX)) {
        cache_entries_hold(cache, entry, answer);
        entry->is_of_read = true;
        note_answer(entry, now_us);
    } else if (!is_later && entry->is_held && entry->is_of_read && !is_same(answer, &entry->answer)) {
        cache_entries_let_go(cache, entry); /* either may be the later one, and both were given */
        note_answer(entry, now_us);
    }
}

void cache_end_read(struct cache *cache, struct cache_entry *entry, const void *reader,
                    const struct cache_answer *answer, int64_t now_us)
{
    assert(entry->reads > 0);
    if (entry->reader == reader) {
        entry->reader = NULL;
    }
    if (answer != NULL) {
        note_read(cache, entry, answer, now_us);
    }
    entry->reads--;
    if (entry->reads == 0) {
        list_append(&cache->idle, &entry->node);
        if (!entry->is_held) {
            cache_entries_drop(cache, entry);
        }
    }
    cache_entries_trim(cache);
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

/* Whether no write that lowers a counter was out since this one was sent, nor does it itself: a value and its delta
 * prove an order only then. Where -1 and +1 overlap, either may have been what the other was added to. */
static bool only_goes_up(const struct cache *cache, const struct cache_write *write)
{
    return write->delta > 0 && cache->lowering == 0 && write->asked_us > cache->lowered_us;
}

static void hold_write(struct cache *cache, struct cache_entry *entry, const struct cache_write *write, int64_t now_us)
{
    const struct cache_answer answer = {
        .number = write->value, .asked_us = write->asked_us, .lifetime_us = write->lifetime_us};
    const bool is_later = write->asked_us > entry->answered_us;
    const bool is_next =
        only_goes_up(cache, write) && entry->is_held && write->value == wrap_add(entry->answer.number, write->delta);
    const bool is_seen = entry->is_held && write->value == entry->answer.number;
    if ((is_later || is_next) && is_younger(&answer, now_us, INT64_MAX)) {
        cache_entries_hold(cache, entry, &answer);
        entry->is_of_read = false;
    } else if (is_later || is_next || !is_seen) {
        cache_entries_let_go(cache, entry);
    }
}

void cache_begin_lowering(struct cache *cache)
{
    cache->lowering++;
}

void cache_end_lowering(struct cache *cache, int64_t now_us)
{
    assert(cache->lowering > 0);
    cache->lowering--;
    cache->lowered_us = now_us;
}

void cache_note_write(struct cache *cache, const struct cache_key *key, const struct cache_write *write, int64_t now_us)
{
    struct cache_entry *entry = cache_find(cache, key);
    if (entry == NULL) {
        return;
    }
    if (write->is_known) {
        hold_write(cache, entry, write, now_us);
    } else {
        cache_entries_let_go(cache, entry);
    }
    note_answer(entry, now_us);
    entry->reader = NULL;
    if (entry->reads == 0 && !entry->is_held) {
        cache_entries_drop(cache, entry);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct cache *cache_create(size_t entries_max, size_t body_bytes_max, uint64_t seed)
{
    size_t bucket_count = 16;
    while (bucket_count < entries_max) {
        bucket_count *= 2;
    }
    struct cache *cache = calloc(1, sizeof(*cache) + bucket_count * sizeof(struct cache_entry *));
    if (cache != NULL) {
        cache->entries_max = entries_max;
        cache->body_bytes_max = body_bytes_max;
        cache->seed = seed;
        cache->bucket_count = bucket_count;
        cache->lowered_us = INT64_MIN;
    }
    return cache;
}

void cache_free(struct cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->idle.first != NULL) {
        cache_entries_drop(cache, LIST_ENTRY(cache->idle.first, struct cache_entry, node));
    }
    assert(cache->count == 0);
    free(cache);
}

size_t cache_count(const struct cache *cache)
{
    return cache->count;
}
