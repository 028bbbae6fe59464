#include "common/backoff.h"

#include <sys/random.h>

#include "common/clock.h"

void backoff_reset(struct backoff *backoff)
{
    backoff->bound_ms = 2 * BACKOFF_MIN_MS;
}

void backoff_init(struct backoff *backoff)
{
    if (getrandom(&backoff->random_state, sizeof(backoff->random_state), 0) != (ssize_t)sizeof(backoff->random_state)) {
        backoff->random_state = (uint64_t)clock_realtime_us();
    }
    backoff->random_state |= 1; /* the generator must not start at 0 */
    backoff_reset(backoff);
}

/* xorshift64* (Vigna 2014). */
static uint32_t next_random(struct backoff *backoff)
{
    uint64_t x = backoff->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    backoff->random_state = x;
    return (uint32_t)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

int backoff_next_ms(struct backoff *backoff)
{
    const uint64_t span = (uint64_t)backoff->bound_ms - BACKOFF_MIN_MS + 1;
    const int wait_ms = BACKOFF_MIN_MS + (int)((next_random(backoff) * span) >> 32);
    backoff->bound_ms = backoff->bound_ms < BACKOFF_MAX_MS / 2 ? backoff->bound_ms * 2 : BACKOFF_MAX_MS;
    return wait_ms;
}
