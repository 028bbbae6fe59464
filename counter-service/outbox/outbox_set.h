/* A consumer of the outboxes of all partitions, in one thread: a follower of each, their connections, and their steps,
 * of which those to one Redis go together.
 *
 *     topology ──> which Redis a partition is at ──> outbox_nodes
 *     outbox_set_turn: what is due of { take or keep the lease, move the position, read on } ──> stepped, lost
 *
 * What fails is the partition's, or the Redis's and so all of its partitions': these start over after a backoff, the
 * others go on. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/backoff.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/log/log.h"
#include "counter-service/outbox/lease_pace.h"
#include "counter-service/outbox/outbox_follower.h"
#include "counter-service/outbox/outbox_nodes.h"
#include "counter-service/topology/topology.h"

struct outbox_member {
    struct outbox_follower follower;
    struct outbox_node *node; /* where the partition is; NULL: nobody is known to have it */
    int64_t step_us;          /* when the last step was, monotonic; 0: one is due */
    struct backoff backoff;
    int64_t retry_us;     /* not stepped before, monotonic; 0: nothing has failed since it worked */
    struct error trouble; /* its own, "": none */
};

/* What the consumer wants of a partition that it leads. */
struct outbox_wish {
    int after_ms;      /* so long after the last step the next one is due */
    size_t events_max; /* to be read, if all that was read is handed out */
};

/* What the consumer does. i: the partition. ctx: its own. None of them may close a connection. */
struct outbox_set_consumer {
    void *ctx;
    const char *component; /* of the log: "events" */
    const char *failure;   /* and what it says when something fails: "not published" */
    struct text name;      /* of its leases and positions */
    int lease_ms;
    struct list *orphans; /* of each follower; may be NULL */
    /* What it makes of an event stays when a failover takes the event back: followers hold what they have read until
     * redis.wait_replicas have it, and the consumer does not tell meanwhile that the partition is well. */
    bool needs_replicas;
    /* The partitions are known now; members: count, and they stay where they are. Returns 0, or -1 with error filled:
     * it is called again, with others. */
    int (*begin)(void *ctx, struct outbox_member *members, size_t count, struct error *error);
    struct outbox_wish (*wish)(void *ctx, size_t i);
    /* The partition is to be handed over to another instance: whether nothing of it is under way. Until then it hands
     * no more out than it must (outbox_set_is_leaving). */
    bool (*may_leave)(void *ctx, size_t i);
    /* A step was answered. restarted: as outbox_follower_step. */
    void (*stepped)(void *ctx, size_t i, bool restarted);
    /* The follower has been started over, since something had failed. */
    void (*lost)(void *ctx, size_t i);
    /* Something has failed: once, for however many partitions. */
    void (*failed)(void *ctx);
};

struct outbox_set {
    /* immutable after init */
    const struct config *config;
    struct topology *topology;
    struct outbox_set_consumer consumer;
    int64_t start_us; /* no connection is opened before, monotonic */
    /* the rest changes with each turn */
    size_t count; /* partitions; 0: not known yet */
    struct outbox_member *members;
    size_t first; /* where the leases that are free are looked at first: other instances begin elsewhere */
    size_t led;
    bool has_free;
    size_t asked;     /* the partition that another instance was asked for last; count: none */
    bool asks;        /* with the next step of it */
    int64_t ask_us;   /* none is asked for before, monotonic */
    int ask_ms;       /* and then for so long */
    size_t leaving;   /* the partition that is to be handed over; count: none */
    int64_t leave_us; /* it stays if that cannot be done until then, monotonic */
    bool is_placed;
    uint64_t version; /* of the topology that the members were put by, if is_placed */
    struct outbox_nodes nodes;
    struct lease_pace pace;
    struct buffer requests;
    struct error trouble; /* of begin; "": none */
    struct log_limiter limiter;
};

/* config and topology outlive the set. */
void outbox_set_init(struct outbox_set *set, const struct config *config, struct topology *topology,
                     const struct outbox_set_consumer *consumer);
void outbox_set_done(struct outbox_set *set);

/* Blocks for what logins to Redises and an exchange with each take, until one of them fails: the first login and the
 * first exchange that do so are the last of the turn; and for redis.wait_timeout for each Redis whose replicas are
 * late, if the consumer needs them. */
void outbox_set_turn(struct outbox_set *set);
/* How long the thread may sleep before the next turn, if it has nothing to do itself, in ms. */
int outbox_set_pause_ms(const struct outbox_set *set);
/* So often a partition is asked that has nothing to read, in ms: the more there are, the less often. */
int outbox_set_idle_ms(const struct outbox_set *set);

/* What the consumer asked of the partition's Redis has failed: the partition starts over after a backoff. If the
 * connection broke, so do all partitions that are there; otherwise it is made anew for those. */
void outbox_set_fail(struct outbox_set *set, size_t i, const struct error *error);
/* What had failed of the partition works. */
void outbox_set_well(struct outbox_set *set, size_t i);
bool outbox_set_is_leaving(const struct outbox_set *set, size_t i);
/* The partition's connection; NULL: there is none at the moment. */
const struct outbox_conn *outbox_set_conn(const struct outbox_set *set, size_t i);
/* All followers start over. Not a failure: lost and failed are not called. */
void outbox_set_restart(struct outbox_set *set);
/* Gives all leases up; none is begun with after a second: they expire. Blocks for redis.timeout more at most. */
void outbox_set_release(struct outbox_set *set);

/* What is known of all partitions together. */
uint64_t outbox_set_waiting(const struct outbox_set *set);
/* The age of the oldest entry that is not done, by Redis's clock; 0: there is none. */
int64_t outbox_set_lag_ms(const struct outbox_set *set);
/* The first trouble, and in how many of the partitions there is some. "": in none. */
void outbox_set_tell_trouble(const struct outbox_set *set, char *out, size_t size);

#endif
