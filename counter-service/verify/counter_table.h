/* Every counter that a run knows of, by resource_id and counter_type, and the rule by which runs share them out.
 *
 * A counter takes its names and 80 bytes, rounded up to 16, and a bucket of 8 to 16: it is made for millions. Owned by
 * one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_COUNTER_TABLE_H
#define TALLY_COUNTER_SERVICE_VERIFY_COUNTER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/event/event.h"

/* A run takes the resources whose hash modulo count is index. {0, 1}: all. */
struct shard {
    unsigned index;
    unsigned count;
};

bool shard_has(struct shard shard, struct text resource_id);

enum counter_in_redis {
    REDIS_LACKS_COUNTER,
    REDIS_HAS_COUNTER,
    REDIS_HAS_NO_NUMBER /* it was reported */
};

/* In place of a counter_type, which it cannot be: the key of the resource holds no counters, which was reported. */
#define COUNTER_WHOLE_RESOURCE TEXT("*")

/* A place that is after all of an entry. */
#define COUNTER_WHOLE_ENTRY UINT32_MAX

struct counter {
    struct counter *next; /* of the bucket */
    /* What Redis had: exactly the events of entries up to cut are in redis_value. Unless REDIS_LACKS_COUNTER. */
    int64_t redis_value;
    struct stream_id cut;
    /* What the events say: the sum, and the value after the last one. They differ when events are missing. */
    int64_t sum;
    int64_t value;
    /* Where the last event, or the snapshot, stands. */
    struct stream_id last_entry;
    uint32_t last_place; /* COUNTER_WHOLE_ENTRY: a snapshot's */
    uint32_t hash;
    int32_t partition; /* of the topic, that the last event came from; -1: none came */
    uint16_t resource_id_len;
    uint8_t counter_type_len;
    uint8_t in_redis; /* enum counter_in_redis */
    char names[];     /* resource_id and counter_type */
};

static inline struct text counter_resource_id(const struct counter *counter)
{
    return (struct text){counter->names, counter->resource_id_len};
}

static inline struct text counter_type(const struct counter *counter)
{
    return (struct text){counter->names + counter->resource_id_len, counter->counter_type_len};
}

struct counter_table {
    struct arena memory;
    struct counter **buckets;
    size_t bucket_count; /* a power of 2; 0: nothing was ever added */
    size_t count;
};

void counter_table_init(struct counter_table *table);
void counter_table_done(struct counter_table *table);

/* NULL if it is not there. */
struct counter *counter_table_find(const struct counter_table *table, struct text resource_id, struct text type);
/* The counter, added if it is not there: with all values 0, lacking in Redis. The names have the lengths of
 * common/contract/limits.h. NULL when out of memory. */
struct counter *counter_table_take(struct counter_table *table, struct text resource_id, struct text type) MUST_CHECK;
/* From first to last, in no order: start with NULL; NULL after the last. Nothing may be added meanwhile. */
struct counter *counter_table_next(const struct counter_table *table, const struct counter *after);

#endif
