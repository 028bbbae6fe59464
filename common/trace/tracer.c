#include "common/trace/tracer.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/prng.h"

enum { COUNT_BITS = 24, US_PER_SECOND = 1000000 };

/* The random part of an id's last 8 bytes that sampling goes by (OpenTelemetry's TraceIdRatioBased): 56 bits. */
#define RATIO_ONE ((uint64_t)1 << 56)

static struct span_queue *_Atomic current; /* NULL: the tracer is off */
static _Atomic uint64_t threshold;         /* a new trace is kept if its number is below */
static _Atomic uint64_t max_of_second;     /* so many traces may begin in one */
static _Atomic uint64_t taken_of_second;   /* the second, monotonic; in its last COUNT_BITS how many have begun in it */

void tracer_start(double ratio, unsigned max_per_second, struct span_queue *queue)
{
    atomic_store_explicit(&max_of_second, max_per_second, memory_order_relaxed);
    atomic_store_explicit(&threshold, (uint64_t)(ratio * (double)RATIO_ONE), memory_order_relaxed);
    atomic_store_explicit(&current, queue, memory_order_release);
}

void tracer_stop(void)
{
    atomic_store_explicit(&current, NULL, memory_order_release);
}

bool tracer_is_on(void)
{
    return atomic_load_explicit(&current, memory_order_relaxed) != NULL;
}

/* ---- ids ---- */

static uint64_t next_random(void)
{
    static _Thread_local struct prng prng;
    static _Thread_local bool has_begun;
    if (!has_begun) {
        prng_init(&prng);
        has_begun = true;
    }
    uint64_t random;
    do {
        random = prng_next(&prng);
    } while (random == 0); /* which is no id */
    return random;
}

static void new_span_id(struct trace_step *step)
{
    const uint64_t id = next_random();
    memcpy(step->context.span_id, &id, sizeof(id));
}

/* Returns the number that sampling goes by. */
static uint64_t new_trace_id(struct trace_step *step)
{
    const uint64_t id[] = {next_random(), next_random()};
    memcpy(step->context.trace_id, id, sizeof(id));
    uint64_t number = 0;
    for (size_t i = TRACE_ID_BYTES - 7; i < TRACE_ID_BYTES; i++) {
        number = number << 8 | step->context.trace_id[i];
    }
    return number;
}

/* ---- steps ---- */

struct trace_step tracer_begin_root(int64_t start_us)
{
    struct trace_step step = {.start_us = start_us, .context.is_sampled = true};
    new_trace_id(&step);
    new_span_id(&step);
    return step;
}

struct trace_step tracer_begin_child(const struct trace_step *parent, int64_t start_us)
{
    struct trace_step step = {.start_us = start_us};
    if (parent->context.is_sampled) {
        step.context = parent->context;
        memcpy(step.parent_id, parent->context.span_id, sizeof(step.parent_id));
        new_span_id(&step);
    }
    return step;
}

/* False, with *ret_caller not traced: there is no traceparent. */
static bool read_caller(struct text traceparent, struct trace_step *ret_caller)
{
    *ret_caller = (struct trace_step){.start_us = 0};
    return traceparent.data != NULL && trace_context_parse(traceparent, &ret_caller->context) == 0;
}

static struct trace_step begin_remote_child(const struct trace_step *caller, int64_t start_us)
{
    struct trace_step step = tracer_begin_child(caller, start_us);
    step.has_remote_parent = step.context.is_sampled;
    return step;
}

struct trace_step tracer_continue(struct text traceparent, int64_t start_us)
{
    struct trace_step caller;
    const bool has_caller = tracer_is_on() && read_caller(traceparent, &caller);
    return has_caller ? begin_remote_child(&caller, start_us) : (struct trace_step){.start_us = start_us};
}

/* Whether one more trace may begin in this second; counts it. */
static bool take_one_of_second(int64_t now_us)
{
    const uint64_t second = (uint64_t)(now_us / US_PER_SECOND) << COUNT_BITS;
    const uint64_t max = atomic_load_explicit(&max_of_second, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&taken_of_second, memory_order_relaxed);
    uint64_t count;
    do {
        count = taken >> COUNT_BITS << COUNT_BITS == second ? taken - second : 0;
        if (count >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&taken_of_second, &taken, second + count + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static struct trace_step choose(int64_t start_us)
{
    struct trace_step step = {.start_us = start_us};
    if (new_trace_id(&step) < atomic_load_explicit(&threshold, memory_order_relaxed)) {
        step.context.is_sampled = true;
        new_span_id(&step);
    }
    return step;
}

struct trace_step tracer_begin(struct text traceparent, int64_t start_us)
{
    struct trace_step caller;
    if (!tracer_is_on()) {
        return (struct trace_step){.start_us = start_us};
    }
    const bool has_caller = read_caller(traceparent, &caller);
    const struct trace_step step = has_caller ? begin_remote_child(&caller, start_us) : choose(start_us);
    const bool is_traced = step.context.is_sampled && take_one_of_second(start_us);
    return is_traced ? step : (struct trace_step){.start_us = start_us};
}

void tracer_end(const struct trace_step *step, struct span *span, int64_t end_us)
{
    struct span_queue *queue = atomic_load_explicit(&current, memory_order_acquire);
    if (queue == NULL || !step->context.is_sampled) {
        return;
    }
    span->context = step->context;
    memcpy(span->parent_id, step->parent_id, sizeof(span->parent_id));
    span->has_remote_parent = step->has_remote_parent;
    span->start_us = step->start_us;
    span->end_us = end_us;
    span_queue_put(queue, span);
}
