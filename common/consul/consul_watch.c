#include "common/consul/consul_watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/consul/consul_agent.h"
#include "common/consul/consul_reply.h"
#include "common/log/log.h"
#include "common/thread/background.h"

enum {
    /* Between the starts of two queries: an index that is missing, or changes all the time, must not make a busy
     * loop. */
    QUERY_INTERVAL_MIN_MS = 100,
};

struct consul_watch {
    /* immutable after create */
    struct consul_agent *agent;
    char *service;
    target_set_handler on_instances;
    void *ctx;
    struct background background;
    /* owned by the thread */
    uint64_t index; /* 0: answer at once */
    struct buffer body;
    struct consul_instances instances;
    struct backoff backoff;
    struct log_limiter oddities;
    /* any thread: see discovery_state.h */
    struct discovery_state state;
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

/* --- what is told ------------------------------------------------------------------------------------------------- */

static void log_oddities(struct consul_watch *watch)
{
    uint64_t times;
    const struct consul_instances *instances = &watch->instances;
    if (instances->skipped + instances->set.cut > 0 &&
        log_limiter_allows(&watch->oddities, clock_monotonic_us(), &times)) {
        log_warn("consul", "instances are left out", LOG_STR("service", watch->service),
                 LOG_INT("without_address_or_port", instances->skipped), LOG_INT("too_many", instances->set.cut),
                 LOG_INT("taken", instances->set.count), LOG_INT("times", times));
    }
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* Returns how long to wait before the next query. */
static int after_success(struct consul_watch *watch, int64_t started_us)
{
    backoff_reset(&watch->backoff);
    discovery_state_succeeded(&watch->state);
    log_oddities(watch);
    watch->on_instances(watch->ctx, &watch->instances.set);
    const int64_t elapsed_ms = (clock_monotonic_us() - started_us) / 1000;
    return elapsed_ms >= QUERY_INTERVAL_MIN_MS ? 0 : QUERY_INTERVAL_MIN_MS - (int)elapsed_ms;
}

static int after_failure(struct consul_watch *watch, const char *message)
{
    watch->index = 0;
    discovery_state_failed(&watch->state, message);
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
    discovery_state_done(&watch->state);
    free(watch->service);
    free(watch);
}

struct consul_watch *consul_watch_create(const char *address, const char *token, const char *service,
                                         target_set_handler on_instances, void *ctx, struct error *error)
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
    discovery_state_init(&watch->state, "consul", watch->service);
    backoff_init(&watch->backoff, CONSUL_AGENT_RETRY_MIN_MS, CONSUL_AGENT_RETRY_MAX_MS);
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

void consul_watch_describe(struct consul_watch *watch, struct discovery_description *ret_description)
{
    discovery_state_describe(&watch->state, ret_description);
}
