/* Prometheus's text format and OpenMetrics, line by line: the formatting half of metrics.h. Pure; a failed allocation
 * shows in the buffer. Sample lines of counters and gauges are the same in both. OpenMetrics differs in this: the
 * lines about a counter name it without _total, a base unit that ends the name is told, bounds are written as floats,
 * a bucket may have an exemplar, and there is a line at the end. */
#ifndef TALLY_COMMON_METRICS_METRICS_TEXT_H
#define TALLY_COMMON_METRICS_METRICS_TEXT_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/metrics/metrics.h"
#include "common/metrics/metrics_exemplars.h"

#define METRIC_COUNTER_SUFFIX "_total"

/* The HELP and TYPE lines, and that of UNIT. */
void metrics_text_family(struct buffer *out, enum metrics_format format, const struct metric_family *family);
/* One sample. values: one per label name of the family. */
void metrics_text_integer(struct buffer *out, const struct metric_family *family, const char *const *values,
                          int64_t value);
void metrics_text_double(struct buffer *out, const struct metric_family *family, const char *const *values,
                         double value);
/* All samples of one histogram. counts: of each bucket alone, bucket_count + 1 of them, the last for what is above the
 * last bound. exemplars: of the same buckets, for OpenMetrics; NULL for none. */
void metrics_text_histogram(struct buffer *out, enum metrics_format format, const struct metric_family *family,
                            const char *const *values, const uint64_t *counts, double sum,
                            const struct kept_exemplar *exemplars);
/* After the last sample. */
void metrics_text_end(struct buffer *out, enum metrics_format format);

#endif
