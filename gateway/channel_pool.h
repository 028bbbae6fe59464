/* The pool of gRPC channels to counter-service: pool_size real TCP connections (each channel has its own subchannel
 * pool), spread over the instances, kept alive, asked to connect again whenever they fall IDLE. One gRPC health Watch
 * per instance (https://github.com/grpc/grpc/blob/master/doc/health-checking.md); an instance that does not say SERVING
 * gets no calls; one without a health service counts as serving. The pool has a thread of its own, which looks at
 * connectivity and health every 10 ms. It does not wait in gRPC: the threads that wait for the answers of calls move
 * the bytes. */
#ifndef TALLY_GATEWAY_CHANNEL_POOL_H
#define TALLY_GATEWAY_CHANNEL_POOL_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

struct channel_pool;

/* A channel lent to one attempt. */
struct pooled_channel {
    grpc_channel *channel;
    unsigned instance; /* number of the instance it leads to */
};

/* targets: "host:port" of each instance, copied; at least one. size: channels in all; every instance gets one, even if
 * that makes more. Starts connecting at once. Returns NULL with error filled. */
struct channel_pool *channel_pool_create(const char *const *targets, size_t target_count, int size, int keep_alive_ms,
                                         struct error *error);
/* Every lent channel was given back before. NULL is fine. */
void channel_pool_free(struct channel_pool *pool);

/* The next channel, round robin over the READY ones of SERVING instances; *cursor is the caller's own place in the
 * round. Prefers another instance than avoid_instance (-1: no preference). Returns NULL when there is none. Lock-free;
 * any thread. The channel is valid until channel_pool_release. */
const struct pooled_channel *channel_pool_pick(struct channel_pool *pool, unsigned *cursor, int avoid_instance);
void channel_pool_release(struct channel_pool *pool, const struct pooled_channel *channel);

/* Whether channel_pool_pick would find one. Any thread. */
bool channel_pool_is_ready(struct channel_pool *pool);

/* What /health tells of the pool. */
struct channel_pool_instance {
    char target[256];
    unsigned ready_channels;
    unsigned channels;
    bool serving;           /* the last thing its health Watch said */
    int64_t last_change_us; /* realtime of the last change of serving; 0 for never */
};
/* Fills up to `max` instances, returns how many there are. Any thread. */
size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max);

#endif
