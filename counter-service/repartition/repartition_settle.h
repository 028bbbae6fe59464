/* Waits until what was written at a site outlives its masters: their replicas have it, and their disks, where Redis
 * keeps anything on them. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SETTLE_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SETTLE_H

#include <signal.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_site.h"
#include "counter-service/verify/report.h"

/* On each of the site's connections something was written after all that is to be kept: WAIT counts what went on the
 * connection, and one that lived all the time shows that no Redis was started again meanwhile. What Redis does not let
 * be checked is told by a line, and passed over. Returns 0, or -1 with error filled: also where a replica does not
 * follow. */
int repartition_settle(struct repartition_site *site, const volatile sig_atomic_t *interrupted,
                       const struct report *report, struct error *error) MUST_CHECK;

#endif
