/* Changes the number of partitions of an existing data set, in place or on its way to another Redis or Redis Cluster,
 * while no service serves it:
 *
 *     mark, cut connections, leases ──> count ──> move ──> new outboxes ──> count ──> tally:meta
 *
 * Run again it goes on where a run was ended, at any point. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_H

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/verify_options.h"

/* Lines for people go to out. SIGINT and SIGTERM end it between two steps. Returns VERIFY_EQUAL, VERIFY_DIFFERENT (the
 * counters are not the same as before: nothing was switched), or VERIFY_FAILED with error filled. */
int repartition_run(const struct config *config, const struct verify_options *options, FILE *out, struct error *error)
    MUST_CHECK;

#endif
