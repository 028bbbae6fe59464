/* The aggregator's second work, between the events and not to keep writers waiting: rolling windows let go of what has
 * left them, tops are made anew. Private to aggregator*.c. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_UPKEEP_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_UPKEEP_H

#include "counter-service/aggregator/aggregator_run.h"

/* Takes a step of each. Returns 1 if there was something to do, 0 if there was nothing; or -1 with run->trouble filled.
 */
int aggregator_upkeep(struct aggregator_run *run) MUST_CHECK;

#endif
