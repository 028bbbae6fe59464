/* The last exemplar of each bucket: the part of metrics.h that knows traces, for metrics.c and metrics_slots.c alone.
 *
 * They are few (sampled requests), so one lock guards all of them. Who records only tries to take it: an exemplar that
 * meets another one or a scrape is left out, and nobody waits. Memory is fixed, and used up to the last slot that had
 * one. */
#ifndef TALLY_COMMON_METRICS_METRICS_EXEMPLARS_H
#define TALLY_COMMON_METRICS_METRICS_EXEMPLARS_H

#include <stddef.h>
#include <stdint.h>

#include "common/metrics/metrics.h"

struct kept_exemplar {
    struct trace_context of;
    double value;
    int64_t time_us; /* when it was observed, since 1970; 0: there is none */
};

/* Any thread. slot: the bucket's. */
void metrics_exemplars_keep(uint32_t slot, double value, const struct trace_context *trace);
/* Those of count slots from first on. */
void metrics_exemplars_copy(uint32_t first, size_t count, struct kept_exemplar *out);

#endif
