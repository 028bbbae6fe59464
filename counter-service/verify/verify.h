/* A comparison of Redis's counters with the events of the topic, from its first question to its last line. It works
 * while writes go on: each counter is compared as it was at its cut (redis_scan.h).
 *
 *     [snapshot ──>] Redis: counters and cuts ──> wait until the relay is past the cuts ──> topic: events ──> compare
 *
 * Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_VERIFY_H
#define TALLY_COUNTER_SERVICE_VERIFY_VERIFY_H

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/verify_options.h"

/* Lines for people go to out. Returns VERIFY_EQUAL, VERIFY_DIFFERENT, or VERIFY_FAILED with error filled. */
int verify_run(const struct config *config, const struct verify_options *options, FILE *out, struct error *error)
    MUST_CHECK;

#endif
