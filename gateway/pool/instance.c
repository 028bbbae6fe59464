#include "gateway/pool/instance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

/* --- what is known of it ------------------------------------------------------------------------------------------ */

bool instance_is_up(const struct instance *instance)
{
    return instance_is_serving(instance) && channel_set_ready(&instance->channels) > 0;
}

bool instance_can_serve(const struct instance *instance)
{
    return instance_takes_part(instance) && channel_set_ready(&instance->channels) > 0;
}

bool instance_is_awaited(const struct instance *instance, int64_t now_us)
{
    return now_us < instance->awaited_until_us && !instance->connect_failed;
}

void instance_describe(const struct instance *instance, int64_t now_us, struct channel_pool_instance *description)
{
    *description = (struct channel_pool_instance){
        .ready_channels = channel_set_ready(&instance->channels),
        .channels = instance->channels.count,
        .serving = instance_is_serving(instance),
        .breaker = instance->breaker.state,
        .takes_calls = instance_can_serve(instance) && breaker_allows(&instance->breaker, now_us),
        .store_relation = instance->relation,
        .refuses_writes =
            instance->writes_refused_us != 0 && now_us < instance->writes_refused_us + CHANNEL_POOL_REFUSAL_US,
        .last_change_us = atomic_load_explicit(&instance->last_change_us, memory_order_relaxed),
    };
    snprintf(description->target, sizeof(description->target), "%s", instance->target);
    memcpy(description->store, instance->store, STORE_ID_SIZE);
}

static void set_serving(struct instance *instance, bool serving, const char *reason, int64_t now_us)
{
    if (serving == instance_is_serving(instance)) {
        return;
    }
    atomic_store_explicit(&instance->last_change_us, clock_realtime_us(), memory_order_relaxed);
    atomic_store_explicit(&instance->serving, serving, memory_order_relaxed);
    uint64_t changes = 0;
    if (log_limiter_allows(&instance->serving_log[serving], now_us, &changes)) {
        LOG_AT(serving ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "channel_pool",
               serving ? "counter-service is serving" : "counter-service is not serving",
               LOG_STR("instance", instance->target), LOG_STR("reason", reason), LOG_INT("changes", changes));
    }
}

/* After a change the instance gets no calls until the pool has compared the new store with its own. */
static void set_store(struct instance *instance, const char *store)
{
    if (strcmp(store, instance->store) == 0) {
        return;
    }
    pthread_mutex_lock(instance->lock);
    memcpy(instance->store, store, STORE_ID_SIZE);
    instance->relation = STORE_UNKNOWN;
    pthread_mutex_unlock(instance->lock);
}

