/* What the aggregator's thread does, turn by turn: the followers of the outboxes of all partitions (outbox_set.h), and
 * the rankings of each (aggregator_run.h), one after the other. Private to aggregator*.c and its tests. Owned by the
 * aggregator's thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_ALL_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_ALL_H

#include "counter-service/aggregator/aggregator_run.h"

struct aggregator_all {
    /* immutable after init */
    const struct config *config;
    struct aggregator_shared shared;
    struct outbox_set set;
    struct aggregator_run *runs; /* set.count */
    size_t first;                /* the partition whose turn is first */
};

/* config and topology outlive it. */
void aggregator_all_init(struct aggregator_all *all, const struct config *config, struct topology *topology);
void aggregator_all_done(struct aggregator_all *all);

/* One turn of each partition. Blocks for what logins to Redises or some exchanges for each partition take. Returns how
 * long the thread may sleep before the next, in ms. */
int aggregator_all_turn(struct aggregator_all *all);
/* Ends the chunks of which some records are written, and gives the leases up: unless something fails. */
void aggregator_all_finish(struct aggregator_all *all);

void aggregator_all_state(const struct aggregator_all *all, struct aggregator_state *ret_state);

#endif
