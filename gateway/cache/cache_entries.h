/* The entries of a cache: a table of them, their bodies, and which were used least recently. What may be held when is
 * cache.c's; nobody else includes this. */
#ifndef TALLY_GATEWAY_CACHE_CACHE_ENTRIES_H
#define TALLY_GATEWAY_CACHE_CACHE_ENTRIES_H

#include "common/base/list.h"
#include "gateway/cache/cache.h"

struct cache_entry {
    struct cache_entry *next; /* of the same bucket */
    struct list_node node;    /* in `idle`, while no read is out */
    uint64_t hash;
    unsigned reads; /* out */
    void *reader;
    bool is_held;
    struct cache_answer answer; /* is_held; its body is our own */
    bool is_of_read;            /* is_held; else it is a write's */
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
    size_t lowering;    /* writes that are out, of any counter, with a delta below 0 */
    int64_t lowered_us; /* when the last of them ended */
    struct cache_entry *buckets[];
};

/* NULL: there is none. hash: of cache_key_hash, with the cache's seed. */
struct cache_entry *cache_entries_find(const struct cache *cache, const struct cache_key *key, uint64_t hash);
/* A new one, for a key that has none, in `idle`. NULL when out of memory. */
struct cache_entry *cache_entries_add(struct cache *cache, const struct cache_key *key, uint64_t hash, int64_t now_us)
    MUST_CHECK;
/* No read of it is out. */
void cache_entries_drop(struct cache *cache, struct cache_entry *entry);
/* Drops of those that are idle as many as are over the bounds. */
void cache_entries_trim(struct cache *cache);

/* Copies the answer into the entry. Without memory for its body, nothing is held. */
void cache_entries_hold(struct cache *cache, struct cache_entry *entry, const struct cache_answer *answer);
void cache_entries_let_go(struct cache *cache, struct cache_entry *entry);

#endif
