/* Wakes a thread that waits in poll(): an eventfd, written once however many wakes there are before it is taken. */
#ifndef TALLY_COMMON_THREAD_WAKEUP_H
#define TALLY_COMMON_THREAD_WAKEUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"

struct wakeup {
    int fd; /* immutable; readable while a wake waits to be taken */
    atomic_bool asked;
    int64_t owed; /* the waiting thread's: wakes it has taken whose write, which may come late, it has not read */
};

/* Returns 0, or -1 with errno set; then fd is -1. */
int wakeup_init(struct wakeup *wakeup) MUST_CHECK;
void wakeup_done(struct wakeup *wakeup);
/* Any thread. */
void wakeup_signal(struct wakeup *wakeup);
/* The waiting thread: whether there was a wake since the last take. What the waker did before its wakeup_signal is
 * visible afterwards. A wake that comes during this call is taken by it or by the next one. */
bool wakeup_take(struct wakeup *wakeup);

#endif
