/* A timer for each thread of the process, which counts the CPU time that the thread uses and sends it SIGPROF. Owned by
 * one thread. */
#ifndef TALLY_COMMON_PROFILE_THREAD_TIMERS_H
#define TALLY_COMMON_PROFILE_THREAD_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum { THREAD_TIMERS_MAX = 512 };

struct thread_timers {
    long interval_ns;
    size_t count;
    struct {
        pid_t thread_id;
        bool is_there; /* at the last look */
        timer_t timer;
    } timers[THREAD_TIMERS_MAX];
};

void thread_timers_init(struct thread_timers *timers, int hz);
/* Ends all. */
void thread_timers_done(struct thread_timers *timers);
/* Threads that have begun get theirs, those that have ended have none any more. Returns how many have one; 0 with errno
 * set. */
size_t thread_timers_follow(struct thread_timers *timers);

#endif