void instance_set_relation(struct instance *instance, enum store_relation relation)
{
    assert(relation == STORE_UNKNOWN || instance->store[0] != '\0');
    instance->relation = relation;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

bool instance_may_log_breaker(struct instance *instance, int64_t now_us)
{
    uint64_t count;
    return log_limiter_allows(&instance->breaker_log[instance->breaker.state], now_us, &count);
}

void instance_log_breaker(const struct instance *instance, enum breaker_state state)
{
    LOG_AT(state == BREAKER_OPEN ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "channel_pool", "circuit breaker changed",
           LOG_STR("instance", instance->target), LOG_STR("state", breaker_state_name(state)));
}

void instance_note_refusal(struct instance *instance, int64_t now_us)
{
    instance->writes_refused_us = now_us;
}

/* --- health ------------------------------------------------------------------------------------------------------- */

/* The next READY channel of the round that *cursor goes; NULL if there is none. */
static struct channel *next_ready(const struct instance *instance, unsigned *cursor)
{
    const struct channel_set *set = &instance->channels;
    for (unsigned i = 0; i < set->count; i++) {
        struct channel *channel = set->channels[*cursor % set->count];
        *cursor = (*cursor + 1) % set->count;
        if (channel_is_ready(channel)) {
            return channel;
        }
    }
    return NULL;
}

/* Opens the health watch on the next READY channel, if it is closed and there is one. Returns whether it opened. */
static bool open_health(struct instance *instance, int64_t now_us)
{
    struct channel *channel =
        health_watch_may_open(&instance->health, now_us) ? next_ready(instance, &instance->next_health_channel) : NULL;
    if (channel != NULL) {
        health_watch_open(&instance->health, channel, now_us);
    }
    return channel != NULL;
}

static bool is_report_wanted(const struct instance *instance, int64_t now_us)
{
    return instance->reports_until_us != NULL &&
           now_us < atomic_load_explicit(instance->reports_until_us, memory_order_relaxed);
}

/* By another connection each time: one may be stuck. */
static void ask_for_report(struct instance *instance, int64_t now_us)
{
    if (is_report_wanted(instance, now_us) && instance_report_is_due(&instance->report, now_us)) {
        struct channel *channel = next_ready(instance, &instance->next_report_channel);
        if (channel != NULL) {
            instance_report_ask(&instance->report, channel, now_us);
        }
    }
}

/* When the stream ends because one connection of many broke, what it said last stands while another connection is
 * asked. That changes when the new stream says otherwise or fails, or when no connection is READY. */
static void on_verdict(void *ctx, enum health_verdict verdict, const char *reason, int64_t now_us)
{
    struct instance *instance = ctx;
    if (instance->closing) {
        return;
    }
    const bool asked_again = verdict >= HEALTH_ENDED && open_health(instance, now_us);
    if (asked_again && verdict != HEALTH_FAILED) {
        return;
    }
    if (verdict < HEALTH_ENDED) {
        set_store(instance, health_watch_store(&instance->health)); /* first: its store may be another one now */
    }
    set_serving(instance, verdict == HEALTH_SERVING, reason, now_us);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void on_connect_failed(struct instance *instance, int64_t now_us)
{
    uint64_t failures = 0;
    instance->connect_failed = true;
    if (channel_set_ready(&instance->channels) == 0 && log_limiter_allows(&instance->connect_log, now_us, &failures)) {
        log_warn("channel_pool", "cannot connect to counter-service", LOG_STR("instance", instance->target),
                 LOG_INT("failures", failures));
    }
}

static void on_channel_change(struct instance *instance, const struct channel *channel, grpc_connectivity_state before,
                              int64_t now_us)
{
    const grpc_connectivity_state now = channel_state(channel);
    if (before == GRPC_CHANNEL_READY) {
        health_watch_on_disconnect(&instance->health, channel);
    }
    if (now == GRPC_CHANNEL_READY) {
        channel_set_hurry(&instance->channels); /* the others get through too: they need not sit out their backoff */
    } else if (now == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        on_connect_failed(instance, now_us);
    }
}

void instance_look(struct instance *instance, int64_t now_us)
{
    for (unsigned i = 0; i < instance->channels.count; i++) {
        struct channel *channel = instance->channels.channels[i];
        grpc_connectivity_state before;
        if (channel_look(channel, now_us, &before)) {
            on_channel_change(instance, channel, before, now_us);
        }
    }
    if (!instance->closing) {
        open_health(instance, now_us);
        ask_for_report(instance, now_us);
    }
    channel_set_free_returned(&instance->channels);
}

/* --- channels come and go ----------------------------------------------------------------------------------------- */

struct channel **instance_make_channels(struct instance *instance, unsigned count, struct error *error)
{
    return channel_set_make(&instance->channels, count, &instance->channel_options, error);
}

void instance_set_channels(struct instance *instance, struct channel **list, unsigned count)
{
    assert(!instance->closing || count == 0);
    for (unsigned i = count; i < instance->channels.count; i++) {
        health_watch_leave(&instance->health, instance->channels.channels[i]);
    }
    channel_set_take(&instance->channels, list, count);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct instance *instance_create(const struct instance_options *options)
{
    struct instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL) {
        return NULL;
    }
    instance->number = options->number;
    instance->lock = options->lock;
    instance->awaited_until_us = options->awaited_until_us;
    breaker_init(&instance->breaker, options->breaker_failures, (int64_t)options->breaker_open_for_ms * 1000);
    health_watch_init(&instance->health, options->queue, on_verdict, instance);
    instance_report_init(&instance->report, options->queue, options->lock);
    instance->reports_until_us = options->reports_until_us;
    instance->target = strdup(options->target);
    if (instance->target == NULL) {
        instance_free(instance);
        return NULL;
    }
    instance->channel_options = (struct channel_options){.instance = instance,
                                                         .instance_number = options->number,
                                                         .target = instance->target,
                                                         .keep_alive_ms = options->keep_alive_ms};
    return instance;
}

void instance_close(struct instance *instance)
{
    assert(!instance->closing);
    instance->closing = true;
    health_watch_close(&instance->health);
    instance_report_close(&instance->report);
}

bool instance_is_over(const struct instance *instance)
{
    return instance->closing && health_watch_is_closed(&instance->health) &&
           instance_report_is_closed(&instance->report) && channel_set_is_empty(&instance->channels);
}

void instance_free(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    health_watch_done(&instance->health);
    instance_report_done(&instance->report);
    channel_set_done(&instance->channels);
    free(instance->target);
    free(instance);
}
