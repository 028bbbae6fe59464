/* Reads of single counters, and what writes do to them, for counter_handlers. The operations are state->operations; of
 * a read, its only one. While cache.max_staleness is 0 each does nothing. Loop thread only.
 *
 * A loop sees the writes that go through it at once. Those through another loop, another gateway or the service itself
 * it sees after max_staleness at the latest. Reads of many counters (POST) ask the service each time. */
#ifndef TALLY_GATEWAY_CACHE_CACHED_COUNTER_H
#define TALLY_GATEWAY_CACHE_CACHED_COUNTER_H

#include "gateway/http/request_state.h"

/* True: the request was answered or waits. False: send the read, then call cached_counter_asked. */
bool cached_counter_begin(struct request_state *state) MUST_CHECK;
void cached_counter_asked(struct request_state *state);
/* The read has its result; before it is answered. */
void cached_counter_end(struct request_state *state);

/* The increments were submitted: cached_counter_written follows. */
void cached_counter_writing(struct request_state *state);
/* The increments have their results, each. */
void cached_counter_written(struct request_state *state);

#endif
