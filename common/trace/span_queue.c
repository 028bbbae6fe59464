#include "common/trace/span_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/thread/condition.h"

/* Over it the clock was set, or the thread stood still between two readings. */
enum { STEP_US = 1000, READINGS = 5 };

/* ---- the time of day ---- */

/* Of some readings that which took least. */
static int64_t read_ahead_us(void)
{
    int64_t ahead_us = 0;
    int64_t least_us = INT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        const int64_t before_us = clock_monotonic_us();
        const int64_t realtime_us = clock_realtime_us();
        const int64_t took_us = clock_monotonic_us() - before_us;
        if (took_us < least_us) {
            least_us = took_us;
            ahead_us = realtime_us - before_us;
        }
    }
    return ahead_us;
}

static bool is_step(int64_t ahead_us, int64_t known_us)
{
    return llabs(ahead_us - known_us) > STEP_US;
}

/* The same for all spans until the clock is set, so that what ends when another begins still does. */
static int64_t ahead_us_of(struct span_queue *queue)
{
    const int64_t known_us = atomic_load_explicit(&queue->ahead_us, memory_order_relaxed);
    if (!is_step(clock_realtime_us() - clock_monotonic_us(), known_us)) {
        return known_us;
    }
    const int64_t ahead_us = read_ahead_us();
    if (!is_step(ahead_us, known_us)) {
        return known_us;
    }
    atomic_store_explicit(&queue->ahead_us, ahead_us, memory_order_relaxed);
    return ahead_us;
}

/* ---- begin and end ---- */

void span_queue_init(struct span_queue *queue, size_t max)
{
    *queue = (struct span_queue){.max = max, .wake_at = max};
    queue->last = &queue->first;
    atomic_init(&queue->ahead_us, read_ahead_us());
    pthread_mutex_init(&queue->lock, NULL);
    condition_init(&queue->filled);
}

void span_queue_done(struct span_queue *queue)
{
    queued_spans_free(queue->first);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
}

void queued_spans_free(struct queued_span *spans)
{
    while (spans != NULL) {
        struct queued_span *next = spans->next;
        free(spans);
        spans = next;
    }
}

/* ---- copies ---- */

static size_t size_of(const struct span *span)
{
    size_t size = sizeof(struct queued_span) + span->link_count * sizeof(*span->links) + span->state.len +
                  span->name.len + span->failure.len;
    for (size_t i = 0; i < span->attribute_count; i++) {
        size += span->attributes[i].text.len;
    }
    return size;
}

static void copy_text(char **at, struct text *text)
{
    if (text->len > 0) {
        memcpy(*at, text->data, text->len);
        text->data = *at;
        *at += text->len;
    }
}

/* One block of memory. NULL when there is none. */
static struct queued_span *copy(const struct span *span, int64_t ahead_us)
{
    struct queued_span *queued = malloc(size_of(span));
    if (queued == NULL) {
        return NULL;
    }
    struct span_link *links = (struct span_link *)(queued + 1);
    char *at = (char *)(links + span->link_count);
    *queued = (struct queued_span){.span = *span, .start_ns = (span->start_us + ahead_us) * 1000};
    queued->end_ns = queued->start_ns + (span->end_us - span->start_us) * 1000;
    if (span->link_count > 0) {
        memcpy(links, span->links, span->link_count * sizeof(*links));
    }
    queued->span.links = links;
    copy_text(&at, &queued->span.state);
    copy_text(&at, &queued->span.name);
    copy_text(&at, &queued->span.failure);
    for (size_t i = 0; i < span->attribute_count; i++) {
        copy_text(&at, &queued->span.attributes[i].text);
    }
    return queued;
}

/* ---- the queue ---- */

static size_t count_of(const struct span_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed);
}

static void set_count(struct span_queue *queue, size_t count)
{
    atomic_store_explicit(&queue->count, count, memory_order_relaxed);
}

/* Without a copy, which costs more than all else, where there is no room for it. */
void span_queue_put(struct span_queue *queue, const struct span *span)
{
    struct queued_span *queued = count_of(queue) < queue->max ? copy(span, ahead_us_of(queue)) : NULL;
    pthread_mutex_lock(&queue->lock);
    const bool has_room = queued != NULL && count_of(queue) < queue->max && !queue->is_closed;
    if (has_room) {
        *queue->last = queued;
        queue->last = &queued->next;
        set_count(queue, count_of(queue) + 1);
    } else {
        queue->dropped++;
    }
    const bool is_filled = has_room && count_of(queue) == queue->wake_at;
    pthread_mutex_unlock(&queue->lock);
    if (is_filled) {
        pthread_cond_signal(&queue->filled);
    }
    if (!has_room) {
        free(queued);
    }
}

static struct queued_span *take_first(struct span_queue *queue, size_t max, size_t *ret_count)
{
    struct queued_span *taken = queue->first;
    struct queued_span **end = &queue->first;
    size_t count = 0;
    while (count < max && *end != NULL) {
        end = &(*end)->next;
        count++;
    }
    queue->first = *end;
    if (queue->first == NULL) {
        queue->last = &queue->first;
    }
    set_count(queue, count_of(queue) - count);
    *ret_count = count;
    if (count == 0) {
        return NULL;
    }
    *end = NULL;
    return taken;
}

struct queued_span *span_queue_take(struct span_queue *queue, size_t wake_at, size_t max, int64_t until_us,
                                    size_t *ret_count)
{
    pthread_mutex_lock(&queue->lock);
    queue->wake_at = wake_at;
    while (count_of(queue) < wake_at && !queue->is_closed && condition_wait(&queue->filled, &queue->lock, until_us)) {
        /* woken for nothing, or by the first of a few */
    }
    struct queued_span *taken = take_first(queue, max, ret_count);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void span_queue_close(struct span_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->filled);
}

bool span_queue_is_closed(struct span_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const bool is_closed = queue->is_closed;
    pthread_mutex_unlock(&queue->lock);
    return is_closed;
}

uint64_t span_queue_dropped(struct span_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const uint64_t dropped = queue->dropped;
    pthread_mutex_unlock(&queue->lock);
    return dropped;
}

void span_queue_count_dropped(struct span_queue *queue, size_t count)
{
    pthread_mutex_lock(&queue->lock);
    queue->dropped += count;
    pthread_mutex_unlock(&queue->lock);
}
