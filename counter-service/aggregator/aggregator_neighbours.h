/* What other instances on the same Redis do to the rankings: whoever counts without adding to the outbox, and whoever
 * leads and is configured otherwise. Private to aggregator*.c. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_NEIGHBOURS_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_NEIGHBOURS_H

#include "counter-service/aggregator/aggregator_run.h"

/* For whoever leads: events are missing up to now as long as an instance is there that adds none. Returns 0, or -1 with
 * run->trouble filled. */
int aggregator_look_for_uncounted(struct aggregator_run *run) MUST_CHECK;
/* For whoever stands by: with every change of the leader some windows lose events if their configurations differ.
 * Returns 0, or -1 with run->trouble filled. */
int aggregator_compare_leader(struct aggregator_run *run) MUST_CHECK;

#endif
