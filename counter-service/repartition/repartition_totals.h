/* All counters of a data set in three numbers that are the same in whatever order, and in whatever partitions, they are
 * read. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_TOTALS_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct repartition_totals {
    uint64_t resources;
    uint64_t counters;
    uint64_t check; /* the sum, modulo 2^64, of a hash of each counter's names and value */
};

/* value: as it stands in Redis, a number or not. Does not count the resource. */
void repartition_totals_add(struct repartition_totals *totals, struct text resource_id, struct text counter_type,
                            struct text value);
bool repartition_totals_equal(const struct repartition_totals *a, const struct repartition_totals *b);

#endif
