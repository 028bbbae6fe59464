/* Which channel a call takes: the channels in the order in which calls go round them, those of all instances in turns,
 * a b c a b c ..., and the pool's one lock. A call takes the lock twice, to borrow a channel and to give it back; the
 * pool's thread takes it to look who is up, and to swap in what it has made ready before. Nobody holds it for longer
 * than a walk round the channels takes. Readers of metrics take it inside the registry's lock. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_ROUND_H
#define TALLY_GATEWAY_POOL_CHANNEL_ROUND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/metrics/metrics.h"
#include "gateway/pool/breaker.h"
#include "gateway/pool/channel.h"

/* The channels that one of the instances brings. */
struct channel_share {
    struct channel **channels;
    unsigned count;
};

/* The channels of all shares in turns. */
struct channel_order {
    struct channel **places;
    unsigned len;
};

struct channel_round {
    /* immutable after init */
    metric_series breaker_changes[BREAKER_STATES];
    /* guards what follows, what calls change of the instances (instance.h), and what the pool's thread tells others */
    pthread_mutex_t lock;
    struct channel_order order;
    int64_t up_us; /* when an instance was seen up last; never: long ago */
};

/* Without channels. */
void channel_round_init(struct channel_round *round);
/* Nobody has borrowed a channel. */
void channel_round_done(struct channel_round *round);

/* --- calls: any thread, not under lock; channel_pool.h tells what they promise ------------------------------------ */

struct channel *channel_round_lend(struct channel_round *round, unsigned *cursor, int avoid_instance, int64_t now_us);
void channel_round_give_back(struct channel_round *round, struct channel *channel, enum call_verdict verdict,
                             int64_t now_us);
void channel_round_note_refusal(struct channel_round *round, struct channel *channel, int64_t now_us);
bool channel_round_is_ready(struct channel_round *round, int64_t now_us);
bool channel_round_is_awaited(struct channel_round *round, int64_t now_us);
int channel_round_retry_after_s(struct channel_round *round, int64_t now_us);
/* How many channels are in a state. */
unsigned channel_round_count(struct channel_round *round, grpc_connectivity_state state);

/* --- the pool's thread -------------------------------------------------------------------------------------------- */

/* Returns 0, or -1 when out of memory. */
int channel_order_build(struct channel_order *order, const struct channel_share *shares, size_t share_count) MUST_CHECK;
void channel_order_done(struct channel_order *order);
/* Calls go round `order` from now on, and *order becomes the former one. Under lock. */
void channel_round_swap_locked(struct channel_round *round, struct channel_order *order);
/* Notes when an instance is up, also while nobody calls. */
void channel_round_look(struct channel_round *round, int64_t now_us);

#endif
