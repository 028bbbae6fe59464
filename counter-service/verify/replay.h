/* The rules by which the events of a topic add up to counters, and by which the sums are compared with Redis. No I/O
 * but the report's. Owned by one thread.
 *
 * Of a counter those events count that
 *     - are of this store,
 *     - come after its last one (proto/EVENTS.md): others are repetitions,
 *     - are not beyond its cut: Redis's value has them. A counter that Redis lacked has the cut of the scan's start.
 * Those beyond Redis's last entry, which is asked for after the messages were there, Redis has lost: a difference.
 * An event's `value` tells what was there before it: where that is not what the event before left, some are missing. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REPLAY_H
#define TALLY_COUNTER_SERVICE_VERIFY_REPLAY_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/event/event_read.h"
#include "counter-service/verify/counter_table.h"
#include "counter-service/verify/report.h"

struct replay {
    /* immutable after init */
    struct counter_table *table;
    struct report *report;
    struct shard shard;
    const char *store_id;
    int partitions;
    /* of each */
    const struct stream_id *start_cuts;   /* the last entry when the scan of Redis began */
    const struct stream_id *last_entries; /* in Redis, when all the messages were on the topic */
    /* how many messages were what */
    uint64_t events; /* counted */
    uint64_t repetitions;
    uint64_t before_snapshot;
    uint64_t beyond; /* Redis was read before them */
    uint64_t lost;   /* Redis does not know them */
    uint64_t other_stores;
    struct stream_id lost_last; /* the greatest entry of those that are lost */
};

/* The event that came from this partition of the topic; owner is the replay. Returns 0, or -1 with error filled: out of
 * memory, or the counter's events are in two partitions, and so in no order. */
int replay_take(void *owner, size_t partition, const struct event_copy *copy, struct error *error) MUST_CHECK;
/* After the last event: reports what Redis has lost, and each counter whose sum is not Redis's value. */
void replay_compare(const struct replay *replay);

#endif
