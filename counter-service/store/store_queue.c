#include "counter-service/store/store_queue.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "common/thread/condition.h"

void store_queue_init(struct store_queue *queue, size_t max, int64_t max_wait_us)
{
    *queue = (struct store_queue){.max = max, .max_wait_us = max_wait_us};
    condition_init(&queue->changed);
    pthread_mutex_init(&queue->lock, NULL);
    queue->last = &queue->first;
    error_set(&queue->reason, "not connected to Redis yet");
}

void store_queue_done(struct store_queue *queue)
{
    assert(queue->first == NULL && queue->length == 0);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
}

/* Whether the queue has no room for the call, or is too late. An empty queue takes any call: a small max must not
 * refuse large calls for ever. */
static bool is_full_locked(const struct store_queue *queue, size_t places, int64_t now_us)
{
    if (queue->first == NULL) {
        return false;
    }
    return queue->length + places > queue->max || now_us - queue->first->submitted_us > queue->max_wait_us;
}

enum status store_queue_put(struct store_queue *queue, struct store_call *calls)
{
    const int64_t now_us = clock_monotonic_us();
    struct store_call *last = NULL;
    size_t places = 0;
    enum status status = STATUS_OK;
    bool was_empty = false;
    for (struct store_call *call = calls; call != NULL; call = call->next) {
        assert(call->done != NULL && call->item_count <= BATCH_ITEMS_MAX);
        call->submitted_us = now_us;
        places += store_call_places(call);
        last = call;
    }
    assert(last != NULL);
    pthread_mutex_lock(&queue->lock);
    if (queue->stopping) {
        status = STATUS_DRAINING;
    } else if (!queue->open) {
        status = STATUS_REDIS_DOWN;
    } else if (is_full_locked(queue, places, now_us)) {
        status = STATUS_SHED;
    } else {
        was_empty = queue->length == 0;
        *queue->last = calls;
        queue->last = &last->next;
        queue->length += places;
    }
    pthread_mutex_unlock(&queue->lock);
    /* The worker looks at the queue before it waits: only the first call has to wake it. After the unlock, or it would
     * wake up to wait for the lock. */
    if (was_empty) {
        pthread_cond_signal(&queue->changed);
    }
    return status;
}

bool store_queue_is_open(struct store_queue *queue, char *reason, size_t reason_size)
{
    pthread_mutex_lock(&queue->lock);
    const bool open = queue->open;
    if (!open && reason != NULL) {
        snprintf(reason, reason_size, "%s", queue->reason.message);
    }
    pthread_mutex_unlock(&queue->lock);
    return open;
}

bool store_queue_refuses_writes(struct store_queue *queue, char *reason, size_t reason_size)
{
    pthread_mutex_lock(&queue->lock);
    const bool refuses = queue->open && queue->refusal.message[0] != '\0';
    if (refuses) {
        snprintf(reason, reason_size, "%s", queue->refusal.message);
    }
    pthread_mutex_unlock(&queue->lock);
    return refuses;
}

size_t store_queue_length(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const size_t length = queue->length;
    pthread_mutex_unlock(&queue->lock);
    return length;
}

void store_queue_stop(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static struct store_call *take_all_locked(struct store_queue *queue)
{
    struct store_call *calls = queue->first;
    assert((calls == NULL) == (queue->length == 0));
    queue->first = NULL;
    queue->last = &queue->first;
    queue->length = 0;
    return calls;
}

bool store_queue_wait(struct store_queue *queue, int64_t until_us, struct store_call **ret_calls)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->stopping && condition_wait(&queue->changed, &queue->lock, until_us)) {
        /* woken for nothing */
    }
    const bool go_on = !queue->stopping;
    if (go_on) {
        *ret_calls = take_all_locked(queue);
    }
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

bool store_queue_sleep(struct store_queue *queue, int64_t until_us)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->stopping && condition_wait(&queue->changed, &queue->lock, until_us)) {
        /* woken for nothing */
    }
    const bool go_on = !queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

void store_queue_open(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->open = true;
    pthread_mutex_unlock(&queue->lock);
}

void store_queue_set_refusal(struct store_queue *queue, const struct error *refusal)
{
    pthread_mutex_lock(&queue->lock);
    queue->refusal = *refusal;
    pthread_mutex_unlock(&queue->lock);
}

enum store_queue_closing store_queue_close(struct store_queue *queue, const struct error *reason,
                                           struct store_call **ret_calls)
{
    enum store_queue_closing closing = STORE_QUEUE_WAS_OPEN;
    pthread_mutex_lock(&queue->lock);
    if (!queue->open) {
        const bool same = strcmp(queue->reason.message, reason->message) == 0;
        closing = same ? STORE_QUEUE_SAME_REASON : STORE_QUEUE_NEW_REASON;
    }
    queue->open = false;
    queue->reason = *reason;
    *ret_calls = take_all_locked(queue);
    pthread_mutex_unlock(&queue->lock);
    return closing;
}
