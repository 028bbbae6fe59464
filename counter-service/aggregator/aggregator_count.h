/* The aggregator's first work: events come into chunks, chunks into the rankings, and time goes on. Private to
 * aggregator*.c. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_COUNT_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_COUNT_H

#include "counter-service/aggregator/aggregator_run.h"

/* Counts events that were read: one chunk, and what a chunk must end before. Returns 0, or -1 with run->trouble filled.
 */
int aggregator_count(struct aggregator_run *run) MUST_CHECK;
/* Redis's time, ms since 1970, as far as it is believed (aggregator_clock.h). */
int64_t aggregator_now_ms(struct aggregator_run *run);
/* Time goes on without events too. Returns 0, or -1 with run->trouble filled. */
int aggregator_roll_if_due(struct aggregator_run *run) MUST_CHECK;
/* Time has jumped over more than a rolling window: before a bucket is begun, those behind the gap are let go of. Nobody
 * knows which of the buckets in a gap are there, and there may be millions. */
bool aggregator_must_let_go(const struct aggregator_run *run);
/* A chunk is under way that this leader, or one before it, has begun to count: nothing else is done before it is. */
static inline bool aggregator_has_part(const struct aggregator_run *run)
{
    return run->state.part.lanes > 0;
}
bool aggregator_chunk_is_full(const struct aggregator_run *run);
/* There are events in the chunk, and they wait for others to come. */
bool aggregator_waits_for_more(const struct aggregator_run *run);
/* All that was in the outbox at the last step is in the rankings. */
bool aggregator_has_counted_all(const struct aggregator_run *run);

#endif
