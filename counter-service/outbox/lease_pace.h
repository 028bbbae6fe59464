/* When an instance may take a lease that nobody has, so that several instances come to lead about as many partitions
 * each: the more it leads, the longer it waits before it takes another one. One that is alone leads all of them within
 * some seconds; the one partition of an only Redis is taken at once. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_LEASE_PACE_H
#define TALLY_COUNTER_SERVICE_OUTBOX_LEASE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/prng.h"

struct lease_pace {
    struct prng prng;
    int64_t next_us; /* none is taken before, monotonic */
};

/* Zero-initialised is not enough: its random numbers must differ from those of other instances. */
void lease_pace_init(struct lease_pace *pace);
/* led: how many of the partitions this instance has. now_us: monotonic. True: it may take one more, and is taken to do
 * so. */
bool lease_pace_take(struct lease_pace *pace, size_t led, size_t partitions, int64_t now_us);

#endif
