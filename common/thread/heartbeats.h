/* The threads without which the program does not work, and whether all of them still turn. Used by one thread at a
 * time; the threads looked at need not know. */
#ifndef TALLY_COMMON_THREAD_HEARTBEATS_H
#define TALLY_COMMON_THREAD_HEARTBEATS_H

#include <stddef.h>

#include "common/thread/heartbeat.h"

enum { HEARTBEATS_MAX = 512 }; /* a loop for every two cores that a cpu_set_t can have; a service has fewer threads */

struct watched_thread {
    const char *name; /* "http-loop" */
    int number;
    const struct heartbeat *heartbeat;
    unsigned turns_seen;
    unsigned still_looks; /* looks in a row that found it neither turned nor waiting */
};

/* Zero-initialised is empty. */
struct heartbeats {
    struct watched_thread threads[HEARTBEATS_MAX];
    size_t count;
};

/* name and heartbeat are not copied, and outlive the list. */
void heartbeats_add(struct heartbeats *heartbeats, const char *name, int number, const struct heartbeat *heartbeat);
/* Returns a thread that has not turned, and not waited for somebody else, for looks_max looks in a row, this one
 * included; or NULL. Looks are counted rather than seconds, since a process that was stopped for an hour had no time to
 * turn. */
const struct watched_thread *heartbeats_look(struct heartbeats *heartbeats, unsigned looks_max);

#endif
