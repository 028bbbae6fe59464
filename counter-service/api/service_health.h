/* What the service says of its health, and to whom: SERVING while Redis is usable and the service is not draining.
 * Any thread. */
#ifndef TALLY_COUNTER_SERVICE_API_SERVICE_HEALTH_H
#define TALLY_COUNTER_SERVICE_API_SERVICE_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/contract/store_id.h"
#include "counter-service/aggregator/aggregator.h"
#include "counter-service/api/health_watches.h"
#include "counter-service/outbox/relay.h"

struct service_health {
    /* immutable */
    void (*on_store)(void *ctx);
    void *on_store_ctx;
    /* guarded by lock, under which no other is taken; on_store is called without it, watchers are told with it */
    pthread_mutex_t lock;
    struct health_watches watches;
    bool redis_usable;
    int64_t redis_since_us;       /* realtime */
    char store_id[STORE_ID_SIZE]; /* "": unknown */
    bool draining;
};

/* Starts with Redis not usable, no store known, not draining. on_store is called when the store becomes known or
 * another one, on the thread that calls service_health_set_redis, before that call tells the watchers. */
void service_health_init(struct service_health *health, void (*on_store)(void *ctx), void *ctx);
void service_health_done(struct service_health *health);

/* ctx: a struct service_health. store_id: "" while it is unknown; an id that was known before then stays. Fits
 * store_on_serving. */
void service_health_set_redis(void *ctx, bool usable, const char *store_id);
/* From now on not serving. */
void service_health_drain(struct service_health *health);

bool service_health_is_serving(struct service_health *health);
/* Writes the store's id, "" if it is unknown. ctx: a struct service_health. Fits consul_registration's read_store_id.
 */
void service_health_read_store_id(void *ctx, char out[STORE_ID_SIZE]);

/* The watcher, whose `tell` is set, is told now and of every change from now on. tell must not call back. */
void service_health_watch(struct service_health *health, struct watcher *watcher, bool knows_service);
/* The watcher's last message has left: it is told if the status has changed meanwhile. */
void service_health_told(struct service_health *health, struct watcher *watcher);
/* The watcher is told nothing any more. Once. */
void service_health_unwatch(struct service_health *health, struct watcher *watcher);

/* What is known now. */
struct service_health_parts {
    const char *reason;  /* why Redis is not usable, if it is not; "" if unknown */
    const char *refusal; /* why it refuses writes, if it is usable and does; else "" */
    const struct relay_state *events;
    const struct aggregator_state *rankings;
};

/* Appends {"status":"ok"|"degraded"|"unavailable"|"draining","components":{
 * "redis":{"status","detail"?,"store_id","since"},
 * "events":{"status","detail"?,"relay":"leads"|"stands by"|"off","waiting","lag_seconds","last_published"},
 * "rankings":{"status","detail"?,"aggregator":"leads"|"stands by"|"off","waiting","lag_seconds","incomplete"}}}.
 * The components events and rankings are degraded at worst, since counting goes on. Returns the HTTP status, 200 or
 * 503.
 */
int service_health_write(struct service_health *health, const struct service_health_parts *parts, struct buffer *out);

#endif
