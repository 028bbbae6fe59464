/* Steps of the followers of a set, those at one Redis in one exchange. Private to outbox_set*.c. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_STEP_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_STEP_H

#include "counter-service/outbox/outbox_set.h"

/* Steps whatever is due, on the connections that are open. */
void outbox_set_step_all(struct outbox_set *set);

/* Of outbox_set.c. */

/* The connection of the node is of no use: its partitions start over, and it is opened again after a backoff. */
void outbox_set_fail_node(struct outbox_set *set, struct outbox_node *node, const struct error *error);
/* It works. */
void outbox_set_node_well(struct outbox_set *set, struct outbox_node *node);
/* The partition alone starts over, after a backoff. */
void outbox_set_fail_member(struct outbox_set *set, size_t i, const struct error *error);

#endif
