#include "gateway/cache/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/list.h"

struct cache_entry {
    struct cache_entry *next; /* of the same bucket */
    struct list_node node;    /* in `idle`, while no read is out */
    uint64_t hash;
    unsigned reads; /* out */
    void *reader;
    bool is_held;
    struct cache_answer answer; /* is_held; its body is our own */
    bool is_answered;           /* since it was made */
    int64_t answered_us;        /* when the last answer came; before that, when it was made */
    size_t key_len;
    char key[];
};

struct cache {
    /* immutable after create */
    size_t entries_max;
    size_t body_bytes_max;
    uint64_t seed;
    size_t bucket_count; /* a power of two */
    /* changed */
    struct list idle; /* the least recently used first */
    size_t count;
    size_t body_bytes;
    struct cache_entry *buckets[];
};

/* --- table -------------------------------------------------------------------------------------------------------- */

static struct cache_entry **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static struct cache_entry *find(const struct cache *cache, const struct cache_key *key, uint64_t hash)
{
    struct cache_entry *entry = cache->buckets[hash & (cache->bucket_count - 1)];
    while (entry != NULL &&
           (entry->hash != hash || entry->key_len != key->len || memcmp(entry->key, key->bytes, key->len) != 0)) {
        entry = entry->next;
    }
    return entry;
}

struct cache_entry *cache_find(const struct cache *cache, const struct cache_key *key)
{
    return cache->count == 0 ? NULL : find(cache, key, cache_key_hash(key, cache->seed));
}

static struct cache_entry *add(struct cache *cache, const struct cache_key *key, uint64_t hash, int64_t now_us)
{
    struct cache_entry *entry = malloc(sizeof(*entry) + key->len);
    if (entry == NULL) {
        return NULL;
    }
    struct cache_entry **bucket = bucket_of(cache, hash);
    *entry = (struct cache_entry){.next = *bucket, .hash = hash, .key_len = key->len, .answered_us = now_us};
    memcpy(entry->key, key->bytes, key->len);
    *bucket = entry;
    list_append(&cache->idle, &entry->node);
    cache->count++;
    return entry;
}

static void let_go(struct cache *cache, struct cache_entry *entry)
{
    assert(cache->body_bytes >= entry->answer.body.len);
    cache->body_bytes -= entry->answer.body.len;
    free((char *)entry->answer.body.data);
    entry->answer = (struct cache_answer){0};
    entry->is_held = false;
}

/* No read of it is out. */
static void drop(struct cache *cache, struct cache_entry *entry)
{
    assert(entry->reads == 0 && cache->count > 0);
    struct cache_entry **link = bucket_of(cache, entry->hash);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    list_remove(&cache->idle, &entry->node);
    let_go(cache, entry);
    free(entry);
    cache->count--;
}

static void trim(struct cache *cache)
{
    while ((cache->count > cache->entries_max || cache->body_bytes > cache->body_bytes_max) &&
           cache->idle.first != NULL) {
        drop(cache, LIST_ENTRY(cache->idle.first, struct cache_entry, node));
    }
}

/* --- what is held ------------------------------------------------------------------------------------------------- */

/* Copies the answer into the entry. Without memory for its body, nothing is held. */
static void hold(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer)
{
    let_go(cache, entry);
    char *body = NULL;
    if (answer->body.len > 0) {
        body = answer->body.len <= cache->body_bytes_max ? malloc(answer->body.len) : NULL;
        if (body == NULL) {
            return;
        }
        memcpy(body, answer->body.data, answer->body.len);
    }
    entry->answer = *answer;
    entry->answer.body.data = body;
    entry->is_held = true;
    cache->body_bytes += answer->body.len;
}

static bool is_younger(const struct cache_answer *answer, int64_t now_us, int64_t max_age_us)
{
    const int64_t age_us = cache_answer_age_us(answer, now_us);
    assert(age_us >= 0);
    return age_us < answer->lifetime_us && age_us < max_age_us;
}

static void note_answer(struct cache_entry *entry, int64_t now_us)
{
    assert(now_us >= entry->answered_us);
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
    struct cache_entry *entry = find(cache, key, hash);
    if (entry == NULL) {
        entry = add(cache, key, hash, now_us);
        if (entry == NULL) {
            return NULL;
        }
    }
    if (entry->reads == 0) {
        list_remove(&cache->idle, &entry->node);
    }
    entry->reads++;
    entry->reader = reader;
    trim(cache);
    return entry;
}

void cache_end_read(struct cache *cache, struct cache_entry *entry, const void *reader,
                    const struct cache_answer *answer, int64_t now_us)
{
    assert(entry->reads > 0);
    if (entry->reader == reader) {
        entry->reader = NULL;
    }
    const bool is_later = answer != NULL && (!entry->is_answered || answer->asked_us > entry->answered_us);
    if (is_later && is_younger(answer, now_us, INT64_MAX)) {
        hold(cache, entry, answer);
        note_answer(entry, now_us);
    }
    entry->reads--;
    if (entry->reads == 0) {
        list_append(&cache->idle, &entry->node);
        if (!entry->is_held) {
            drop(cache, entry);
        }
    }
    trim(cache);
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

static int64_t plus(int64_t value, int64_t delta)
{
    return (int64_t)((uint64_t)value + (uint64_t)delta);
}

static void hold_write(struct cache *cache, struct cache_entry *entry, const struct cache_write *write, int64_t now_us)
{
    const struct cache_answer answer = {
        .number = write->value, .asked_us = write->asked_us, .lifetime_us = write->lifetime_us};
    const bool is_later = write->asked_us > entry->answered_us;
    const bool is_next = entry->is_held && write->value == plus(entry->answer.number, write->delta);
    const bool is_seen = entry->is_held && write->value == entry->answer.number;
    if ((is_later || is_next) && is_younger(&answer, now_us, INT64_MAX)) {
        hold(cache, entry, &answer);
    } else if (is_later || is_next || !is_seen) {
        let_go(cache, entry);
    }
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
        let_go(cache, entry);
    }
    note_answer(entry, now_us);
    entry->reader = NULL;
    if (entry->reads == 0 && !entry->is_held) {
        drop(cache, entry);
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
    }
    return cache;
}

void cache_free(struct cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->idle.first != NULL) {
        drop(cache, LIST_ENTRY(cache->idle.first, struct cache_entry, node));
    }
    assert(cache->count == 0);
    free(cache);
}

size_t cache_count(const struct cache *cache)
{
    return cache->count;
}
