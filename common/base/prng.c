#include "common/base/prng.h"

#include <sys/random.h>

#include "common/base/clock.h"

void prng_init(struct prng *prng)
{
    if (getrandom(&prng->state, sizeof(prng->state), 0) != (ssize_t)sizeof(prng->state)) {
        prng->state = (uint64_t)clock_realtime_us();
    }
}

uint64_t prng_next(struct prng *prng)
{
    prng->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = prng->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

uint32_t prng_up_to(struct prng *prng, uint32_t max)
{
    return (uint32_t)((prng_next(prng) >> 32) * ((uint64_t)max + 1) >> 32);
}
