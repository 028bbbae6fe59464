/* The aggregator's metrics. Series are registered once a process. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_METRICS_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_METRICS_H

#include "common/metrics/metrics.h"

struct aggregator_metrics {
    metric_series ranked; /* events, of ranked types or not */
    metric_series gaps;   /* in their numbers */
    metric_series restarts;
    metric_series apply_seconds; /* of a chunk, or a part of one */
};

struct aggregator_metrics aggregator_metrics_register(void);

/* Read when scraped, with ctx; see metrics_register_reader. */
struct aggregator_metrics_readers {
    metrics_reader waiting;
    metrics_reader lag_seconds;
    metrics_reader leads;
    metrics_reader partitions;
};
void aggregator_metrics_register_readers(const struct aggregator_metrics_readers *readers, void *ctx);
void aggregator_metrics_unregister_readers(void);

#endif
