/* The outboxes of the partitions before and after: they must be empty, and begin anew behind the last entry that any of
 * them had. So an event's id never comes again, and all events that were told count as older than what follows. Owned
 * by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_OUTBOX_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/event/event.h"
#include "counter-service/repartition/repartition_site.h"

/* How many events wait in partitions 0 to partitions - 1. */
int repartition_outbox_waiting(struct repartition_site *site, int partitions, uint64_t *ret_events, struct error *error)
    MUST_CHECK;

struct repartition_outbox_end {
    struct stream_id last; /* the last entry that there ever was; 0-0: there was none */
    bool has_relay;        /* the relay has a position */
};
/* The greatest of partitions 0 to partitions - 1. */
int repartition_outbox_end(struct repartition_site *site, int partitions, struct repartition_outbox_end *ret_end,
                           struct error *error) MUST_CHECK;
/* Partitions 0 to partitions - 1 get empty outboxes that go on behind end, those up to limit - 1 none. May be ended and
 * run again: repartition_outbox_end tells the same in between. */
int repartition_outbox_begin(struct repartition_site *site, int partitions, int limit,
                             const struct repartition_outbox_end *end, struct error *error) MUST_CHECK;

#endif
