/* Reads all counters of a site that are in the partition of their resource, and tells what they are in all. Owned by
 * one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_COUNT_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_COUNT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_site.h"
#include "counter-service/repartition/repartition_totals.h"

struct repartition_count {
    /* given */
    struct repartition_site *site;
    int partitions;      /* counters in another partition than with so many are not counted */
    bool drops_sessions; /* on the way: who writes in one is told that it is gone */
    const volatile sig_atomic_t *interrupted;
    /* found */
    struct repartition_totals totals;
    uint64_t misplaced;
    uint64_t sessions; /* that were dropped */
    /* The first key of counters in a wrong partition that is not wrong with so many; "": there is none. 0: no number is
     * asked about. */
    int misplaced_in;
    char misplaced_key[320];
};

/* Returns 0, or -1 with error filled. */
int repartition_count(struct repartition_count *count, struct error *error) MUST_CHECK;

/* Whether the error reply says that the key is of another type. */
bool repartition_count_is_no_hash(struct text error);
/* Adds the answer to HGETALL of a resource's counters. What is no hash is one counter without a name. */
void repartition_count_take(struct repartition_totals *totals, struct text resource_id,
                            const struct redis_reply *counters);

#endif
