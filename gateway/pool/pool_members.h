/* The members of a channel pool: instances that join and leave, and how the channels are shared out among them.
 *
 *     pool_members_want ──> wanted ──> pool_members_look: instances join and leave ──> shares ──> round
 *
 * An instance that nobody wants any more goes on until one that is wanted, and of the pool's store, can take over.
 * Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_POOL_MEMBERS_H
#define TALLY_GATEWAY_POOL_POOL_MEMBERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "common/log/log.h"
#include "gateway/pool/channel_pool.h"
#include "gateway/pool/channel_round.h"
#include "gateway/pool/instance.h"
#include "gateway/pool/pool_store.h"
#include "gateway/pool/target_list.h"

struct pool_members {
    /* immutable after init */
    struct channel_pool_options options; /* targets: not kept */
    grpc_completion_queue *queue;
    /* guarded by lock, and so are the breakers of the instances */
    pthread_mutex_t lock;
    struct target_list wanted;
    bool wanted_changed;
    /* changed by the pool's thread under lock: read by it freely, by others under lock */
    struct instance *instances[CHANNEL_POOL_MEMBERS_MAX];
    size_t instance_count;
    struct channel_round round;
    struct pool_store store;
    unsigned other_store_count; /* instances of another one */
    /* owned by the pool's thread */
    struct target_list targets; /* wanted, as taken last */
    int64_t join_us;            /* when those of targets that are not there are tried again; INT64_MAX: all are */
    struct log_limiter join_log;
    struct log_limiter store_log[POOL_STORE_FOLLOWED + 1]; /* for each change */
    struct list leaving;                                   /* instances */
    unsigned next_number;
    bool uneven; /* instances came or went since the channels were shared out */
    struct log_limiter share_log;
};

/* Makes the instances that options name. queue: for their health Watches. Returns 0, or -1 with error filled. Before
 * the pool's thread runs. */
int pool_members_init(struct pool_members *members, const struct channel_pool_options *options,
                      grpc_completion_queue *queue, struct error *error) MUST_CHECK;
/* After the pool's thread, which has closed them; also when pool_members_init failed. */
void pool_members_done(struct pool_members *members);

/* Copies the targets. Returns 0, or -1 when out of memory. Any thread. */
int pool_members_want(struct pool_members *members, const char *const *targets, size_t target_count) MUST_CHECK;
/* Settles the pool's store, lets instances join and leave, looks at each. */
void pool_members_look(struct pool_members *members, int64_t now_us);
/* Ends the health Watches: empty the queue next. */
void pool_members_close(struct pool_members *members);

#endif
