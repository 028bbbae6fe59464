/* A key of a partition, as it is found in Redis: what is to become of it. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_KEY_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_KEY_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum repartition_key_kind {
    REPARTITION_COUNTERS, /* of a resource */
    REPARTITION_RECORD,   /* of an increment with an idempotency key */
    REPARTITION_SESSION,
    REPARTITION_RANKING, /* anything of the rankings */
    REPARTITION_OTHER,   /* one of those that each partition has once, or none of Tally's */
};

/* The texts are parts of the key. */
struct repartition_key {
    enum repartition_key_kind kind;
    int partition;           /* that the key is in */
    struct text rest;        /* behind the partition's prefix */
    struct text resource_id; /* of counters and records */
};

/* False: it is no key of a partition. */
bool repartition_key_read(struct text key, struct repartition_key *ret_key) MUST_CHECK;

#endif
