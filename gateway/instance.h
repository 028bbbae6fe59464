/* One instance of counter-service as the pool sees it: a target, its channels, and what its health Watch said last.
 * Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_INSTANCE_H
#define TALLY_GATEWAY_INSTANCE_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/compiler.h"
#include "common/error.h"
#include "common/log.h"
#include "gateway/channel.h"
#include "gateway/channel_pool.h"
#include "gateway/health_watch.h"

struct instance {
    /* immutable after instance_create */
    char *target;
    struct channel *channels;
    unsigned channel_count;
    /* written by the pool's thread, read by any */
    atomic_bool serving;
    atomic_int_fast64_t last_change_us; /* realtime; 0: never */
    /* owned by the pool's thread */
    struct health_watch health;
    unsigned next_health_channel;
    bool closing;
    struct log_limiter connect_log;
    struct log_limiter serving_log[2]; /* for either direction */
};

/* Fills instance. Nothing connects yet. Returns 0, or -1 with error filled. Any thread. */
int instance_create(struct instance *instance, const char *target, unsigned number, unsigned channel_count,
                    int keep_alive_ms, grpc_completion_queue *queue, struct error *error) MUST_CHECK;
/* Cuts the connections and frees what instance_create made. If it was looked at, it is closed and the queue drained.
 * Any thread. */
void instance_destroy(struct instance *instance);

/* Looks at the channels and does what is due; the first look starts them. */
void instance_look(struct instance *instance, int64_t now_us);
/* Ends the health Watch. Drain the queue next. */
void instance_close(struct instance *instance);

/* Any thread. */
static inline bool instance_is_serving(const struct instance *instance)
{
    return atomic_load_explicit(&instance->serving, memory_order_relaxed);
}

/* How many channels are READY. Any thread. */
unsigned instance_ready_channels(const struct instance *instance);
/* Any thread. */
void instance_describe(const struct instance *instance, struct channel_pool_instance *description);

#endif
