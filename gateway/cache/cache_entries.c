#include "gateway/cache/cache_entries.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct cache_entry **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

struct cache_entry *cache_entries_find(const struct cache *cache, const struct cache_key *key, uint64_t hash)
{
    struct cache_entry *entry = cache->buckets[hash & (cache->bucket_count - 1)];
    while (entry != NULL &&
           (entry->hash != hash || entry->key_len != key->len || memcmp(entry->key, key->bytes, key->len) != 0)) {
        entry = entry->next;
    }
    return entry;
}

struct cache_entry *cache_entries_add(struct cache *cache, const struct cache_key *key, uint64_t hash, int64_t now_us)
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

void cache_entries_let_go(struct cache *cache, struct cache_entry *entry)
{
    assert(cache->body_bytes >= entry->answer.body.len);
    cache->body_bytes -= entry->answer.body.len;
    free((char *)entry->answer.body.data);
    entry->answer = (struct cache_answer){0};
    entry->is_held = false;
}

void cache_entries_drop(struct cache *cache, struct cache_entry *entry)
{
    assert(entry->reads == 0 && cache->count > 0);
    struct cache_entry **link = bucket_of(cache, entry->hash);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    list_remove(&cache->idle, &entry->node);
    cache_entries_let_go(cache, entry);
    free(entry);
    cache->count--;
}

void cache_entries_trim(struct cache *cache)
{
    while ((cache->count > cache->entries_max || cache->body_bytes > cache->body_bytes_max) &&
           cache->idle.first != NULL) {
        cache_entries_drop(cache, LIST_ENTRY(cache->idle.first, struct cache_entry, node));
    }
}

void cache_entries_hold(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer)
{
    cache_entries_let_go(cache, entry);
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
