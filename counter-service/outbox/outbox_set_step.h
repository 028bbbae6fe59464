/* Steps of the followers of a set, those at one Redis in one exchange. Private to outbox_set*.c. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_STEP_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_STEP_H

#include "counter-service/outbox/outbox_set.h"

/* Steps whatever is due, on the connections that are open. */
void outbox_set_step_all(struct outbox_set *set);

/* Of outbox_set_share.c. */

/* Chooses a partition of another instance to ask for, now and then. */
void outbox_set_ask(struct outbox_set *set, int64_t now_us);
/* A step has told who asks for a lease of this instance. */
void outbox_set_hear(struct outbox_set *set, size_t i, int64_t now_us);
/* Hands over what is leaving. */
void outbox_set_leave(struct outbox_set *set, int64_t now_us);

/* Of outbox_set.c. */

/* The follower starts over, and the consumer is told. */
void outbox_set_lose(struct outbox_set *set, size_t i);

/* The connection of the node is of no use: its partitions start over, and it is opened again after a backoff. */
void outbox_set_fail_node(struct outbox_set *set, struct outbox_node *node, const struct error *error);
/* It works. */
void outbox_set_node_well(struct outbox_set *set, struct outbox_node *node);
/* The partition is stepped again after a backoff; its follower keeps what it holds. */
void outbox_set_hold_member(struct outbox_set *set, size_t i, const struct error *error);
/* The partition alone starts over, after a backoff. */
void outbox_set_fail_member(struct outbox_set *set, size_t i, const struct error *error);

#endif
