/* One channel of the pool: one TCP connection to an instance of counter-service, kept alive and connected again
 * whenever it is lost. Its connectivity
 * (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md):
 *
 *     IDLE ── asked at once ──> CONNECTING ──> READY ── connection lost ──> IDLE
 *                                   └── failed ──> TRANSIENT_FAILURE ── tries again by itself ──> READY
 *
 * The state is looked at, not waited for: a thread that waits in gRPC is one more poller of the process's connections,
 * and takes their events away from the thread that waits for the replies (measured: 28 us of CPU a call instead of 21).
 *
 * For gateway/pool; who is lent one knows channel_pool.h. Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_H
#define TALLY_GATEWAY_POOL_CHANNEL_H

#include <assert.h>
#include <grpc/grpc.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "gateway/pool/channel_pool.h"

struct instance;

struct channel {
    /* immutable after channel_create */
    grpc_channel *connection;
    struct instance *instance; /* it leads to */
    unsigned instance_number;
    /* written by the pool's thread, read by any: a grpc_connectivity_state */
    atomic_int state;
    /* any thread: how many have it now: attempts, the health Watch */
    atomic_uint lent_count;
    /* owned by the pool's thread */
    struct list_node node; /* in its channel_set, of those that leave */
    int64_t hurry_us;      /* in TRANSIENT_FAILURE: when to start the backoffs anew */
};

struct channel_options {
    struct instance *instance; /* outlives the channel */
    unsigned instance_number;
    const char *target; /* "host:port" */
    int keep_alive_ms;
};

/* Nothing connects yet. Returns NULL with error filled. Any thread. */
struct channel *channel_create(const struct channel_options *options, struct error *error) MUST_CHECK;
/* Cuts the connection. Nobody has borrowed the channel. If it is connecting, a socket may be left open for good. Any
 * thread. */
void channel_free(struct channel *channel);
/* Whether the channel is connecting now: asks gRPC, not the last look. Call channel_free only when it is not: gRPC 1.51
 * forgets the socket of some channels (measured: 3 of 100) that are destroyed while they connect. */
bool channel_is_connecting(const struct channel *channel);
/* Looks at the state and does what keeps it connected; the first look starts it. Returns whether the state changed, and
 * then what it was. */
bool channel_look(struct channel *channel, int64_t now_us, grpc_connectivity_state *ret_before) MUST_CHECK;
/* If it waits for its next try: try now. */
void channel_hurry(struct channel *channel);

/* Any thread. */
static inline grpc_connectivity_state channel_state(const struct channel *channel)
{
    return (grpc_connectivity_state)atomic_load_explicit(&channel->state, memory_order_relaxed);
}

static inline bool channel_is_ready(const struct channel *channel)
{
    return channel_state(channel) == GRPC_CHANNEL_READY;
}

static inline bool channel_is_lent(const struct channel *channel)
{
    return atomic_load_explicit(&channel->lent_count, memory_order_acquire) > 0;
}

/* Count who has it: for each channel_lend one channel_give_back, and after the last it may be gone. Any thread. */
static inline void channel_lend(struct channel *channel)
{
    const unsigned before = atomic_fetch_add_explicit(&channel->lent_count, 1, memory_order_relaxed);
    assert(before < UINT_MAX);
    (void)before;
}

static inline void channel_give_back(struct channel *channel)
{
    const unsigned before = atomic_fetch_sub_explicit(&channel->lent_count, 1, memory_order_release);
    assert(before > 0);
    (void)before;
}

#endif
