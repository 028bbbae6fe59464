/* Clocks. Code that decides by time takes the time as an argument, so that a test can turn the clock; these are
 * called at the edges (event loops, RPC threads, store workers, shutdown). Thread-safe. */
#ifndef TALLY_COMMON_BASE_CLOCK_H
#define TALLY_COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since some start; never goes back. Deadlines and durations use this one. */
static inline int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The same, but it also goes on while the machine is suspended (Linux). For the age of what was read. */
static inline int64_t clock_boottime_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Microseconds since 1970. For people and log lines only. */
static inline int64_t clock_realtime_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t clock_earlier(int64_t left_us, int64_t right_us)
{
    return left_us < right_us ? left_us : right_us;
}

/* Sleeps for all of it, whatever signals come. */
static inline void clock_sleep_ms(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0) {
        /* interrupted by a signal */
    }
}

#endif
