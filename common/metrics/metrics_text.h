/* Prometheus text format 0.0.4, line by line: the formatting half of metrics.h. Pure; a failed allocation shows in the
 * buffer. */
#ifndef TALLY_COMMON_METRICS_METRICS_TEXT_H
#define TALLY_COMMON_METRICS_METRICS_TEXT_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/metrics/metrics.h"

/* The HELP and TYPE lines. */
void metrics_text_family(struct buffer *out, const struct metric_family *family);
/* One sample. values: one per label name of the family. */
void metrics_text_integer(struct buffer *out, const struct metric_family *family, const char *const *values,
                          int64_t value);
void metrics_text_double(struct buffer *out, const struct metric_family *family, const char *const *values,
                         double value);
/* All samples of one histogram. counts: of each bucket alone, bucket_count + 1 of them, the last for what is above the
 * last bound. */
void metrics_text_histogram(struct buffer *out, const struct metric_family *family, const char *const *values,
                            const uint64_t *counts, double sum);

#endif
