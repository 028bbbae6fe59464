#include "counter-service/service_health.h"

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

void service_health_set_redis(void *ctx, bool usable, const char *store_id)
{
    struct service_health *health = ctx;
    (void)store_id;
    pthread_mutex_lock(&health->lock);
    if (health->redis_usable != usable) {
        health->redis_usable = usable;
        health->redis_since_us = clock_realtime_us();
    }
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

static void write_redis(const struct service_health *health, const char *reason, struct buffer *out)
{
    buffer_append_format(out, "{\"status\":\"%s\"", health->redis_usable ? "ok" : "unavailable");
    if (!health->redis_usable && reason[0] != '\0') {
        buffer_append_text(out, TEXT(",\"detail\":"));
        buffer_append_json_string(out, text_of(reason));
    }
    char since[TIMESTAMP_SIZE];
    timestamp_write(health->redis_since_us, since);
    buffer_append_format(out, ",\"since\":\"%s\"}", since);
}

int service_health_write(struct service_health *health, const char *reason, struct buffer *out)
{
    pthread_mutex_lock(&health->lock);
    const bool ok = health->redis_usable && !health->draining;
    const char *status = health->draining ? "draining" : health->redis_usable ? "ok" : "unavailable";
    buffer_append_format(out, "{\"status\":\"%s\",\"components\":{\"redis\":", status);
    write_redis(health, reason, out);
    buffer_append_text(out, TEXT("}}"));
    pthread_mutex_unlock(&health->lock);
    return ok ? 200 : 503;
}
