/* Redis's clock, as far as it is to be believed where no event tells the time: it may be set forward, and back again,
 * and a period that has ended by it does not begin anew. The clock of this machine says how much time there was. Owned
 * by one thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_CLOCK_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_CLOCK_H

#include <stdint.h>

/* Zero-initialised: nothing is known yet, and the first time is believed. */
struct aggregator_clock {
    int64_t believed_ms; /* ms since 1970; 0: none */
    int64_t at_us;       /* when it was, of clock_boottime_us */
};

/* redis_ms: its clock now. event_ms: the time of the last event, which is believed. Returns ms since 1970. */
int64_t aggregator_clock_believe(struct aggregator_clock *clock, int64_t redis_ms, int64_t event_ms, int64_t now_us);

#endif
