#include "common/base/backoff.h"

#include <assert.h>

void backoff_reset(struct backoff *backoff)
{
    backoff->bound_ms = 2 * backoff->min_ms;
}

void backoff_init(struct backoff *backoff, int min_ms, int max_ms)
{
    assert(min_ms > 0 && min_ms <= max_ms / 2);
    backoff->min_ms = min_ms;
    backoff->max_ms = max_ms;
    prng_init(&backoff->prng);
    backoff_reset(backoff);
}

int backoff_next_ms(struct backoff *backoff)
{
    const uint32_t span_ms = (uint32_t)(backoff->bound_ms - backoff->min_ms);
    const int wait_ms = backoff->min_ms + (int)prng_up_to(&backoff->prng, span_ms);
    backoff->bound_ms = backoff->bound_ms < backoff->max_ms / 2 ? backoff->bound_ms * 2 : backoff->max_ms;
    return wait_ms;
}
