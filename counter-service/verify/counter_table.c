#include "counter-service/verify/counter_table.h"

#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/contract/limits.h"

enum { FIRST_BUCKETS = 1024 };

/* counter_table.h says so. */
_Static_assert(sizeof(struct counter) == 80, "the size of a counter");
_Static_assert(RESOURCE_ID_LEN_MAX <= UINT16_MAX && COUNTER_TYPE_LEN_MAX <= UINT8_MAX, "lengths have room");

bool shard_has(struct shard shard, struct text resource_id)
{
    return shard.count == 1 || XXH3_64bits(resource_id.data, resource_id.len) % shard.count == shard.index;
}

void counter_table_init(struct counter_table *table)
{
    *table = (struct counter_table){.count = 0};
    arena_init(&table->memory);
}

void counter_table_done(struct counter_table *table)
{
    arena_done(&table->memory);
    free(table->buckets);
}

/* A bucket takes the lower bits; those of a shard's resources must not be the same, so it is another hash. */
static uint32_t hash_of(struct text resource_id, struct text type)
{
    const XXH64_hash_t seed = XXH3_64bits(type.data, type.len);
    return (uint32_t)(XXH3_64bits_withSeed(resource_id.data, resource_id.len, seed) >> 32);
}

static struct counter **bucket_of(const struct counter_table *table, uint32_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static struct counter *find(const struct counter_table *table, uint32_t hash, struct text resource_id, struct text type)
{
    if (table->bucket_count == 0) {
        return NULL;
    }
    struct counter *counter = *bucket_of(table, hash);
    while (counter != NULL && (counter->hash != hash || !text_equal(counter_resource_id(counter), resource_id) ||
                               !text_equal(counter_type(counter), type))) {
        counter = counter->next;
    }
    return counter;
}

struct counter *counter_table_find(const struct counter_table *table, struct text resource_id, struct text type)
{
    return find(table, hash_of(resource_id, type), resource_id, type);
}

static void link_counter(struct counter_table *table, struct counter *counter)
{
    struct counter **bucket = bucket_of(table, counter->hash);
    counter->next = *bucket;
    *bucket = counter;
}

/* Twice as many buckets. */
static int grow(struct counter_table *table)
{
    struct counter_table grown = *table;
    grown.bucket_count = table->bucket_count == 0 ? FIRST_BUCKETS : 2 * table->bucket_count;
    grown.buckets = calloc(grown.bucket_count, sizeof(struct counter *));
    if (grown.buckets == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct counter *counter = table->buckets[i];
        while (counter != NULL) {
            struct counter *next = counter->next;
            link_counter(&grown, counter);
            counter = next;
        }
    }
    free(table->buckets);
    *table = grown;
    return 0;
}

static struct counter *create(struct counter_table *table, uint32_t hash, struct text resource_id, struct text type)
{
    assert(resource_id.len >= 1 && resource_id.len <= RESOURCE_ID_LEN_MAX);
    assert(type.len >= 1 && type.len <= COUNTER_TYPE_LEN_MAX);
    struct counter *counter = arena_alloc(&table->memory, sizeof(*counter) + resource_id.len + type.len);
    if (counter == NULL) {
        return NULL;
    }
    *counter = (struct counter){
        .hash = hash,
        .partition = -1,
        .resource_id_len = (uint16_t)resource_id.len,
        .counter_type_len = (uint8_t)type.len,
        .in_redis = REDIS_LACKS_COUNTER,
    };
    memcpy(counter->names, resource_id.data, resource_id.len);
    memcpy(counter->names + resource_id.len, type.data, type.len);
    return counter;
}

struct counter *counter_table_take(struct counter_table *table, struct text resource_id, struct text type)
{
    const uint32_t hash = hash_of(resource_id, type);
    struct counter *counter = find(table, hash, resource_id, type);
    if (counter != NULL) {
        return counter;
    }
    if (table->count == table->bucket_count && grow(table) != 0) {
        return NULL;
    }
    counter = create(table, hash, resource_id, type);
    if (counter != NULL) {
        link_counter(table, counter);
        table->count++;
    }
    return counter;
}

struct counter *counter_table_next(const struct counter_table *table, const struct counter *after)
{
    size_t bucket = 0;
    if (after != NULL) {
        if (after->next != NULL) {
            return after->next;
        }
        bucket = (after->hash & (table->bucket_count - 1)) + 1;
    }
    while (bucket < table->bucket_count && table->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < table->bucket_count ? table->buckets[bucket] : NULL;
}
