/* The pool of gRPC channels to counter-service: pool_size real TCP connections (each channel has its own subchannel
 * pool), spread over the instances, at least one each, kept alive, asked to connect again whenever they fall IDLE. One
 * gRPC health Watch per instance (https://github.com/grpc/grpc/blob/master/doc/health-checking.md); an instance that
 * does not say SERVING, or is of another store than the pool's (pool_store.h), gets no calls. One circuit breaker per
 * instance.
 *
 * Instances come and go by channel_pool_set_targets; no call in flight is cut: a channel that leaves gets no new calls
 * and is closed when the last one is over, and instances that leave go on serving until one of the new ones can. The
 * instances of channel_pool_options come first: the pool's store is theirs, if one of them tells it in time.
 *
 * The pool has a thread of its own, which looks at members, connectivity and health every 10 ms. It does not wait in
 * gRPC: the threads that wait for the answers of calls move the bytes. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_POOL_H
#define TALLY_GATEWAY_POOL_CHANNEL_POOL_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/contract/limits.h"
#include "common/contract/store_id.h"
#include "common/net/host_port.h"
#include "gateway/pool/breaker.h"

struct channel_pool;

/* One of its channels, while it is lent: to start a call on. Any thread. */
struct channel;
grpc_channel *channel_connection(const struct channel *channel);
/* The number of the instance that the channel leads to; no other instance ever has that number. */
unsigned channel_instance_number(const struct channel *channel);

struct channel_pool_options {
    const char *const *targets; /* "host:port" of each instance to start with, copied; none is fine */
    size_t target_count;
    int size; /* channels in all; every instance gets one, even if that makes more */
    int keep_alive_ms;
    int breaker_failures;
    int breaker_open_for_ms;
};

/* Starts connecting at once. Returns NULL with error filled. */
struct channel_pool *channel_pool_create(const struct channel_pool_options *options, struct error *error) MUST_CHECK;
/* Every lent channel was given back before. NULL is fine. */
void channel_pool_free(struct channel_pool *pool);

/* The instances from now on, copied; at most INSTANCES_MAX, the rest is left out. Takes effect soon.
 * Returns 0, or -1 when out of memory. Any thread. */
int channel_pool_set_targets(struct channel_pool *pool, const char *const *targets, size_t target_count) MUST_CHECK;

/* The next channel, round robin over the READY ones of SERVING instances of the pool's store whose breaker lets calls
 * through; *cursor is the caller's own place in the round. Prefers another instance than avoid_instance (-1: no
 * preference). Returns NULL when there is none. Any thread. The channel is lent until channel_pool_give_back, which is
 * called once for each, and tells how the call ended. */
struct channel *channel_pool_lend(struct channel_pool *pool, unsigned *cursor, int avoid_instance, int64_t now_us);
void channel_pool_give_back(struct channel_pool *pool, struct channel *channel, enum call_verdict verdict,
                            int64_t now_us);

/* A call on the lent channel ended STATUS_WRITES_REFUSED: for /health. Any thread. */
void channel_pool_note_refusal(struct channel_pool *pool, struct channel *channel, int64_t now_us);

/* Whether channel_pool_lend would find one. Any thread. */
bool channel_pool_is_ready(struct channel_pool *pool);
/* Whether it is worth waiting for one: an instance was up less than CHANNEL_POOL_AWAITED_US ago. A connection that was
 * cut, or a Redis that stood still, is often back sooner. Any thread. */
bool channel_pool_is_awaited(struct channel_pool *pool, int64_t now_us);
/* After how many whole seconds a request may be tried again: what is left of the first open breaker's time, rounded up;
 * else 1. Any thread. */
int channel_pool_retry_after_s(struct channel_pool *pool);

/* How an instance's store relates to the pool's. */
enum store_relation {
    STORE_UNKNOWN, /* it tells none, or the pool has none yet */
    STORE_SAME,
    STORE_OTHER,
};

/* What /health tells of the pool. */
struct channel_pool_instance {
    char target[HOST_PORT_SIZE];
    unsigned ready_channels;
    unsigned channels;
    bool serving; /* the last thing its health Watch said */
    enum breaker_state breaker;
    char store[STORE_ID_SIZE]; /* "": it tells none */
    enum store_relation store_relation;
    bool refuses_writes;    /* its Redis refused one less than CHANNEL_POOL_REFUSAL_US ago */
    bool takes_calls;       /* serving, connected, of the pool's store, and its breaker allows a call now */
    int64_t last_change_us; /* realtime of the last change of serving; 0 for never */
};
/* Fills up to `max` instances, returns how many there are. Any thread. */
size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max);
/* For the next seconds each instance is asked for its report, once a second (instance_report.h). Any thread. */
void channel_pool_want_reports(struct channel_pool *pool);
/* Appends the JSON document that the instance with this target gave last. Returns its age in microseconds; -1: it gave
 * none. What stands there is the instance's: it may be no JSON. Any thread. */
int64_t channel_pool_read_report(struct channel_pool *pool, const char *target, struct buffer *out);
/* Writes the id of the pool's store, "" if it has none yet. Any thread. */
void channel_pool_read_store(struct channel_pool *pool, char out[STORE_ID_SIZE]);

enum {
    /* Twice the default of breaker.open_for, so that a call waits for the probe too. */
    CHANNEL_POOL_AWAITED_US = 500 * 1000,
    /* A refusal is forgotten after this time: without a write nothing would tell that it is over. */
    CHANNEL_POOL_REFUSAL_US = 10 * 1000 * 1000,
    /* How long after channel_pool_want_reports reports are asked for. */
    CHANNEL_POOL_REPORTS_US = 5 * 1000 * 1000,
    /* The instances that are wanted, and as many that go on until one of those can take over. */
    CHANNEL_POOL_MEMBERS_MAX = 2 * INSTANCES_MAX,
};

#endif
