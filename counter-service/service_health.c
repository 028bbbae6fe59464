#include "counter-service/service_health.h"

#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "common/timestamp.h"

void service_health_init(struct service_health *health, void (*on_change)(void *ctx), void *ctx)
{
    *health = (struct service_health){
        .on_change = on_change,
        .on_change_ctx = ctx,
        .redis_since_us = clock_realtime_us(),
    };
    pthread_mutex_init(&health->lock, NULL);
}

void service_health_done(struct service_health *health)
{
    pthread_mutex_destroy(&health->lock);
}

/* A store is what it is while Redis is gone: it becomes another one only when Redis says so. */
static void set_store_locked(struct service_health *health, const char *store_id)
{
    if (store_id[0] != '\0') {
        assert(strlen(store_id) == STORE_ID_LEN);
        memcpy(health->store_id, store_id, STORE_ID_SIZE);
    }
}

void service_health_set_redis(void *ctx, bool usable, const char *store_id)
{
    struct service_health *health = ctx;
    pthread_mutex_lock(&health->lock);
    if (health->redis_usable != usable) {
        health->redis_usable = usable;
        health->redis_since_us = clock_realtime_us();
    }
    set_store_locked(health, store_id);
    pthread_mutex_unlock(&health->lock);
    health->on_change(health->on_change_ctx);
}

void service_health_drain(struct service_health *health)
{
    pthread_mutex_lock(&health->lock);
    health->draining = true;
    pthread_mutex_unlock(&health->lock);
    health->on_change(health->on_change_ctx);
}

bool service_health_is_serving(struct service_health *health)
{
    pthread_mutex_lock(&health->lock);
    const bool serving = health->redis_usable && !health->draining;
    pthread_mutex_unlock(&health->lock);
    return serving;
}

bool service_health_is_draining(struct service_health *health)
{
    pthread_mutex_lock(&health->lock);
    const bool draining = health->draining;
    pthread_mutex_unlock(&health->lock);
    return draining;
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
    const bool ok = health->redis_usable && !health->draining;
    const char *status = health->draining ? "draining" : redis_status(health, refusal);
    buffer_append_format(out, "{\"status\":\"%s\",\"components\":{\"redis\":", status);
    write_redis(health, reason, refusal, out);
    buffer_append_text(out, TEXT("}}"));
    pthread_mutex_unlock(&health->lock);
    return ok ? 200 : 503;
}
