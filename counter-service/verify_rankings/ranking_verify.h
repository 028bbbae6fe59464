/* The rankings in Redis looked at, from the first question to the last line, while events go on:
 *
 *     records, counters, tops, buckets: whether they belong together (ranking_check.h)
 *     and, if there is a topic, whether the records are the sums of the events (ranking_events.h)
 *
 * Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_VERIFY_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_VERIFY_H

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/verify_options.h"

/* Lines for people go to out. Returns VERIFY_EQUAL, VERIFY_DIFFERENT, or VERIFY_FAILED with error filled. */
int ranking_verify_run(const struct config *config, const struct verify_options *options, FILE *out,
                       struct error *error) MUST_CHECK;

#endif
