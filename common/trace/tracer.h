/* Which requests are traced, and where their spans go: the process's one tracer. It is off until tracer_start. All
 * functions but those two may be called from every thread.
 *
 *     tracer_begin ──> struct trace_step, kept by the request ──> tracer_begin_child, trace_context_write for others
 *     the step is over ──> tracer_end ──> span_queue ──> otlp_exporter's thread
 *
 * Sampling is by the parent: a request that comes with a traceparent is traced if that says so; one without is the
 * first of its trace, and one in so many is traced. Whoever asks may say what is traced: so a second has a bound. */
#ifndef TALLY_COMMON_TRACE_TRACER_H
#define TALLY_COMMON_TRACE_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/trace/span.h"
#include "common/trace/span_queue.h"

/* A step that has begun. All zero: it is not traced, and costs nothing more. */
struct trace_step {
    struct trace_context context;           /* its own; is_sampled: it is traced */
    uint8_t parent_id[TRACE_SPAN_ID_BYTES]; /* all zero: the first of its trace */
    bool has_remote_parent;
    int64_t start_us; /* monotonic */
};

/* ratio: of the requests without a parent so many are traced, 0 to 1; of all together max_per_second. Spans go to
 * queue, which outlives the tracer. */
void tracer_start(double ratio, unsigned max_per_second, struct span_queue *queue);
/* No span is put into the queue any more. */
void tracer_stop(void);
bool tracer_is_on(void);

/* The step of a request that has arrived, whose traceparent is this; .data NULL: it has none. Not traced while the
 * tracer is off. */
struct trace_step tracer_begin(struct text traceparent, int64_t start_us);
/* The same for what another program of Tally has chosen: not traced without a traceparent, and not counted. */
struct trace_step tracer_continue(struct text traceparent, int64_t start_us);
/* A step within another one; not traced unless that one is. */
struct trace_step tracer_begin_child(const struct trace_step *parent, int64_t start_us);
/* The first step of a trace of its own, which is traced. */
struct trace_step tracer_begin_root(int64_t start_us);
/* The step is over: adds its place in the trace to the span, which says the rest, and hands it on. Does nothing if the
 * step is not traced. */
void tracer_end(const struct trace_step *step, struct span *span, int64_t end_us);

#endif
