/* Spans that have ended and wait to be exported: bounded, and never waited for. */
#ifndef TALLY_COMMON_TRACE_SPAN_QUEUE_H
#define TALLY_COMMON_TRACE_SPAN_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/trace/span.h"

/* A span that owns all that it points to. */
struct queued_span {
    struct queued_span *next;
    int64_t start_ns; /* since 1970 */
    int64_t end_ns;
    struct span span;
};

struct span_queue {
    /* immutable after init */
    size_t max;
    /* any thread */
    _Atomic int64_t ahead_us; /* of the time of day, by the monotonic one */
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t filled; /* there are `wake_at`, or the queue is closed */
    struct queued_span *first;
    struct queued_span **last;
    size_t wake_at;
    uint64_t dropped;
    bool is_closed;
    /* written under lock; read by any, who may see it a moment late */
    atomic_size_t count;
};

void span_queue_init(struct span_queue *queue, size_t max);
/* Frees the spans that are left. */
void span_queue_done(struct span_queue *queue);

/* Copies the span and all that it points to. When the queue is full or closed, or there is no memory, it is dropped and
 * counted. Any thread. */
void span_queue_put(struct span_queue *queue, const struct span *span);
/* Waits until wake_at spans are there, until_us (monotonic) has come, or the queue is closed. Then takes the oldest, at
 * most `max`, linked by next; NULL: there are none. *ret_count: how many. Owned by one thread. */
struct queued_span *span_queue_take(struct span_queue *queue, size_t wake_at, size_t max, int64_t until_us,
                                    size_t *ret_count) MUST_CHECK;
/* Frees what was taken. NULL is fine. */
void queued_spans_free(struct queued_span *spans);
/* Nothing is put any more, and nobody waits. Any thread. */
void span_queue_close(struct span_queue *queue);
bool span_queue_is_closed(struct span_queue *queue);
/* Spans that were lost: those that found no room, and those that whoever took them could not deliver. Any thread. */
uint64_t span_queue_dropped(struct span_queue *queue);
void span_queue_count_dropped(struct span_queue *queue, size_t count);

#endif
