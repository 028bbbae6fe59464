/* Goes over all keys of partitions at a site, some hundred at a time. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SCAN_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SCAN_H

#include <signal.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_key.h"
#include "counter-service/repartition/repartition_site.h"

struct repartition_found {
    struct text key;
    struct repartition_key is; /* of the key */
    /* whoever visits it; zero before */
    bool picked;
    int to; /* a partition */
};

struct repartition_scan {
    struct repartition_site *site;
    /* Set by a signal: then the scan fails before it visits the next keys. */
    const volatile sig_atomic_t *interrupted;
    /* Takes keys of the Redis at conn, of which one may come again; the texts are valid until it returns. Returns 0, or
     * -1 with error filled. */
    int (*visit)(void *ctx, struct redis_conn *conn, struct repartition_found *found, size_t count,
                 struct error *error);
    void *ctx;
};

/* A key that is there all the time is visited. Returns 0, or -1 with error filled. */
int repartition_scan(const struct repartition_scan *scan, struct error *error) MUST_CHECK;

#endif
