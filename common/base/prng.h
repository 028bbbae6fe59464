/* Random numbers for jitter and request ids; nothing that must stay secret. Owned by one thread. SplitMix64 (Steele,
 * Lea, Flood 2014): no number comes twice in 2^64. */
#ifndef TALLY_COMMON_BASE_PRNG_H
#define TALLY_COMMON_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state;
};

/* Starts somewhere random. */
void prng_init(struct prng *prng);
uint64_t prng_next(struct prng *prng);
/* From 0 to max, evenly. */
uint32_t prng_up_to(struct prng *prng, uint32_t max);

#endif
