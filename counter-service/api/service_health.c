#include "counter-service/api/service_health.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/process/health_document.h"

void service_health_init(struct service_health *health, void (*on_store)(void *ctx), void *ctx)
{
    *health = (struct service_health){
        .on_store = on_store,
        .on_store_ctx = ctx,
        .redis_since_us = clock_realtime_us(),
    };
    pthread_mutex_init(&health->lock, NULL);
}

void service_health_done(struct service_health *health)
{
    pthread_mutex_destroy(&health->lock);
}

static bool is_serving_locked(const struct service_health *health)
{
    return health->redis_usable && !health->draining;
}

static void tell_locked(const struct service_health *health, struct watcher *watcher)
{
    enum serving_status status;
    if (watcher_wants(watcher, is_serving_locked(health), &status)) {
        watcher->tell(watcher, status);
    }
}

static void tell_all_locked(struct service_health *health)
{
    LIST_EACH (struct watcher, watcher, &health->watches.watchers, node) {
        tell_locked(health, watcher);
    }
}

/* Returns whether the store is now another one. An unknown store ("", while Redis is gone) changes nothing. */
static bool set_store_locked(struct service_health *health, const char *store_id)
{
    if (store_id[0] == '\0' || strcmp(health->store_id, store_id) == 0) {
        return false;
    }
    assert(strlen(store_id) == STORE_ID_LEN);
    memcpy(health->store_id, store_id, STORE_ID_SIZE);
    return true;
}

void service_health_set_redis(void *ctx, bool usable, const char *store_id)
{
    struct service_health *health = ctx;
    pthread_mutex_lock(&health->lock);
    if (health->redis_usable != usable) {
        health->redis_usable = usable;
        health->redis_since_us = clock_realtime_us();
    }
    const bool is_other_store = set_store_locked(health, store_id);
    pthread_mutex_unlock(&health->lock);
    if (is_other_store) {
        health->on_store(health->on_store_ctx);
    }
    pthread_mutex_lock(&health->lock);
    tell_all_locked(health);
    pthread_mutex_unlock(&health->lock);
}

void service_health_drain(struct service_health *health)
{
    pthread_mutex_lock(&health->lock);
    health->draining = true;
    tell_all_locked(health);
    pthread_mutex_unlock(&health->lock);
}

void service_health_watch(struct service_health *health, struct watcher *watcher, bool knows_service)
{
    pthread_mutex_lock(&health->lock);
    health_watches_add(&health->watches, watcher, knows_service);
    tell_locked(health, watcher);
    pthread_mutex_unlock(&health->lock);
}

void service_health_told(struct service_health *health, struct watcher *watcher)
{
    pthread_mutex_lock(&health->lock);
    watcher_told(watcher);
    tell_locked(health, watcher);
    pthread_mutex_unlock(&health->lock);
}

void service_health_unwatch(struct service_health *health, struct watcher *watcher)
{
    pthread_mutex_lock(&health->lock);
    health_watches_remove(&health->watches, watcher);
    pthread_mutex_unlock(&health->lock);
}

bool service_health_is_serving(struct service_health *health)
{
    pthread_mutex_lock(&health->lock);
    const bool serving = is_serving_locked(health);
    pthread_mutex_unlock(&health->lock);
    return serving;
}

void service_health_read_store_id(void *ctx, char out[STORE_ID_SIZE])
{
    struct service_health *health = ctx;
    pthread_mutex_lock(&health->lock);
    memcpy(out, health->store_id, STORE_ID_SIZE);
    pthread_mutex_unlock(&health->lock);
}

static enum health redis_status(const struct service_health *health, const char *refusal)
{
    return !health->redis_usable ? HEALTH_UNAVAILABLE : refusal[0] != '\0' ? HEALTH_DEGRADED : HEALTH_OK;
}

static void add_redis(const struct service_health *health, struct health_document *document, const char *reason,
                      const char *refusal)
{
    health_document_add_component(document, "redis", redis_status(health, refusal));
    health_document_add_detail(document, health->redis_usable ? refusal : reason);
    health_document_add_text_or_null(document, "store_id", health->store_id);
    health_document_add_time(document, "since", health->redis_since_us);
}

static enum health events_status(const struct relay_state *events)
{
    return events->trouble[0] != '\0' ? HEALTH_DEGRADED : HEALTH_OK;
}

static void add_events(struct health_document *document, const struct relay_state *events)
{
    static const char *const roles[] = {[RELAY_OFF] = "off", [RELAY_STANDS_BY] = "stands by", [RELAY_LEADS] = "leads"};
    health_document_add_component(document, "events", events_status(events));
    health_document_add_detail(document, events->trouble);
    health_document_add_text(document, "relay", roles[events->role]);
    health_document_add_number(document, "waiting", (double)events->waiting);
    health_document_add_number(document, "lag_seconds", (double)events->lag_ms / 1000);
    health_document_add_time(document, "last_published", events->published_us);
}

static enum health rankings_status(const struct aggregator_state *rankings)
{
    return rankings->trouble[0] != '\0' ? HEALTH_DEGRADED : HEALTH_OK;
}

static void add_rankings(struct health_document *document, const struct aggregator_state *rankings)
{
    static const char *const roles[] = {
        [AGGREGATOR_OFF] = "off", [AGGREGATOR_STANDS_BY] = "stands by", [AGGREGATOR_LEADS] = "leads"};
    health_document_add_component(document, "rankings", rankings_status(rankings));
    health_document_add_detail(document, rankings->trouble);
    health_document_add_text(document, "aggregator", roles[rankings->role]);
    health_document_add_number(document, "waiting", (double)rankings->waiting);
    health_document_add_number(document, "lag_seconds", (double)rankings->lag_ms / 1000);
    health_document_add_number(document, "incomplete", rankings->incomplete_count);
}

/* The first that is not well. */
static enum health status_locked(const struct service_health *health, const struct service_health_parts *parts)
{
    enum health status = redis_status(health, parts->refusal);
    status = status == HEALTH_OK ? events_status(parts->events) : status;
    status = status == HEALTH_OK ? rankings_status(parts->rankings) : status;
    return health->draining ? HEALTH_DRAINING : status;
}

int service_health_write(struct service_health *health, const struct service_health_parts *parts, struct buffer *out)
{
    struct health_document document;
    health_document_begin(&document);
    pthread_mutex_lock(&health->lock);
    const enum health status = status_locked(health, parts);
    add_redis(health, &document, parts->reason, parts->refusal);
    pthread_mutex_unlock(&health->lock);
    add_events(&document, parts->events);
    add_rankings(&document, parts->rankings);
    return health_document_end(&document, status, out);
}
