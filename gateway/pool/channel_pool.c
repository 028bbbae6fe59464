/*   channel_pool_set_targets ──> wanted ──> pool thread: instances join and leave, channels are shared out anew
 *                                              │
 *                                              ▼
 *                                           round ──> channel_pool_lend, channel_pool_give_back (any thread, under
 * lock) ▲ pool thread, every 10 ms: connectivity of every channel, health Watch of every instance
 *
 * The lock is held for as long as a round takes, once a call and not once a request, and by the pool's thread only to
 * swap what it has made ready before. Readers of metrics take it inside the registry's lock. */
#include "gateway/pool/channel_pool.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/thread/background.h"
#include "gateway/pool/channel_pool_metrics.h"
#include "gateway/pool/channel_round.h"
#include "gateway/pool/health_watch.h"
#include "gateway/pool/instance.h"
#include "gateway/pool/pool_members.h"

/* How often the pool's thread looks: so long a change goes unnoticed. It does not wait in the queue, see channel.h. */
enum { LOOK_INTERVAL_MS = 10 };

struct channel_pool {
    /* immutable after create */
    grpc_completion_queue *queue;
    struct channel_pool_metrics metrics;
    /* see there */
    struct background background;
    struct pool_members members;
    /* guarded by members.lock: when an instance was seen up last; never: long ago */
    int64_t up_us;
};

/* --- calls -------------------------------------------------------------------------------------------------------- */

/* Under lock. Returns whether it is to be logged. */
static bool breaker_changed_locked(struct channel_pool *pool, struct instance *instance, int64_t now_us)
{
    uint64_t count;
    const enum breaker_state state = instance->breaker.state;
    channel_pool_metrics_breaker_changed(&pool->metrics, state);
    return state != BREAKER_HALF_OPEN && log_limiter_allows(&instance->breaker_log[state], now_us, &count);
}

struct channel *channel_pool_lend(struct channel_pool *pool, unsigned *cursor, int avoid_instance, int64_t now_us)
{
    pthread_mutex_lock(&pool->members.lock);
    struct channel *channel = channel_round_next(&pool->members.round, cursor, avoid_instance, now_us);
    if (channel != NULL) {
        if (breaker_on_call(&channel->instance->breaker)) {
            (void)breaker_changed_locked(pool, channel->instance, now_us);
        } else {
            pool->up_us = now_us;
        }
        channel_lend(channel);
    }
    pthread_mutex_unlock(&pool->members.lock);
    return channel;
}

void channel_pool_give_back(struct channel_pool *pool, struct channel *channel, enum call_verdict verdict,
                            int64_t now_us)
{
    struct instance *instance = channel->instance;
    bool is_logged = false;
    pthread_mutex_lock(&pool->members.lock);
    if (breaker_on_end(&instance->breaker, verdict, now_us)) {
        is_logged = breaker_changed_locked(pool, instance, now_us);
    }
    const enum breaker_state state = instance->breaker.state;
    pthread_mutex_unlock(&pool->members.lock);
    if (is_logged) {
        LOG_AT(state == BREAKER_OPEN ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "channel_pool", "circuit breaker changed",
               LOG_STR("instance", instance->target), LOG_STR("state", breaker_state_name(state)));
    }
    channel_give_back(channel); /* last: with it the instance may go */
}

void channel_pool_note_refusal(struct channel_pool *pool, struct channel *channel, int64_t now_us)
{
    pthread_mutex_lock(&pool->members.lock);
    channel->instance->writes_refused_us = now_us;
    pthread_mutex_unlock(&pool->members.lock);
}

bool channel_pool_is_ready(struct channel_pool *pool)
{
    const int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&pool->members.lock);
    const bool is_ready = channel_round_has_next(&pool->members.round, now_us);
    pthread_mutex_unlock(&pool->members.lock);
    return is_ready;
}

bool channel_pool_is_awaited(struct channel_pool *pool, int64_t now_us)
{
    pthread_mutex_lock(&pool->members.lock);
    const bool is_awaited = now_us - pool->up_us < CHANNEL_POOL_AWAITED_US;
    pthread_mutex_unlock(&pool->members.lock);
    return is_awaited;
}

