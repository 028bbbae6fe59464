#include "gateway/pool/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

/* --- what is known of it ------------------------------------------------------------------------------------------ */

static unsigned ready_channels(const struct instance *instance)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < instance->channel_count; i++) {
        ready += channel_is_ready(instance->channels[i]);
    }
    return ready;
}

bool instance_is_up(const struct instance *instance)
{
    return instance_is_serving(instance) && ready_channels(instance) > 0;
}

bool instance_can_serve(const struct instance *instance)
{
    return instance_takes_part(instance) && ready_channels(instance) > 0;
}

bool instance_is_awaited(const struct instance *instance, int64_t now_us)
{
    return now_us < instance->awaited_until_us && !instance->connect_failed;
}

void instance_describe(const struct instance *instance, int64_t now_us, struct channel_pool_instance *description)
{
    *description = (struct channel_pool_instance){
        .ready_channels = ready_channels(instance),
        .channels = instance->channel_count,
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

/* It gets no calls until the pool has looked at what it tells now. */
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

/* Opens the health watch on the next READY channel, if it is closed and there is one. Returns whether it opened. */
static bool open_health(struct instance *instance, int64_t now_us)
{
    if (!health_watch_may_open(&instance->health, now_us)) {
        return false;
    }
    for (unsigned i = 0; i < instance->channel_count; i++) {
        const struct channel *channel = instance->channels[instance->next_health_channel % instance->channel_count];
        instance->next_health_channel = (instance->next_health_channel + 1) % instance->channel_count;
        if (channel_is_ready(channel)) {
            health_watch_open(&instance->health, channel->connection, now_us);
            return true;
        }
    }
    return false;
}

/* One connection of many may break: then its last word stands while another connection is asked. It falls when that one
 * says something else, fails, or there is none. */
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
        set_store(instance, health_watch_store(&instance->health)); /* first: it may serve from another one now */
    }
    set_serving(instance, verdict == HEALTH_SERVING, reason, now_us);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

/* Where one channel gets through the others will too: they need not sit out their backoff. */
static void on_connected(struct instance *instance)
{
    for (unsigned i = 0; i < instance->channel_count; i++) {
        if (channel_state(instance->channels[i]) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
            channel_hurry(instance->channels[i]);
        }
    }
}

static void on_connect_failed(struct instance *instance, int64_t now_us)
{
    uint64_t failures = 0;
    instance->connect_failed = true;
    if (ready_channels(instance) == 0 && log_limiter_allows(&instance->connect_log, now_us, &failures)) {
        log_warn("channel_pool", "cannot connect to counter-service", LOG_STR("instance", instance->target),
                 LOG_INT("failures", failures));
    }
}

static void on_channel_change(struct instance *instance, const struct channel *channel, grpc_connectivity_state before,
                              int64_t now_us)
{
    const grpc_connectivity_state now = channel_state(channel);
    if (before == GRPC_CHANNEL_READY) {
        health_watch_on_disconnect(&instance->health, channel->connection);
    }
    if (now == GRPC_CHANNEL_READY) {
        on_connected(instance);
    } else if (now == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        on_connect_failed(instance, now_us);
    }
}

/* One that carries the health Watch waits for its end. */
static bool may_be_freed(const struct instance *instance, const struct channel *channel)
{
    return !channel_is_lent(channel) && !health_watch_uses(&instance->health, channel->connection) &&
           !channel_is_connecting(channel);
}

/* Frees the channels that left and were given back. */
static void free_returned(struct instance *instance)
{
    struct channel *channel = LIST_ENTRY(instance->leaving.first, struct channel, node);
    while (channel != NULL) {
        struct channel *next = LIST_ENTRY(channel->node.next, struct channel, node);
        if (may_be_freed(instance, channel)) {
            list_remove(&instance->leaving, &channel->node);
            channel_free(channel);
        }
        channel = next;
    }
}

void instance_look(struct instance *instance, int64_t now_us)
{
    for (unsigned i = 0; i < instance->channel_count; i++) {
        grpc_connectivity_state before;
        if (channel_look(instance->channels[i], now_us, &before)) {
            on_channel_change(instance, instance->channels[i], before, now_us);
        }
    }
    if (!instance->closing) {
        open_health(instance, now_us);
    }
    free_returned(instance);
}

/* --- channels come and go ----------------------------------------------------------------------------------------- */

struct channel **instance_make_channels(struct instance *instance, unsigned count, struct error *error)
{
    struct channel **list = calloc(count > 0 ? count : 1, sizeof(struct channel *));
    if (list == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        list[i] = i < instance->channel_count
                      ? instance->channels[i]
                      : channel_create(instance, instance->target, instance->number, instance->keep_alive_ms, error);
        if (list[i] == NULL) {
            instance_drop_channels(instance, list, i);
            return NULL;
        }
    }
    return list;
}

void instance_drop_channels(struct instance *instance, struct channel **list, unsigned count)
{
    for (unsigned i = instance->channel_count; i < count; i++) {
        channel_free(list[i]);
    }
    free(list);
}

void instance_set_channels(struct instance *instance, struct channel **list, unsigned count)
{
    for (unsigned i = count; i < instance->channel_count; i++) {
        struct channel *channel = instance->channels[i];
        list_append(&instance->leaving, &channel->node);
        health_watch_leave(&instance->health, channel->connection);
    }
    free(instance->channels);
    instance->channels = list;
    instance->channel_count = count;
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
    instance->keep_alive_ms = options->keep_alive_ms;
    instance->awaited_until_us = options->awaited_until_us;
    breaker_init(&instance->breaker, options->breaker_failures, (int64_t)options->breaker_open_for_ms * 1000);
    health_watch_init(&instance->health, options->queue, on_verdict, instance);
    instance->target = strdup(options->target);
    if (instance->target == NULL) {
        instance_free(instance);
        return NULL;
    }
    return instance;
}

void instance_close(struct instance *instance)
{
    instance->closing = true;
    health_watch_close(&instance->health);
}

bool instance_is_over(const struct instance *instance)
{
    return instance->closing && health_watch_is_closed(&instance->health) && instance->channel_count == 0 &&
           instance->leaving.first == NULL;
}

void instance_free(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    health_watch_done(&instance->health);
    for (unsigned i = 0; i < instance->channel_count; i++) {
        channel_free(instance->channels[i]);
    }
    while (instance->leaving.first != NULL) {
        struct channel *channel = LIST_ENTRY(instance->leaving.first, struct channel, node);
        list_remove(&instance->leaving, &channel->node);
        channel_free(channel);
    }
    free(instance->channels);
    free(instance->target);
    free(instance);
}
