/* A thread that works in rounds, with a pause after each, until it is asked to stop. It takes no signals (see
 * thread.h). The functions are for the one thread that starts, stops and joins it, except those marked "on the thread
 * itself". */
#ifndef TALLY_COMMON_THREAD_BACKGROUND_H
#define TALLY_COMMON_THREAD_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

struct background {
    /* immutable after start */
    pthread_t thread;
    void (*run)(void *ctx);
    void *ctx;
    bool started;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    bool woken;
    bool ended;
};

/* Starts a thread called name (15 characters at most) in run(ctx). Returns 0, or -1 with error filled. */
int background_start(struct background *background, const char *name, void (*run)(void *ctx), void *ctx,
                     struct error *error) MUST_CHECK;
/* Asks the thread to stop, and does not wait. */
void background_ask_to_stop(struct background *background);
/* Waits until run has returned; false if that takes longer. */
bool background_wait_end(struct background *background, int timeout_ms);
/* Asks the thread to stop and joins it. Does nothing if it was never started (then zero-initialised) or is already
 * joined. */
void background_join(struct background *background);

/* Ends the pause that the thread is in, or its next one; not a rest. Any thread. */
void background_wake(struct background *background);

/* On the thread itself: whether it was asked to stop. */
bool background_is_stopping(struct background *background);
/* On the thread itself: sleeps. Ends early with false when it is asked to stop, with true when it is woken. */
bool background_pause(struct background *background, int pause_ms);
/* On the thread itself: sleeps, whoever wakes it. Ends early with false when it is asked to stop. */
bool background_rest(struct background *background, int rest_ms);

#endif
