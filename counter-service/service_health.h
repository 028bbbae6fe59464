/* What the service says of its health: SERVING while Redis is usable and it is not draining. Any thread. */
#ifndef TALLY_COUNTER_SERVICE_SERVICE_HEALTH_H
#define TALLY_COUNTER_SERVICE_SERVICE_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

struct service_health {
    /* immutable once told of a change: who is told of the next */
    void (*on_change)(void *ctx);
    void *on_change_ctx;
    /* guarded by lock, under which no other is taken; on_change is called without it */
    pthread_mutex_t lock;
    bool redis_usable;
    int64_t redis_since_us; /* realtime */
    bool draining;
};

/* Not usable yet, not draining. on_change is called after each change, on the thread that made it. */
void service_health_init(struct service_health *health, void (*on_change)(void *ctx), void *ctx);
void service_health_done(struct service_health *health);

/* ctx: a struct service_health. Fits store_on_serving. */
void service_health_set_redis(void *ctx, bool usable, const char *store_id);
/* From now on not serving. */
void service_health_drain(struct service_health *health);

bool service_health_is_serving(struct service_health *health);
bool service_health_is_draining(struct service_health *health);

/* Appends {"status":"ok"|"unavailable"|"draining","components":{"redis":{"status","detail"?,"since"}}}. reason: why
 * Redis is not usable now, if it is not; "" if unknown. Returns the HTTP status, 200 or 503. */
int service_health_write(struct service_health *health, const char *reason, struct buffer *out);

#endif
