/* How long to wait before the next try of background work that failed: jittered, so that many who lost the same peer do
 * not come back together. Not for requests: gateway/retry_budget.h. Owned by one thread. */
#ifndef TALLY_COMMON_BACKOFF_H
#define TALLY_COMMON_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 5000 };

struct backoff {
    int bound_ms; /* of the next wait */
    uint64_t random_state;
};

void backoff_init(struct backoff *backoff);
/* The wait before the next try: evenly spread from BACKOFF_MIN_MS to a bound that doubles with each call, from twice
 * that to BACKOFF_MAX_MS. */
int backoff_next_ms(struct backoff *backoff);
/* A try succeeded: the next failure starts from the lowest bound. */
void backoff_reset(struct backoff *backoff);

#endif
