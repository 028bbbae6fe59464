#include "common/consul_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/background.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/consul_agent.h"
#include "common/consul_reply.h"
#include "common/log.h"

enum {
    /* Between the starts of two queries: an index that is missing, or changes all the time, is no busy loop. */
    QUERY_INTERVAL_MIN_MS = 100,
};

struct consul_watch {
    /* immutable after create */
    struct consul_agent *agent;
    char *service;
    consul_instances_handler on_instances;
    void *ctx;
    struct background background;
    /* owned by the thread */
    uint64_t index; /* 0: answer at once */
    struct buffer body;
    struct consul_instances instances;
    struct backoff backoff;
    struct log_limiter failures;
    struct log_limiter oddities;
    bool failure_was_logged; /* its end is still to be logged */
    /* guarded by lock */
    pthread_mutex_t lock;
    struct error failure; /* of the last query; "": it succeeded */
    /* written by the thread, read by all */
    atomic_bool is_up;
    _Atomic int64_t last_success_us;
};

/* --- one query ---------------------------------------------------------------------------------------------------- */

/* Asks, and reads the answer into watch->instances. Returns 0, or -1 with error filled. */
static int query(struct consul_watch *watch, struct error *error)
{
    if (consul_agent_instances(watch->agent, watch->service, &watch->index, &watch->body, error) != 0) {
        return -1;
    }
    return consul_reply_parse((struct text){watch->body.data, watch->body.len}, &watch->instances, error);
}

static void hand_over(struct consul_watch *watch)
{
    const char *targets[INSTANCES_MAX];
    for (size_t i = 0; i < watch->instances.count; i++) {
        targets[i] = watch->instances.targets[i];
    }
    watch->on_instances(watch->ctx, targets, watch->instances.count);
}

/* --- what is told ------------------------------------------------------------------------------------------------- */

static void log_oddities(struct consul_watch *watch)
{
    uint64_t times;
    const struct consul_instances *instances = &watch->instances;
    if (instances->skipped + instances->cut > 0 && log_limiter_allows(&watch->oddities, clock_monotonic_us(), &times)) {
        log_warn("consul", "instances are left out", LOG_STR("service", watch->service),
                 LOG_INT("without_address_or_port", instances->skipped), LOG_INT("too_many", instances->cut),
                 LOG_INT("taken", instances->count), LOG_INT("times", times));
    }
}

static void log_failure(struct consul_watch *watch, const char *message)
{
    uint64_t times;
    if (log_limiter_allows(&watch->failures, clock_monotonic_us(), &times)) {
        log_warn("consul", "cannot follow the instances, the last ones stay", LOG_STR("service", watch->service),
                 LOG_STR("error", message), LOG_INT("times", times));
        watch->failure_was_logged = true;
    }
}

static void log_recovery(struct consul_watch *watch)
{
    if (watch->failure_was_logged) {
        log_info("consul", "follows the instances again", LOG_STR("service", watch->service));
        watch->failure_was_logged = false;
    }
}

static void put_failure(struct consul_watch *watch, const char *message)
{
    pthread_mutex_lock(&watch->lock);
    error_set(&watch->failure, "%s", message);
    pthread_mutex_unlock(&watch->lock);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* Returns how long to wait before the next query. */
static int after_success(struct consul_watch *watch, int64_t started_us)
{
    atomic_store_explicit(&watch->last_success_us, clock_realtime_us(), memory_order_relaxed);
    atomic_store_explicit(&watch->is_up, true, memory_order_relaxed);
    backoff_reset(&watch->backoff);
    put_failure(watch, "");
    log_recovery(watch);
    log_oddities(watch);
    hand_over(watch);
    const int64_t elapsed_ms = (clock_monotonic_us() - started_us) / 1000;
    return elapsed_ms >= QUERY_INTERVAL_MIN_MS ? 0 : QUERY_INTERVAL_MIN_MS - (int)elapsed_ms;
}

static int after_failure(struct consul_watch *watch, const char *message)
{
    atomic_store_explicit(&watch->is_up, false, memory_order_relaxed);
    watch->index = 0;
    put_failure(watch, message);
    log_failure(watch, message);
    return backoff_next_ms(&watch->backoff);
}

static void run(void *ctx)
{
    struct consul_watch *watch = ctx;
    int pause_ms = 0;
    while (background_pause(&watch->background, pause_ms)) {
        struct error error;
        const int64_t started_us = clock_monotonic_us();
        if (query(watch, &error) == 0) {
            pause_ms = after_success(watch, started_us);
        } else if (!background_is_stopping(&watch->background)) {
            pause_ms = after_failure(watch, error.message);
        }
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void release(struct consul_watch *watch)
{
    consul_agent_free(watch->agent);
    buffer_done(&watch->body);
    pthread_mutex_destroy(&watch->lock);
    free(watch->service);
    free(watch);
}

struct consul_watch *consul_watch_create(const char *address, const char *token, const char *service,
                                         consul_instances_handler on_instances, void *ctx, struct error *error)
{
    struct consul_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    watch->agent = consul_agent_create(address, token);
    watch->service = strdup(service);
    watch->on_instances = on_instances;
    watch->ctx = ctx;
    buffer_init(&watch->body);
    pthread_mutex_init(&watch->lock, NULL);
    backoff_init(&watch->backoff, CONSUL_AGENT_RETRY_MIN_MS, CONSUL_AGENT_RETRY_MAX_MS);
    atomic_init(&watch->is_up, false);
    atomic_init(&watch->last_success_us, 0);
    if (watch->agent == NULL || watch->service == NULL) {
        error_set(error, "out of memory");
        goto fail;
    }
    if (background_start(&watch->background, "consul-watch", run, watch, error) != 0) {
        goto fail;
    }
    return watch;

fail:
    release(watch);
    return NULL;
}

void consul_watch_free(struct consul_watch *watch)
{
    if (watch != NULL) {
        background_ask_to_stop(&watch->background);
        consul_agent_cancel(watch->agent);
        background_join(&watch->background);
        release(watch);
    }
}

bool consul_watch_is_up(const struct consul_watch *watch)
{
    return atomic_load_explicit(&watch->is_up, memory_order_relaxed);
}

void consul_watch_read_failure(struct consul_watch *watch, struct error *ret_failure)
{
    pthread_mutex_lock(&watch->lock);
    *ret_failure = watch->failure;
    pthread_mutex_unlock(&watch->lock);
}

int64_t consul_watch_last_success_us(const struct consul_watch *watch)
{
    return atomic_load_explicit(&watch->last_success_us, memory_order_relaxed);
}
