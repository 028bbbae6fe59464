#include "common/background.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static struct timespec time_after_ms(int ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
    return time;
}

static void *thread_main(void *ctx)
{
    struct background *background = ctx;
    background->run(background->ctx);
    pthread_mutex_lock(&background->lock);
    background->ended = true;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

static void init_lock(struct background *background)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&background->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&background->lock, NULL);
}

static void destroy_lock(struct background *background)
{
    pthread_mutex_destroy(&background->lock);
    pthread_cond_destroy(&background->changed);
}

int background_start(struct background *background, const char *name, void (*run)(void *ctx), void *ctx,
                     struct error *error)
{
    *background = (struct background){.run = run, .ctx = ctx};
    init_lock(background);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(&background->thread, NULL, thread_main, background);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        destroy_lock(background);
        error_set(error, "cannot start a thread: %s", strerror(failure));
        return -1;
    }
    background->started = true;
    pthread_setname_np(background->thread, name);
    return 0;
}

void background_ask_to_stop(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
}

/* Waits until *flag, which the lock guards, is set. Returns it. */
static bool wait_for(struct background *background, const bool *flag, int timeout_ms)
{
    const struct timespec end = time_after_ms(timeout_ms);
    int result = 0;
    pthread_mutex_lock(&background->lock);
    while (!*flag && result == 0) {
        result = pthread_cond_timedwait(&background->changed, &background->lock, &end);
    }
    const bool is_set = *flag;
    pthread_mutex_unlock(&background->lock);
    return is_set;
}

bool background_wait_end(struct background *background, int timeout_ms)
{
    return wait_for(background, &background->ended, timeout_ms);
}

void background_join(struct background *background)
{
    if (background->started) {
        background_ask_to_stop(background);
        pthread_join(background->thread, NULL);
        destroy_lock(background);
        background->started = false;
    }
}

bool background_is_stopping(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    const bool stopping = background->stopping;
    pthread_mutex_unlock(&background->lock);
    return stopping;
}

bool background_pause(struct background *background, int pause_ms)
{
    return !wait_for(background, &background->stopping, pause_ms);
}
