/* A thread's sign of life, which the watchdog looks at (heartbeats.h). The thread turns it at least once a second while
 * it works or waits for work. Zero-initialised is ready to use. */
#ifndef TALLY_COMMON_THREAD_HEARTBEAT_H
#define TALLY_COMMON_THREAD_HEARTBEAT_H

#include <stdatomic.h>
#include <stdbool.h>

struct heartbeat {
    /* written by the thread, read by any */
    atomic_uint turns;
    atomic_bool waits; /* the thread waits for somebody else, who may take longer than a second */
};

/* On the thread. */
static inline void heartbeat_turn(struct heartbeat *heartbeat)
{
    const unsigned turns = atomic_load_explicit(&heartbeat->turns, memory_order_relaxed);
    atomic_store_explicit(&heartbeat->turns, turns + 1, memory_order_relaxed);
}

/* On the thread, around a wait that has a time-out of its own: for Redis, or a name server. Meanwhile it need not turn.
 */
static inline void heartbeat_waits(struct heartbeat *heartbeat, bool waits)
{
    atomic_store_explicit(&heartbeat->waits, waits, memory_order_relaxed);
}

#endif
