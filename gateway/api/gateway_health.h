/* What the gateway says of its health (the table of states is in ARCHITECTURE.md): ready means that a call would find
 * an instance now (channel_pool_is_ready), and not draining. Any thread. */
#ifndef TALLY_GATEWAY_API_GATEWAY_HEALTH_H
#define TALLY_GATEWAY_API_GATEWAY_HEALTH_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "gateway/pool/channel_pool.h"
#include "gateway/pool/endpoints.h"

struct gateway_health {
    /* immutable after init */
    struct channel_pool *pool;
    struct endpoints *endpoints; /* NULL: there is nothing to follow */
    int64_t started_us;          /* realtime */
    /* any thread */
    atomic_int_fast64_t draining_since_us; /* realtime; 0: not draining */
};

void gateway_health_init(struct gateway_health *health, struct channel_pool *pool, struct endpoints *endpoints);
/* From now on not ready. */
void gateway_health_drain(struct gateway_health *health);

/* Each appends a JSON object and returns the HTTP status, 200 or 503. */

/* {"status":"ok"|"degraded"|"unavailable"|"draining","components":{...}}: every component with what was last seen. */
int gateway_health_write(const struct gateway_health *health, struct buffer *out);
/* {"status":...}: whether requests should be sent here. */
int gateway_health_write_ready(const struct gateway_health *health, struct buffer *out);
/* {"status":"ok"}: the process answers. */
int gateway_health_write_live(const struct gateway_health *health, struct buffer *out);

#endif
