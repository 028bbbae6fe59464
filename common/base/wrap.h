/* Sums and differences of int64 modulo 2^64: one that leaves the range is right again when it has come back. */
#ifndef TALLY_COMMON_BASE_WRAP_H
#define TALLY_COMMON_BASE_WRAP_H

#include <stdint.h>

static inline int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t wrap_subtract(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

#endif
