/* One instance of counter-service as the pool sees it: a target, its channels, and what its health Watch said last:
 * whether it serves, and of which store it is. Functions run on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_INSTANCE_H
#define TALLY_GATEWAY_POOL_INSTANCE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "common/log/log.h"
#include "gateway/pool/breaker.h"
#include "gateway/pool/channel.h"
#include "gateway/pool/channel_pool.h"
#include "gateway/pool/channel_set.h"
#include "gateway/pool/health_watch.h"
#include "gateway/pool/instance_report.h"

struct instance {
    /* immutable after create */
    char *target;
    unsigned number;       /* no other instance ever has it */
    pthread_mutex_t *lock; /* the round's */
    struct channel_options channel_options;
    const atomic_int_fast64_t *reports_until_us;
    /* guarded by the lock: what calls change */
    struct breaker breaker;
    struct log_limiter breaker_log[BREAKER_STATES]; /* one for each state that the breaker changes to */
    int64_t writes_refused_us;                      /* when its Redis refused one last; 0: never */
    /* changed by the pool's thread under the lock: read by it freely, by others under the lock */
    struct channel_set channels;
    char store[STORE_ID_SIZE];    /* "": it tells none */
    enum store_relation relation; /* of `store` to the pool's store */
    /* written by the pool's thread, read by any */
    atomic_bool serving;
    atomic_int_fast64_t last_change_us; /* realtime; 0: never */
    /* owned by the pool's thread */
    struct list_node node; /* in pool_members' list of those that leave */
    struct health_watch health;
    struct instance_report report;
    unsigned next_health_channel;
    unsigned next_report_channel;
    bool closing;
    bool connect_failed;
    int64_t awaited_until_us;
    struct log_limiter connect_log;
    struct log_limiter serving_log[2]; /* for either direction */
};

struct instance_options {
    const char *target; /* copied */
    unsigned number;
    pthread_mutex_t *lock; /* the round's */
    int keep_alive_ms;
    int breaker_failures;
    int breaker_open_for_ms;
    grpc_completion_queue *queue; /* for the health Watch and the report */
    int64_t awaited_until_us; /* until then the pool's first store is to be this one's, unless connecting to it fails */
    const atomic_int_fast64_t *reports_until_us; /* until then it is asked for its report; NULL: never */
};

/* One without channels. Returns NULL when out of memory. Any thread. */
struct instance *instance_create(const struct instance_options *options) MUST_CHECK;
/* Cuts the connections. An instance that was looked at must be closed before, and the queue drained. NULL is fine. Any
 * thread. */
void instance_free(struct instance *instance);

/* `count` channels: see channel_set_make. */
struct channel **instance_make_channels(struct instance *instance, unsigned count, struct error *error) MUST_CHECK;
/* Takes over what instance_make_channels made (NULL: no channels). Channels that are not in the list leave: calls on
 * them go on. Under the lock. */
void instance_set_channels(struct instance *instance, struct channel **list, unsigned count);

/* How its store relates to the pool's: STORE_UNKNOWN if it tells none. Under the lock. */
void instance_set_relation(struct instance *instance, enum store_relation relation);

/* Looks at the channels and does what is due; the first look starts them. */
void instance_look(struct instance *instance, int64_t now_us);
/* Ends the health Watch and the report; no further calls. instance_is_over is true once the queue was emptied and every
 * channel has left and was given back. */
void instance_close(struct instance *instance);
bool instance_is_over(const struct instance *instance);

/* A call leaves, which the breaker allows. Returns whether it is the probe. Any thread, under the lock. */
static inline bool instance_begin_call(struct instance *instance)
{
    return breaker_on_call(&instance->breaker);
}

/* A call ended. Returns whether the breaker changed. Any thread, under the lock. */
static inline bool instance_end_call(struct instance *instance, enum call_verdict verdict, int64_t now_us)
{
    return breaker_on_end(&instance->breaker, verdict, now_us);
}

/* Whether the state that the breaker changed to is to be logged. Any thread, under the lock. */
bool instance_may_log_breaker(struct instance *instance, int64_t now_us);
/* Any thread, not under the lock. */
void instance_log_breaker(const struct instance *instance, enum breaker_state state);
/* Its Redis refused a write. Any thread, under the lock. */
void instance_note_refusal(struct instance *instance, int64_t now_us);

/* Any thread. */
static inline bool instance_is_serving(const struct instance *instance)
{
    return atomic_load_explicit(&instance->serving, memory_order_relaxed);
}

/* Under the lock: whether it serves, and from the pool's store. */
static inline bool instance_takes_part(const struct instance *instance)
{
    return instance->relation == STORE_SAME && instance_is_serving(instance);
}

/* Whether it serves and is connected, whatever its store. The pool's thread, or under the lock. */
bool instance_is_up(const struct instance *instance);
/* Whether it would get calls, were it not for its breaker. Likewise. */
bool instance_can_serve(const struct instance *instance);
/* Whether the pool's first store may yet be this one's. */
bool instance_is_awaited(const struct instance *instance, int64_t now_us);
/* Under the lock. */
void instance_describe(const struct instance *instance, int64_t now_us, struct channel_pool_instance *description);

#endif
