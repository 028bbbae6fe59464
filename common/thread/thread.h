/* Starts threads that take no signals: those go to the threads that wait for them. But for SIGPROF, which asks the
 * thread that runs where it is (common/profile/cpu_sampler.h). */
#ifndef TALLY_COMMON_THREAD_THREAD_H
#define TALLY_COMMON_THREAD_THREAD_H

#include <pthread.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Starts a thread called name (15 characters at most) in run(ctx), to be joined by the caller. Returns 0, or -1 with
 * error filled. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *ctx), void *ctx, struct error *error)
    MUST_CHECK;

#endif
