/* What is known of Redis's clock: it has another start than ours, and it is the one that a write script can ask.
 *
 * A sample is Redis's time from a reply, and our monotonic time when that reply was read. Redis's clock was read some
 * time before the reply was, so at our time `sampled_us` Redis's clock already showed more than `redis_us`. Times
 * computed from a sample are therefore too early by that delay and never too late: a write may be refused as expired a
 * little before its deadline, but never runs after it. A sample is renewed by each write and at least once a second
 * (heartbeat), so a clock that is being slewed does not get away from us. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_CLOCK_H
#define TALLY_COUNTER_SERVICE_REDIS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/compiler.h"
#include "common/text.h"

struct redis_clock {
    int64_t redis_us;   /* Redis's TIME */
    int64_t sampled_us; /* monotonic, after the reply was read */
};

/* The time by Redis's clock, or a little earlier, at which our monotonic clock shows at_us. */
static inline int64_t redis_clock_time(struct redis_clock clock, int64_t at_us)
{
    return clock.redis_us + (at_us - clock.sampled_us);
}

/* Reads the two strings of TIME's answer. False if they are not that. */
bool redis_time_parse(struct text seconds, struct text microseconds, int64_t *ret_redis_us) MUST_CHECK;

#endif
