#include "common/thread/thread.h"

#include <signal.h>
#include <string.h>

int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *ctx), void *ctx, struct error *error)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGPROF);                    /* it asks a thread where it is: common/profile/cpu_sampler.h */
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread has the mask of the one that starts it */
    const int failure = pthread_create(ret_thread, NULL, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        error_set(error, "cannot start the thread %s: %s", name, strerror(failure));
        return -1;
    }
    pthread_setname_np(*ret_thread, name);
    return 0;
}
