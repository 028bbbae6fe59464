/* Has the order of every running ranking made anew, "all" from the counters, the others from the records: marks the
 * windows of each partition as to be filled in one transaction, which the aggregator that leads notices, since its next
 * one is refused; it does the work (ranking_scan.h). Until a new order is there the old one stays. Owned by one thread.
 */
#ifndef TALLY_COUNTER_SERVICE_REPAIR_RANKING_REBUILD_H
#define TALLY_COUNTER_SERVICE_REPAIR_RANKING_REBUILD_H

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/verify_options.h"

/* Waits until the last one is made. Lines for people go to out. Returns VERIFY_EQUAL, or VERIFY_FAILED with error
 * filled: nobody leads, or there is no progress. */
int ranking_rebuild_run(const struct config *config, const struct verify_options *options, FILE *out,
                        struct error *error) MUST_CHECK;

#endif
