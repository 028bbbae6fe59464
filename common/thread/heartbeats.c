#include "common/thread/heartbeats.h"

#include <assert.h>

void heartbeats_add(struct heartbeats *heartbeats, const char *name, int number, const struct heartbeat *heartbeat)
{
    assert(heartbeats->count < HEARTBEATS_MAX);
    heartbeats->threads[heartbeats->count++] = (struct watched_thread){
        .name = name,
        .number = number,
        .heartbeat = heartbeat,
        .turns_seen = atomic_load_explicit(&heartbeat->turns, memory_order_relaxed),
    };
}

/* How many looks in a row have found the thread still. */
static unsigned look(struct watched_thread *thread)
{
    const unsigned turns = atomic_load_explicit(&thread->heartbeat->turns, memory_order_relaxed);
    const bool waits = atomic_load_explicit(&thread->heartbeat->waits, memory_order_relaxed);
    thread->still_looks = turns != thread->turns_seen || waits ? 0 : thread->still_looks + 1;
    thread->turns_seen = turns;
    return thread->still_looks;
}

const struct watched_thread *heartbeats_look(struct heartbeats *heartbeats, unsigned looks_max)
{
    assert(looks_max > 0);
    const struct watched_thread *still = NULL;
    for (size_t i = 0; i < heartbeats->count; i++) {
        if (look(&heartbeats->threads[i]) >= looks_max) {
            still = &heartbeats->threads[i];
        }
    }
    return still;
}
