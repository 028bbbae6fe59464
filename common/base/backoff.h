/* How long to wait before the next try of background work that failed: jittered, so that many who lost the same peer do
 * not come back together. Not for requests: gateway/rpc/retry.h. Owned by one thread. */
#ifndef TALLY_COMMON_BASE_BACKOFF_H
#define TALLY_COMMON_BASE_BACKOFF_H

#include "common/base/prng.h"

struct backoff {
    int min_ms;
    int max_ms;
    int bound_ms; /* upper bound of the next wait */
    struct prng prng;
};

/* 0 < 2 * min_ms <= max_ms */
void backoff_init(struct backoff *backoff, int min_ms, int max_ms);
/* The wait before the next try. Uniform between min_ms and a bound: first 2 x min_ms, doubled by each call, at most
 * max_ms. */
int backoff_next_ms(struct backoff *backoff);
/* A try succeeded: the next failure starts from the lowest bound. */
void backoff_reset(struct backoff *backoff);

#endif
