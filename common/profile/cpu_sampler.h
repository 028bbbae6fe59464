/* Where the threads of the process spend their CPU time: each hundredth of a second of it the kernel sends SIGPROF to
 * the thread that runs (setitimer(2), ITIMER_PROF), and the handler copies that thread's stack. There is one in a
 * process; one thread starts, reads and stops it.
 *
 *     SIGPROF, any thread ──> ring of samples ──> cpu_sampler_take, the thread that reads
 *
 * Every thread must let SIGPROF through (thread.h), and expect EINTR of poll and epoll_wait while it runs. */
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
    pid_t thread_id;
    size_t depth;
    /* Innermost first: where the thread was, then where its callers go on, of which the call is just before. */
    void *frames[CPU_SAMPLER_DEPTH_MAX];
};

/* Returns 0, or -1 with error filled. */
int cpu_sampler_start(struct error *error) MUST_CHECK;
/* The oldest sample that was not taken; false: there is none. To be asked some times a second. */
bool cpu_sampler_take(struct cpu_sample *ret_sample) MUST_CHECK;
/* Samples that found no room since the start. */
uint64_t cpu_sampler_lost(void);
void cpu_sampler_stop(void);

#endif
