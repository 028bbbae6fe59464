/* The metrics registry: Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Recording is an uncontended add: each thread has its own slots, summed when scraped. A series is registered once, under
 * a lock, and kept as its number; registering the same family and labels again returns the same number.
 * Families and their label names are static tables that outlive the registry. Labels are bounded sets, never a
 * resource_id or user_id.
 * All functions may be called from every thread. */
#ifndef TALLY_COMMON_METRICS_H
#define TALLY_COMMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/compiler.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum {
    METRIC_LABELS_MAX = 3,
    METRIC_BUCKETS_MAX = 20,
    /* Slots of one thread (a counter takes one, a histogram buckets + 2): 32 KiB a thread. Over it, registering returns
     * a series that swallows what is recorded, and metrics_series_refused counts it. */
    METRIC_SLOTS_MAX = 4096,
};

struct metric_family {
    const char *name; /* with the tally_ prefix */
    const char *help;
    enum metric_type type;
    const char *labels[METRIC_LABELS_MAX]; /* NULL-padded names */
    const double *buckets;                 /* histogram: ascending upper bounds without +Inf, in the metric's unit */
    size_t bucket_count;
};

/* Number of a registered series; 0 is the one that swallows. */
typedef uint32_t metric_series;

/* values: one per label name, copied. family must outlive the process's use of the registry. */
metric_series metrics_register(const struct metric_family *family, const char *const *values);

/* Adds to a counter, or moves a gauge (negative: down) that is the sum over threads. */
void metrics_add(metric_series series, int64_t amount);
/* Records one observation, in the metric's unit, into a histogram. */
void metrics_observe(metric_series series, double value);

/* A value read at scrape time. read is called on the scraping thread until metrics_unregister_reader. A counter or
 * gauge family only. */
typedef double (*metrics_reader)(void *ctx);
void metrics_register_reader(const struct metric_family *family, const char *const *values, metrics_reader read,
                             void *ctx);
/* After return read is not running and will not be called. */
void metrics_unregister_reader(const struct metric_family *family, const char *const *values);

/* Appends the exposition text. Returns 0, or -1 when out of memory. */
int metrics_render(struct buffer *out) MUST_CHECK;

/* Registers build_info, process_* and log_dropped_total. program: "gateway". */
void metrics_register_process(const char *program, const char *version);

/* Bounds shared by every *_seconds histogram: 100 us to 10 s. */
extern const double metrics_seconds_buckets[];
extern const size_t metrics_seconds_bucket_count;
/* Bounds for counts of items: 1 to 1000. */
extern const double metrics_items_buckets[];
extern const size_t metrics_items_bucket_count;

#endif
