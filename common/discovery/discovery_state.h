/* How a source of instances (consul_watch.h, name_watch.h) does: whether its last question was answered, and the log of
 * failures and recoveries. The source's thread tells, every thread may ask. */
#ifndef TALLY_COMMON_DISCOVERY_DISCOVERY_STATE_H
#define TALLY_COMMON_DISCOVERY_DISCOVERY_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/log/log.h"

struct discovery_state {
    /* immutable after init */
    const char *component; /* of the log: "consul" */
    const char *service;   /* whose instances are asked for; outlives the state */
    /* owned by the source's thread */
    struct log_limiter failures;
    bool failure_was_logged; /* its end is still to be logged */
    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    struct error failure;
    /* written by the source's thread, read by any */
    atomic_bool is_up;
    _Atomic int64_t last_success_us;
    atomic_uint_fast64_t failure_count;
};

struct discovery_description {
    bool is_up;              /* the last question was answered; false before the first answer */
    struct error failure;    /* why it was not answered, in the source's words if it said any; "" if unknown yet */
    int64_t last_success_us; /* realtime; 0: never */
    uint64_t failure_count;
};

/* component: a static string. */
void discovery_state_init(struct discovery_state *state, const char *component, const char *service);
void discovery_state_done(struct discovery_state *state);

/* The source's thread: */
void discovery_state_succeeded(struct discovery_state *state);
void discovery_state_failed(struct discovery_state *state, const char *message);

/* Any thread. */
void discovery_state_describe(struct discovery_state *state, struct discovery_description *ret_description);

#endif
