/*                      instances: target, serving        channels, interleaved: a b c a b c ...
 *   pool thread ─────> state of each channel, serving ─────> channel_pool_pick (any thread, lock-free)
 *        ▲
 *        └── looks every 10 ms: connectivity of every channel, health Watch of every instance */
#include "gateway/channel_pool.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/channel.h"
#include "gateway/health_watch.h"
#include "gateway/instance.h"

/* How often the pool's thread looks at its channels and its queue: so long a change goes unnoticed. It does not wait in
 * the queue, see channel.h. */
enum { LOOK_INTERVAL_NS = 10 * 1000 * 1000 };

enum { STATES = GRPC_CHANNEL_TRANSIENT_FAILURE + 1 };

struct state_count {
    struct channel_pool *pool;
    grpc_connectivity_state state;
};

/* A place in the round. */
struct round_place {
    struct instance *instance;
    struct channel *channel;
};

struct channel_pool {
    /* immutable after create */
    struct instance *instances;
    size_t instance_count;
    struct round_place *round; /* the channels of all instances in turns */
    unsigned round_len;
    grpc_completion_queue *queue;
    pthread_t thread;
    struct state_count state_counts[STATES];
    /* set once, by channel_pool_free */
    atomic_bool stopping;
};

/* --- picking ------------------------------------------------------------------------------------------------------ */

static bool is_usable(const struct round_place *place)
{
    return channel_is_ready(place->channel) && instance_is_serving(place->instance);
}

const struct pooled_channel *channel_pool_pick(struct channel_pool *pool, unsigned *cursor, int avoid_instance)
{
    struct channel *second_choice = NULL;
    const unsigned start = *cursor;
    for (unsigned i = 0; i < pool->round_len; i++) {
        const unsigned index = (start + i) % pool->round_len;
        const struct round_place *place = &pool->round[index];
        if (!is_usable(place)) {
            continue;
        }
        if ((int)place->channel->lent.instance != avoid_instance) {
            *cursor = index + 1;
            return channel_lend(place->channel);
        }
        if (second_choice == NULL) {
            second_choice = place->channel;
            *cursor = index + 1;
        }
    }
    return second_choice != NULL ? channel_lend(second_choice) : NULL;
}

void channel_pool_release(struct channel_pool *pool, const struct pooled_channel *channel)
{
    (void)pool;
    channel_give_back(channel);
}

bool channel_pool_is_ready(struct channel_pool *pool)
{
    for (unsigned i = 0; i < pool->round_len; i++) {
        if (is_usable(&pool->round[i])) {
            return true;
        }
    }
    return false;
}

size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max)
{
    for (size_t i = 0; i < pool->instance_count && i < max; i++) {
        instance_describe(&pool->instances[i], &instances[i]);
    }
    return pool->instance_count;
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static const struct metric_family channels_family = {
    .name = "tally_channels",
    .help = "Channels to counter-service by their connectivity state.",
    .type = METRIC_GAUGE,
    .labels = {"state"},
};

static const char *const state_names[STATES] = {
    [GRPC_CHANNEL_IDLE] = "idle",
    [GRPC_CHANNEL_CONNECTING] = "connecting",
    [GRPC_CHANNEL_READY] = "ready",
    [GRPC_CHANNEL_TRANSIENT_FAILURE] = "transient_failure",
};

static double read_state_count(void *ctx)
{
    const struct state_count *wanted = ctx;
    unsigned count = 0;
    for (unsigned i = 0; i < wanted->pool->round_len; i++) {
        count += channel_state(wanted->pool->round[i].channel) == wanted->state;
    }
    return count;
}

static void register_metrics(struct channel_pool *pool)
{
    for (int state = 0; state < STATES; state++) {
        pool->state_counts[state] = (struct state_count){pool, (grpc_connectivity_state)state};
        metrics_register_reader(&channels_family, &state_names[state], read_state_count, &pool->state_counts[state]);
    }
}

static void unregister_metrics(void)
{
    for (int state = 0; state < STATES; state++) {
        metrics_unregister_reader(&channels_family, &state_names[state]);
    }
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

static void sleep_until_next_look(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_INTERVAL_NS}, NULL);
}

static void *thread_main(void *cls)
{
    struct channel_pool *pool = cls;
    while (!atomic_load_explicit(&pool->stopping, memory_order_acquire)) {
        for (size_t i = 0; i < pool->instance_count; i++) {
            instance_look(&pool->instances[i], clock_monotonic_us());
        }
        handle_events(pool);
        sleep_until_next_look();
    }
    for (size_t i = 0; i < pool->instance_count; i++) {
        instance_close(&pool->instances[i]);
    }
    grpc_completion_queue_shutdown(pool->queue);
    while (handle_events(pool) != GRPC_QUEUE_SHUTDOWN) {
        sleep_until_next_look();
    }
    return NULL;
}

/* Signals go to the program's own threads. */
static int start_thread(struct channel_pool *pool)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(&pool->thread, NULL, thread_main, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0) {
        pthread_setname_np(pool->thread, "channel-pool");
    }
    return failure;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* Instance i gets the channels i, i + target_count, ... of the round. */
static unsigned channels_of_instance(size_t i, size_t target_count, unsigned round_len)
{
    return round_len / (unsigned)target_count + (i < round_len % target_count ? 1 : 0);
}

static int create_instances(struct channel_pool *pool, const char *const *targets, size_t target_count,
                            int keep_alive_ms, struct error *error)
{
    for (size_t i = 0; i < target_count; i++) {
        if (instance_create(&pool->instances[i], targets[i], (unsigned)i,
                            channels_of_instance(i, target_count, pool->round_len), keep_alive_ms, pool->queue,
                            error) != 0) {
            return -1;
        }
        pool->instance_count++;
    }
    for (unsigned i = 0; i < pool->round_len; i++) {
        struct instance *instance = &pool->instances[i % target_count];
        pool->round[i] = (struct round_place){instance, &instance->channels[i / target_count]};
    }
    return 0;
}

/* The thread is not running, and nothing is out. */
static void release(struct channel_pool *pool)
{
    grpc_completion_queue_destroy(pool->queue);
    for (size_t i = 0; i < pool->instance_count; i++) {
        instance_destroy(&pool->instances[i]);
    }
    free(pool->instances);
    free(pool->round);
    free(pool);
    grpc_shutdown();
}

struct channel_pool *channel_pool_create(const char *const *targets, size_t target_count, int size, int keep_alive_ms,
                                         struct error *error)
{
    assert(target_count > 0 && size > 0);
    struct channel_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    grpc_init();
    pool->queue = grpc_completion_queue_create_for_next(NULL);
    pool->round_len = (unsigned)size < target_count ? (unsigned)target_count : (unsigned)size;
    pool->instances = calloc(target_count, sizeof(pool->instances[0]));
    pool->round = calloc(pool->round_len, sizeof(pool->round[0]));
    if (pool->instances == NULL || pool->round == NULL) {
        error_set(error, "out of memory");
        goto fail;
    }
    if (create_instances(pool, targets, target_count, keep_alive_ms, error) != 0) {
        goto fail;
    }
    const int failure = start_thread(pool);
    if (failure != 0) {
        error_set(error, "cannot start a thread: %s", strerror(failure));
        goto fail;
    }
    register_metrics(pool);
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
    unregister_metrics();
    atomic_store_explicit(&pool->stopping, true, memory_order_release);
    pthread_join(pool->thread, NULL);
    release(pool);
}
