#include "counter-service/board/record_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/prng.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { WAYS = 2 };

/* resource_id and record lie one behind the other in data; NULL: there is none. */
struct record_cache_entry {
    uint32_t tag; /* of the hash */
    uint32_t turn;
    uint16_t type;
    uint16_t id_len;
    uint16_t record_len;
    uint16_t size; /* of data */
    char *data;
};

int record_cache_init(struct record_cache *cache, size_t capacity)
{
    assert(capacity >= WAYS && capacity % WAYS == 0);
    struct prng prng;
    prng_init(&prng);
    *cache = (struct record_cache){.seed = prng_next(&prng), .capacity = capacity, .turn = 1};
    cache->entries = calloc(capacity, sizeof(*cache->entries));
    return cache->entries != NULL ? 0 : -1;
}

void record_cache_clear(struct record_cache *cache)
{
    for (size_t i = 0; cache->entries != NULL && i < cache->capacity; i++) {
        free(cache->entries[i].data);
        cache->entries[i] = (struct record_cache_entry){.data = NULL};
    }
}

void record_cache_done(struct record_cache *cache)
{
    record_cache_clear(cache);
    free(cache->entries);
    cache->entries = NULL;
}

void record_cache_turn(struct record_cache *cache)
{
    cache->turn++;
}

/* ---- places ---- */

/* The pair where the record may be; *ret_tag tells it from most others there. */
static struct record_cache_entry *pair_of(const struct record_cache *cache, size_t type, struct text resource_id,
                                          uint32_t *ret_tag)
{
    const uint64_t hash = XXH3_64bits_withSeed(resource_id.data, resource_id.len, cache->seed + type);
    *ret_tag = (uint32_t)(hash >> 32);
    return &cache->entries[hash % (cache->capacity / WAYS) * WAYS];
}

static bool is_of(const struct record_cache_entry *entry, uint32_t tag, size_t type, struct text resource_id)
{
    return entry->data != NULL && entry->tag == tag && entry->type == type &&
           text_equal((struct text){entry->data, entry->id_len}, resource_id);
}

static struct record_cache_entry *find(const struct record_cache *cache, size_t type, struct text resource_id)
{
    uint32_t tag;
    struct record_cache_entry *pair = pair_of(cache, type, resource_id, &tag);
    for (size_t i = 0; i < WAYS; i++) {
        if (is_of(&pair[i], tag, type, resource_id)) {
            return &pair[i];
        }
    }
    return NULL;
}

void record_cache_prepare_place(const struct record_cache *cache, size_t type, struct text resource_id)
{
    uint32_t tag;
    __builtin_prefetch(pair_of(cache, type, resource_id, &tag));
}

void record_cache_prepare_record(const struct record_cache *cache, size_t type, struct text resource_id)
{
    uint32_t tag;
    const struct record_cache_entry *pair = pair_of(cache, type, resource_id, &tag);
    for (size_t i = 0; i < WAYS; i++) {
        if (pair[i].data != NULL && pair[i].tag == tag) {
            __builtin_prefetch(pair[i].data);
        }
    }
}

struct record_cache_entry *record_cache_ask(struct record_cache *cache, size_t type, struct text resource_id)
{
    struct record_cache_entry *entry = find(cache, type, resource_id);
    if (entry != NULL) {
        entry->turn = cache->turn;
    }
    return entry;
}

struct text record_cache_record(const struct record_cache_entry *entry)
{
    return (struct text){entry->data + entry->id_len, entry->record_len};
}

static void empty(struct record_cache_entry *entry)
{
    free(entry->data);
    *entry = (struct record_cache_entry){.data = NULL};
}

void record_cache_drop(struct record_cache *cache, size_t type, struct text resource_id)
{
    struct record_cache_entry *entry = find(cache, type, resource_id);
    if (entry != NULL) {
        empty(entry);
    }
}

/* The place for a record that is not held: a free one, or the one that was not asked for longest. NULL: both were in
 * this turn. */
static struct record_cache_entry *place_in(const struct record_cache *cache, struct record_cache_entry *pair)
{
    struct record_cache_entry *place = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (pair[i].data == NULL) {
            return &pair[i];
        }
        if (pair[i].turn != cache->turn && (place == NULL || pair[i].turn - cache->turn < place->turn - cache->turn)) {
            place = &pair[i];
        }
    }
    return place;
}

/* Room for so many bytes. Returns 0, or -1 when out of memory. */
static int make_room(struct record_cache_entry *entry, size_t size)
{
    if (entry->data != NULL && entry->size >= size) {
        return 0;
    }
    const size_t room = (size + 15) / 16 * 16; /* records grow by a digit now and then */
    char *data = realloc(entry->data, room);
    if (data == NULL) {
        return -1;
    }
    entry->data = data;
    entry->size = (uint16_t)room;
    return 0;
}

/* Behind the name, which is there. */
static void put_record(struct record_cache_entry *entry, struct text packed)
{
    memcpy(entry->data + entry->id_len, packed.data, packed.len);
    entry->record_len = (uint16_t)packed.len;
}

void record_cache_renew(struct record_cache_entry *entry, struct text packed)
{
    if (make_room(entry, entry->id_len + packed.len) != 0) {
        empty(entry);
        return;
    }
    put_record(entry, packed);
}

void record_cache_put(struct record_cache *cache, size_t type, struct text resource_id, struct text packed)
{
    uint32_t tag;
    struct record_cache_entry *pair = pair_of(cache, type, resource_id, &tag);
    struct record_cache_entry *entry = find(cache, type, resource_id);
    entry = entry != NULL ? entry : place_in(cache, pair);
    if (entry == NULL) {
        return;
    }
    if (make_room(entry, resource_id.len + packed.len) != 0) {
        empty(entry);
        return;
    }
    memcpy(entry->data, resource_id.data, resource_id.len);
    entry->tag = tag;
    entry->turn = cache->turn;
    entry->type = (uint16_t)type;
    entry->id_len = (uint16_t)resource_id.len;
    put_record(entry, packed);
}
