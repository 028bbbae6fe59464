/* Records of the resources that were counted of late, as they stand in Redis, so that they need not be read: whoever
 * leads is the only one that writes them, and is told by the next transaction if somebody else did. Bounded: a record
 * that is not there is read. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RECORD_CACHE_H
#define TALLY_COUNTER_SERVICE_BOARD_RECORD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum {
    /* Records that are held by all caches of a process: 100 bytes each with the names of most, 900 at most. */
    RECORD_CACHE_MAX = 128 * 1024,
};

struct record_cache_entry;

struct record_cache {
    /* immutable after init */
    uint64_t seed; /* of the hashes: whoever chooses names must not know where they fall */
    size_t capacity;
    /* what it holds: pairs of places, in one of which a record is */
    struct record_cache_entry *entries;
    uint32_t turn;
};

/* capacity: even, RECORD_CACHE_MAX at most. Returns 0, or -1 when out of memory. */
int record_cache_init(struct record_cache *cache, size_t capacity) MUST_CHECK;
void record_cache_done(struct record_cache *cache);
/* Nothing is known any more. */
void record_cache_clear(struct record_cache *cache);

/* From here on records that were asked for may make room for others. */
void record_cache_turn(struct record_cache *cache);
/* The resource will be asked for soon: brings near where its record may be, and, a while later, the record. */
void record_cache_prepare_place(const struct record_cache *cache, size_t type, struct text resource_id);
void record_cache_prepare_record(const struct record_cache *cache, size_t type, struct text resource_id);
/* The resource's record, of the type of that place, which is held until the next turn, unless it is dropped. NULL: it
 * is not held. */
struct record_cache_entry *record_cache_ask(struct record_cache *cache, size_t type, struct text resource_id);
/* The record, packed; valid until it changes. */
struct text record_cache_record(const struct record_cache_entry *entry);
/* It stands in Redis as this, or will with the next transaction. It may not be held all the same. */
void record_cache_renew(struct record_cache_entry *entry, struct text packed);
void record_cache_put(struct record_cache *cache, size_t type, struct text resource_id, struct text packed);
void record_cache_drop(struct record_cache *cache, size_t type, struct text resource_id);

#endif
