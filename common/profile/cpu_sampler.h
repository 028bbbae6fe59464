/* Where the threads of the process spend their CPU time. Each thread has a timer of its own that counts what it uses:
 * each hundredth of a second the kernel sends it SIGPROF (timer_create(2), SIGEV_THREAD_ID), and the handler copies its
 * stack. One timer for the process would do up to two or three cores only: its signals are one while one is pending.
 * There is one sampler in a process; one thread starts, reads and stops it.
 *
 *     SIGPROF, any thread ──> ring of samples ──> cpu_sampler_take, the thread that reads
 *
 * A thread that blocks SIGPROF is not seen. While it runs, poll and epoll_wait return EINTR, also when they are not to
 * wait. */
#ifndef TALLY_COMMON_PROFILE_CPU_SAMPLER_H
#define TALLY_COMMON_PROFILE_CPU_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

enum { CPU_SAMPLER_HZ = 100, CPU_SAMPLER_DEPTH_MAX = 96 };

struct cpu_sample {
    uint64_t run; /* of cpu_sampler_start */
    pid_t thread_id;
    int count; /* hundredths of a second that it stands for */
    size_t depth;
    /* Innermost first: where the thread was, then where its callers go on, of which the call is just before. */
    void *frames[CPU_SAMPLER_DEPTH_MAX];
};

/* Returns 0, or -1 with error filled. */
int cpu_sampler_start(struct error *error) MUST_CHECK;
/* Looks for threads that have begun and ended since. To be called some times a second. */
void cpu_sampler_follow_threads(void);
/* The oldest sample that was not taken; false: there is none. To be asked some times a second. */
bool cpu_sampler_take(struct cpu_sample *ret_sample) MUST_CHECK;
/* Samples that found no room since the start. */
uint64_t cpu_sampler_lost(void);
void cpu_sampler_stop(void);

#endif
