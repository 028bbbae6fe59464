#include "counter-service/outbox/lease_pace.h"

enum {
    /* All the waits of an instance that comes to lead all partitions, together. */
    TOTAL_US = 2 * 1000 * 1000,
    /* Of waits that passed while nothing was free, so much is made up for. */
    MADE_UP_US = 50 * 1000,
};

void lease_pace_init(struct lease_pace *pace)
{
    *pace = (struct lease_pace){.next_us = 0};
    prng_init(&pace->prng);
}

/* With i led it is twice i-th of i * TOTAL / partitions^2 on average: together TOTAL. */
static int64_t wait_us(struct lease_pace *pace, size_t led, size_t partitions)
{
    const uint64_t longest_us = 4 * (uint64_t)TOTAL_US * led / (partitions * partitions);
    return (int64_t)prng_up_to(&pace->prng, (uint32_t)longest_us);
}

bool lease_pace_take(struct lease_pace *pace, size_t led, size_t partitions, int64_t now_us)
{
    if (partitions == 1) {
        return true;
    }
    if (now_us < pace->next_us) {
        return false;
    }
    const int64_t from_us = pace->next_us < now_us - MADE_UP_US ? now_us - MADE_UP_US : pace->next_us;
    pace->next_us = from_us + wait_us(pace, led + 1, partitions);
    return true;
}
