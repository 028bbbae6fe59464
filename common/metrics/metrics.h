/* The metrics registry. It is shown in Prometheus's text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) or as OpenMetrics 1.0.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/).
 *
 * Recording is an uncontended add: each thread has its own slots, summed when scraped. A series is registered once,
 * under a lock, and its user keeps its number; registering the same family and labels again returns that number.
 * Families and their label names are static tables that outlive the registry. Labels are bounded sets, never a
 * resource_id or user_id.
 * All functions may be called from every thread. */
#ifndef TALLY_COMMON_METRICS_METRICS_H
#define TALLY_COMMON_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/trace/trace_context.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum {
    METRIC_LABELS_MAX = 3,
    METRIC_BUCKETS_MAX = 20,
    /* Slots of one thread (a counter takes one, a histogram buckets + 2): 32 KiB a thread. When all are used,
     * registering returns series 0, which swallows what is recorded, and tally_metrics_series_refused_total counts
     * that. */
    METRIC_SLOTS_MAX = 4096,
};

struct metric_family {
    const char *name; /* with the tally_ prefix; of a counter with _total, of no other */
    const char *help;
    enum metric_type type;
    bool has_exemplars;                    /* histogram: metrics_keep_exemplar keeps them */
    const char *labels[METRIC_LABELS_MAX]; /* NULL-padded names */
    const double *buckets;                 /* histogram: ascending upper bounds without +Inf, in the metric's unit */
    size_t bucket_count;
};

/* Number of a registered series; 0 is the series that swallows what is recorded. */
typedef uint32_t metric_series;

/* values: one per label name, copied. family must outlive the process's use of the registry. */
metric_series metrics_register(const struct metric_family *family, const char *const *values);

/* Adds amount to a counter, or to a gauge (where it may be negative), whose value is the sum over threads. */
void metrics_add(metric_series series, int64_t amount);
/* Records one observation, in the metric's unit, into a histogram. */
void metrics_observe(metric_series series, double value);
/* Makes the step in which it was observed the exemplar of the bucket that value falls into, with value and the time of
 * now; copied. Of a family without has_exemplars none is kept. Never waits: an exemplar that comes at the same moment
 * as another, or as a scrape, is left out. OpenMetrics alone shows them. */
void metrics_keep_exemplar(metric_series series, double value, const struct trace_context *trace);
/* Both of these. If the step is not traced it costs nothing more than metrics_observe. */
static inline void metrics_observe_traced(metric_series series, double value, const struct trace_context *trace)
{
    metrics_observe(series, value);
    if (trace->is_sampled) {
        metrics_keep_exemplar(series, value, trace);
    }
}

/* What a counter, or a gauge of metrics_register, holds now. */
int64_t metrics_read(metric_series series);
/* Adds what a histogram has counted in each bucket alone to counts[0..bucket_count], the last for what is above the
 * last bound. bucket_count: of its family. */
void metrics_add_buckets(metric_series series, size_t bucket_count, uint64_t *counts);

/* Gives a value at scrape time, on the scraping thread. It must not register or unregister, nor wait for a thread that
 * does; recording is fine. */
typedef double (*metrics_reader)(void *ctx);
/* family: a counter or a gauge. read is called until metrics_unregister_reader; registering the same family and
 * labels again replaces read. */
void metrics_register_reader(const struct metric_family *family, const char *const *values, metrics_reader read,
                             void *ctx);
/* After return read is not running and will not be called. */
void metrics_unregister_reader(const struct metric_family *family, const char *const *values);

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* Of the endpoint for metrics, in the format that whoever does not ask for another one gets: METRICS_TEXT. */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* Of what metrics_render writes. Static. */
const char *metrics_content_type(enum metrics_format format);

/* How many registrations got no series: slots or memory were used up. */
uint64_t metrics_series_refused(void);

/* Appends the exposition text: families in the order of their registration. Returns 0, or -1 when out of memory. */
int metrics_render(struct buffer *out, enum metrics_format format) MUST_CHECK;

/* Registers tally_build_info, the standard process_* metrics, tally_log_dropped_total and
 * tally_metrics_series_refused_total. program: "gateway"; both strings are copied. */
void metrics_register_process(const char *program, const char *version);

/* Bounds shared by every *_seconds histogram: 100 us to 10 s. */
enum { METRICS_SECONDS_BUCKET_COUNT = 16 };
extern const double metrics_seconds_buckets[METRICS_SECONDS_BUCKET_COUNT];
/* Bounds for counts of items: 1 to 1000. */
enum { METRICS_ITEMS_BUCKET_COUNT = 10 };
extern const double metrics_items_buckets[METRICS_ITEMS_BUCKET_COUNT];

#endif
