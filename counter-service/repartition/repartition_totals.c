#include "counter-service/repartition/repartition_totals.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Each hash is the next one's seed: so the names cannot run into each other. */
void repartition_totals_add(struct repartition_totals *totals, struct text resource_id, struct text counter_type,
                            struct text value)
{
    const uint64_t resource = XXH3_64bits(resource_id.data, resource_id.len);
    const uint64_t counter = XXH3_64bits_withSeed(counter_type.data, counter_type.len, resource);
    totals->counters++;
    totals->check += XXH3_64bits_withSeed(value.data, value.len, counter);
}

bool repartition_totals_equal(const struct repartition_totals *a, const struct repartition_totals *b)
{
    return a->resources == b->resources && a->counters == b->counters && a->check == b->check;
}
