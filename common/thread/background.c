#include "common/thread/background.h"

#include "common/base/clock.h"
#include "common/thread/condition.h"
#include "common/thread/thread.h"

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

static void destroy_lock(struct background *background)
{
    pthread_mutex_destroy(&background->lock);
    pthread_cond_destroy(&background->changed);
}

int background_start(struct background *background, const char *name, void (*run)(void *ctx), void *ctx,
                     struct error *error)
{
    *background = (struct background){.run = run, .ctx = ctx};
    condition_init(&background->changed);
    pthread_mutex_init(&background->lock, NULL);
    if (thread_start(&background->thread, name, thread_main, background, error) != 0) {
        destroy_lock(background);
        return -1;
    }
    background->started = true;
    return 0;
}

void background_ask_to_stop(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
}

bool background_wait_end(struct background *background, int timeout_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    pthread_mutex_lock(&background->lock);
    while (!background->ended && condition_wait(&background->changed, &background->lock, until_us)) {
        /* woken, and perhaps for another reason */
    }
    const bool ended = background->ended;
    pthread_mutex_unlock(&background->lock);
    return ended;
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

void background_wake(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    background->woken = true;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
}

bool background_pause(struct background *background, int pause_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)pause_ms * 1000;
    pthread_mutex_lock(&background->lock);
    while (!background->stopping && !background->woken &&
           condition_wait(&background->changed, &background->lock, until_us)) {
        /* woken for another reason */
    }
    background->woken = false;
    const bool goes_on = !background->stopping;
    pthread_mutex_unlock(&background->lock);
    return goes_on;
}

bool background_rest(struct background *background, int rest_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)rest_ms * 1000;
    pthread_mutex_lock(&background->lock);
    while (!background->stopping && condition_wait(&background->changed, &background->lock, until_us)) {
        /* woken for another reason */
    }
    const bool goes_on = !background->stopping;
    pthread_mutex_unlock(&background->lock);
    return goes_on;
}
