/* The members of a channel pool: instances that join and leave, and how the channels are shared out among them.
 *
 *     pool_members_want ──> wanted ──> pool_members_look: instances join and leave ──> shares ──> round
 *
 * An instance that nobody wants any more goes on until one that is wanted, and of the pool's store, can take over.
 * Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_POOL_MEMBERS_H
#define TALLY_GATEWAY_POOL_POOL_MEMBERS_H

#include <stdatomic.h>
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

/* An instance, and what its membership needs. */
struct pool_member {
    struct instance *instance;
    /* the pool's thread only */
    bool is_wanted;
    bool has_told_store; /* see pool_store.h */
    int64_t last_up_us;  /* 0: never */
    struct log_limiter store_log;
};

struct pool_members {
    /* immutable after init */
    struct channel_pool_options options; /* targets: not kept */
    grpc_completion_queue *queue;
    struct channel_round *round; /* whose lock is "the lock" */
    /* guarded by the lock */
    struct target_list wanted;
    bool wanted_changed;
    /* changed by the pool's thread under the lock: read by it freely, by others under the lock */
    struct pool_member all[CHANNEL_POOL_MEMBERS_MAX];
    size_t count;
    struct pool_store store;
    /* any thread: until then the instances are asked for their reports; monotonic */
    atomic_int_fast64_t reports_until_us;
    /* owned by the pool's thread */
    struct target_list targets; /* wanted, as taken last */
    int64_t join_us;            /* when targets that could not join are tried again; INT64_MAX: there are none */
    struct log_limiter join_log;
    struct log_limiter store_log[POOL_STORE_FOLLOWED + 1]; /* for each change */
    struct list leaving;                                   /* instances */
    unsigned next_number;
    bool uneven; /* instances came or went since the channels were shared out */
    struct log_limiter share_log;
};

/* Makes the instances that options name, and puts their channels into the round, which outlives it. queue: for their
 * health Watches. Returns 0, or -1 with error filled. Before the pool's thread runs. */
int pool_members_init(struct pool_members *members, const struct channel_pool_options *options,
                      struct channel_round *round, grpc_completion_queue *queue, struct error *error) MUST_CHECK;
/* After the end of the pool's thread, which has closed the instances; also when pool_members_init failed. */
void pool_members_done(struct pool_members *members);

/* Copies the targets. Returns 0, or -1 when out of memory. Any thread. */
int pool_members_want(struct pool_members *members, const char *const *targets, size_t target_count) MUST_CHECK;
/* Of each instance, up to `max`. Returns how many there are. Any thread. */
size_t pool_members_describe(struct pool_members *members, struct channel_pool_instance *instances, size_t max,
                             int64_t now_us);
/* The report of the instance with this target: see channel_pool_read_report. Any thread. */
int64_t pool_members_read_report(struct pool_members *members, const char *target, int64_t now_us, struct buffer *out);
/* Writes the id of the pool's store, "" if it has none yet. Any thread. */
void pool_members_read_store(struct pool_members *members, char out[STORE_ID_SIZE]);
/* How many instances are of another store. Any thread. */
unsigned pool_members_count_other_stores(struct pool_members *members);

/* Settles the pool's store, lets instances join and leave, looks at each. */
void pool_members_look(struct pool_members *members, int64_t now_us);
/* Ends the health Watches: empty the queue next. */
void pool_members_close(struct pool_members *members);

#endif
