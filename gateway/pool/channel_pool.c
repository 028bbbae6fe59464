/*   channel_pool_set_targets ──> members: instances join and leave, channels are shared out anew
 *                                   │ the pool's thread, every 10 ms: also connectivity of every channel, health Watch
 *                                   ▼ of every instance
 *                                 round ──> channel_pool_lend, channel_pool_give_back (any thread)
 *
 * The lock is the round's (channel_round.h). */
#include "gateway/pool/channel_pool.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/thread/background.h"
#include "gateway/pool/channel_pool_metrics.h"
#include "gateway/pool/channel_round.h"
#include "gateway/pool/health_watch.h"
#include "gateway/pool/pool_members.h"

/* How often the pool's thread looks: so long a change goes unnoticed. It does not wait in the queue, see channel.h. */
enum { LOOK_INTERVAL_MS = 10 };

struct channel_pool {
    /* immutable after create */
    grpc_completion_queue *queue;
    struct channel_pool_metrics metrics;
    /* for which thread: see their headers */
    struct channel_round round;
    struct pool_members members;
    struct background background;
};

/* --- for other threads -------------------------------------------------------------------------------------------- */

struct channel *channel_pool_lend(struct channel_pool *pool, unsigned *cursor, int avoid_instance, int64_t now_us)
{
    return channel_round_lend(&pool->round, cursor, avoid_instance, now_us);
}

void channel_pool_give_back(struct channel_pool *pool, struct channel *channel, enum call_verdict verdict,
                            int64_t now_us)
{
    channel_round_give_back(&pool->round, channel, verdict, now_us);
}

void channel_pool_note_refusal(struct channel_pool *pool, struct channel *channel, int64_t now_us)
{
    channel_round_note_refusal(&pool->round, channel, now_us);
}

bool channel_pool_is_ready(struct channel_pool *pool)
{
    return channel_round_is_ready(&pool->round, clock_monotonic_us());
}

bool channel_pool_is_awaited(struct channel_pool *pool, int64_t now_us)
{
    return channel_round_is_awaited(&pool->round, now_us);
}

int channel_pool_retry_after_s(struct channel_pool *pool)
{
    return channel_round_retry_after_s(&pool->round, clock_monotonic_us());
}

int channel_pool_set_targets(struct channel_pool *pool, const char *const *targets, size_t target_count)
{
    return pool_members_want(&pool->members, targets, target_count);
}

size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max)
{
    return pool_members_describe(&pool->members, instances, max, clock_monotonic_us());
}

void channel_pool_want_reports(struct channel_pool *pool)
{
    atomic_store_explicit(&pool->members.reports_until_us, clock_monotonic_us() + CHANNEL_POOL_REPORTS_US,
                          memory_order_relaxed);
}

int64_t channel_pool_read_report(struct channel_pool *pool, const char *target, struct buffer *out)
{
    return pool_members_read_report(&pool->members, target, clock_monotonic_us(), out);
}

void channel_pool_read_store(struct channel_pool *pool, char out[STORE_ID_SIZE])
{
    pool_members_read_store(&pool->members, out);
}

/* --- the pool's thread -------------------------------------------------------------------------------------------- */

/* Hands the queue's events to their owners. Returns the last event's type: GRPC_QUEUE_TIMEOUT or
 * GRPC_QUEUE_SHUTDOWN. */
static grpc_completion_type handle_events(struct channel_pool *pool)
{
    for (;;) {
        const grpc_event event = grpc_completion_queue_next(pool->queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type != GRPC_OP_COMPLETE) {
            return event.type;
        }
        const struct queue_event *tag = event.tag;
        tag->handle(tag->owner, event.success != 0, clock_monotonic_us());
    }
}

static void run(void *cls)
{
    struct channel_pool *pool = cls;
    do {
        handle_events(pool); /* first: what an instance tells of its store takes effect at once */
        const int64_t now_us = clock_monotonic_us();
        pool_members_look(&pool->members, now_us);
        channel_round_look(&pool->round, now_us);
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
    channel_round_done(&pool->round);
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
    grpc_init();
    channel_round_init(&pool->round);
    pool->queue = grpc_completion_queue_create_for_next(NULL);
    if (pool_members_init(&pool->members, options, &pool->round, pool->queue, error) != 0) {
        goto fail;
    }
    channel_pool_metrics_init(&pool->metrics, &pool->round, &pool->members);
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
