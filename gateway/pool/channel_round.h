/* The order in which calls go round the channels: those of all instances in turns, a b c a b c ... Immutable once
 * built, but for what channels and breakers do. The pool guards it. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_ROUND_H
#define TALLY_GATEWAY_POOL_CHANNEL_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "gateway/pool/channel.h"
#include "gateway/pool/instance.h"

struct channel_round {
    struct channel **places;
    unsigned len;
};

/* The channels that one of the instances brings. */
struct channel_share {
    struct channel **channels;
    unsigned count;
};

/* Returns 0, or -1 when out of memory. */
int channel_round_build(struct channel_round *round, const struct channel_share *shares, size_t share_count) MUST_CHECK;
void channel_round_done(struct channel_round *round);

/* The next channel that may have a call, from *cursor on, which moves behind it. Prefers another instance than
 * avoid_instance (-1: no preference). Returns NULL when there is none. Lends nothing. */
struct channel *channel_round_next(const struct channel_round *round, unsigned *cursor, int avoid_instance,
                                   int64_t now_us);
/* Whether channel_round_next would find one. */
bool channel_round_has_next(const struct channel_round *round, int64_t now_us);
/* Whether an instance is up: connected, serving, and its breaker closed, not on trial. */
bool channel_round_is_up(const struct channel_round *round);
/* When the first breaker that keeps calls from a READY channel lets a probe through; INT64_MAX: none does. */
int64_t channel_round_probe_us(const struct channel_round *round);

#endif
