#include "counter-service/api/service_health.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/timestamp.h"

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

/* A store is what it is while Redis is gone: it becomes another one only when Redis says so. Whether it did. */
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

static const char *redis_status(const struct service_health *health, const char *refusal)
{
    return !health->redis_usable ? "unavailable" : refusal[0] != '\0' ? "degraded" : "ok";
}

static void write_redis(const struct service_health *health, const char *reason, const char *refusal,
                        struct buffer *out)
{
    const char *detail = health->redis_usable ? refusal : reason;
    buffer_append_format(out, "{\"status\":\"%s\"", redis_status(health, refusal));
    if (detail[0] != '\0') {
        buffer_append_text(out, TEXT(",\"detail\":"));
        buffer_append_json_string(out, text_of(detail));
    }
    if (health->store_id[0] != '\0') {
        buffer_append_format(out, ",\"store_id\":\"%s\"", health->store_id);
    } else {
        buffer_append_text(out, TEXT(",\"store_id\":null"));
    }
    char since[TIMESTAMP_SIZE];
    timestamp_write(health->redis_since_us, since);
    buffer_append_format(out, ",\"since\":\"%s\"}", since);
}

int service_health_write(struct service_health *health, const char *reason, const char *refusal, struct buffer *out)
{
    pthread_mutex_lock(&health->lock);
    const bool ok = is_serving_locked(health);
    const char *status = health->draining ? "draining" : redis_status(health, refusal);
    buffer_append_format(out, "{\"status\":\"%s\",\"components\":{\"redis\":", status);
    write_redis(health, reason, refusal, out);
    buffer_append_text(out, TEXT("}}"));
    pthread_mutex_unlock(&health->lock);
    return ok ? 200 : 503;
}
