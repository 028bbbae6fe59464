/* The channels of one instance: those that are in the round, and those that left it and wait until everybody who
 * borrowed them has given them back. Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_SET_H
#define TALLY_GATEWAY_POOL_CHANNEL_SET_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "gateway/pool/channel.h"

/* Zero-initialised is empty. */
struct channel_set {
    /* changed by the pool's thread under the lock: read by it freely, by others under the lock */
    struct channel **channels;
    unsigned count;
    /* owned by the pool's thread */
    struct list leaving;
};

/* Nobody has borrowed any of them. Any thread. */
void channel_set_done(struct channel_set *set);

/* A list of `count` channels: those that the set has, and new ones made with options. The list is the caller's, to be
 * given to channel_set_take. Returns NULL with error filled. */
struct channel **channel_set_make(const struct channel_set *set, unsigned count, const struct channel_options *options,
                                  struct error *error) MUST_CHECK;
/* Frees a list that was not given to channel_set_take, and the channels that are new in it. */
void channel_set_drop(const struct channel_set *set, struct channel **list, unsigned count);
/* Takes list over (NULL: no channels). Channels of the set that are not in the list, which are its last, leave. Under
 * the lock. */
void channel_set_take(struct channel_set *set, struct channel **list, unsigned count);
/* Frees the channels that left and were given back. */
void channel_set_free_returned(struct channel_set *set);

/* How many are READY. The pool's thread, or under the lock. */
unsigned channel_set_ready(const struct channel_set *set);
/* Those that wait for their next try to connect: try now. */
void channel_set_hurry(const struct channel_set *set);
/* Whether all have left and are freed. */
bool channel_set_is_empty(const struct channel_set *set);

#endif
