#include "counter-service/repartition/repartition_seen.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CAPACITY_MIN = 1024 };

/* Where the hash is, or may be put. */
static uint64_t *slot_of(const struct repartition_seen *seen, uint64_t hash)
{
    size_t at = (size_t)hash & (seen->capacity - 1);
    while (seen->slots[at] != 0 && seen->slots[at] != hash) {
        at = (at + 1) & (seen->capacity - 1);
    }
    return &seen->slots[at];
}

static int grow(struct repartition_seen *seen)
{
    struct repartition_seen grown = {.capacity = seen->capacity == 0 ? CAPACITY_MIN : 2 * seen->capacity,
                                     .count = seen->count};
    grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
    if (grown.slots == NULL) {
        return -1;
    }
    for (size_t i = 0; i < seen->capacity; i++) {
        if (seen->slots[i] != 0) {
            *slot_of(&grown, seen->slots[i]) = seen->slots[i];
        }
    }
    free(seen->slots);
    *seen = grown;
    return 0;
}

int repartition_seen_add(struct repartition_seen *seen, struct text text)
{
    const uint64_t hash = XXH3_64bits(text.data, text.len);
    const uint64_t key = hash == 0 ? 1 : hash;
    if (2 * (seen->count + 1) > seen->capacity && grow(seen) != 0) {
        return -1;
    }
    uint64_t *slot = slot_of(seen, key);
    if (*slot != 0) {
        return 0;
    }
    *slot = key;
    seen->count++;
    return 1;
}

void repartition_seen_done(struct repartition_seen *seen)
{
    free(seen->slots);
    *seen = (struct repartition_seen){.count = 0};
}