int channel_pool_retry_after_s(struct channel_pool *pool)
{
    const int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&pool->members.lock);
    const bool is_ready = channel_round_has_next(&pool->members.round, now_us);
    const int64_t probe_us = channel_round_probe_us(&pool->members.round);
    pthread_mutex_unlock(&pool->members.lock);
    if (is_ready || probe_us == INT64_MAX || probe_us <= now_us) {
        return 1;
    }
    return (int)((probe_us - now_us + 999999) / 1000000);
}

int channel_pool_set_targets(struct channel_pool *pool, const char *const *targets, size_t target_count)
{
    return pool_members_want(&pool->members, targets, target_count);
}

size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max)
{
    const int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&pool->members.lock);
    const size_t count = pool->members.instance_count;
    for (size_t i = 0; i < count && i < max; i++) {
        instance_describe(pool->members.instances[i], now_us, &instances[i]);
    }
    pthread_mutex_unlock(&pool->members.lock);
    return count;
}

void channel_pool_read_store(struct channel_pool *pool, char out[STORE_ID_SIZE])
{
    pthread_mutex_lock(&pool->members.lock);
    memcpy(out, pool->members.store.id, STORE_ID_SIZE);
    pthread_mutex_unlock(&pool->members.lock);
}

/* --- the pool's thread -------------------------------------------------------------------------------------------- */

/* Hands out what the queue has. Returns the last event's type: GRPC_QUEUE_TIMEOUT or GRPC_QUEUE_SHUTDOWN. */
static grpc_completion_type handle_events(struct channel_pool *pool)
{
    for (;;) {
        const grpc_event event = grpc_completion_queue_next(pool->queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type != GRPC_OP_COMPLETE) {
            return event.type;
        }
        health_watch_on_event(event.tag, event.success != 0, clock_monotonic_us());
    }
}

/* Also while nobody calls. */
static void note_up(struct channel_pool *pool, int64_t now_us)
{
    pthread_mutex_lock(&pool->members.lock);
    if (channel_round_is_up(&pool->members.round)) {
        pool->up_us = now_us;
    }
    pthread_mutex_unlock(&pool->members.lock);
}

static void run(void *cls)
{
    struct channel_pool *pool = cls;
    do {
        handle_events(pool); /* first: what an instance tells of its store takes effect at once */
        const int64_t now_us = clock_monotonic_us();
        pool_members_look(&pool->members, now_us);
        note_up(pool, now_us);
    } while (background_pause(&pool->background, LOOK_INTERVAL_MS));
    pool_members_close(&pool->members);
    grpc_completion_queue_shutdown(pool->queue);
    while (handle_events(pool) != GRPC_QUEUE_SHUTDOWN) {
        clock_sleep_ms(LOOK_INTERVAL_MS);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* The thread is not running, and nothing is out. */
static void release(struct channel_pool *pool)
{
    pool_members_done(&pool->members);
    grpc_completion_queue_destroy(pool->queue);
    free(pool);
    grpc_shutdown();
}

struct channel_pool *channel_pool_create(const struct channel_pool_options *options, struct error *error)
{
    assert(options->size > 0);
    struct channel_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    pool->up_us = INT64_MIN / 2;
    grpc_init();
    pool->queue = grpc_completion_queue_create_for_next(NULL);
    if (pool_members_init(&pool->members, options, pool->queue, error) != 0) {
        goto fail;
    }
    channel_pool_metrics_init(&pool->metrics, &pool->members.lock, &pool->members.round,
                              &pool->members.other_store_count);
    if (background_start(&pool->background, "channel-pool", run, pool, error) != 0) {
        channel_pool_metrics_done();
        goto fail;
    }
    return pool;

fail:
    grpc_completion_queue_shutdown(pool->queue);
    release(pool);
    return NULL;
}

void channel_pool_free(struct channel_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    channel_pool_metrics_done();
    background_join(&pool->background);
    release(pool);
}
