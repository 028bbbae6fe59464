/* The queue before a store worker. It is bounded in items, which bounds memory, and in time: while its first call has
 * waited for longer than max_wait_us, it takes no more calls, since those would not be answered in time. While it is
 * closed, it refuses calls at once and has a reason: nobody waits for a reconnect. It starts closed. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_QUEUE_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/commands/store_call.h"

struct store_queue {
    /* Immutable after init. */
    size_t max; /* items */
    int64_t max_wait_us;
    /* Guarded by lock, under which no other is taken. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a call came, or stopping */
    struct store_call *first;
    struct store_call **last; /* where the next call is linked */
    size_t length;            /* items */
    bool open;
    bool stopping;
    struct error reason;  /* why it is closed */
    struct error refusal; /* why writes are refused although it is open; "": they are not */
};

void store_queue_init(struct store_queue *queue, size_t max, int64_t max_wait_us);
/* The queue must be empty. */
void store_queue_done(struct store_queue *queue);

/* Any thread. */

/* Puts a list of calls, at least one, linked by next: all of them or none. STATUS_OK, or none was taken: STATUS_SHED
 * (full, or its first call has waited for longer than max_wait_us; an empty one takes any calls), STATUS_REDIS_DOWN,
 * after store_queue_stop STATUS_DRAINING. */
enum status store_queue_put(struct store_queue *queue, struct store_call *calls) MUST_CHECK;
/* If it is closed and reason is not NULL, the reason is copied there. */
bool store_queue_is_open(struct store_queue *queue, char *reason, size_t reason_size);
/* If it is open and Redis refuses writes for now, copies why to reason. */
bool store_queue_refuses_writes(struct store_queue *queue, char *reason, size_t reason_size);
size_t store_queue_length(struct store_queue *queue);
/* Wakes the worker; from now on its waits return false at once, and puts are refused. */
void store_queue_stop(struct store_queue *queue);

/* The worker's thread. Times are monotonic. */

/* Waits for calls, until until_us, and takes all there are (linked by next; NULL for none). False: store_queue_stop was
 * called, and nothing was taken. */
bool store_queue_wait(struct store_queue *queue, int64_t until_us, struct store_call **ret_calls) MUST_CHECK;
/* Sleeps until until_us or store_queue_stop. False after the latter. */
bool store_queue_sleep(struct store_queue *queue, int64_t until_us) MUST_CHECK;
void store_queue_open(struct store_queue *queue);
/* "": writes are no longer refused. */
void store_queue_set_refusal(struct store_queue *queue, const struct error *refusal);

enum store_queue_closing {
    STORE_QUEUE_WAS_OPEN,
    STORE_QUEUE_NEW_REASON,
    STORE_QUEUE_SAME_REASON,
};
/* Closes it and takes all calls in one step: none can slip in between. Says what the closing changed. */
enum store_queue_closing store_queue_close(struct store_queue *queue, const struct error *reason,
                                           struct store_call **ret_calls);

#endif
