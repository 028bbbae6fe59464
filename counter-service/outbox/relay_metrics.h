/* The relay's metrics. Series are registered once a process. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_RELAY_METRICS_H
#define TALLY_COUNTER_SERVICE_OUTBOX_RELAY_METRICS_H

#include "common/metrics/metrics.h"

struct relay_metrics {
    metric_series published; /* acknowledged by Kafka */
    metric_series damaged;   /* entries */
    metric_series restarts;
};

struct relay_metrics relay_metrics_register(void);

/* Read when scraped, with ctx; see metrics_register_reader. */
struct relay_metrics_readers {
    metrics_reader waiting;
    metrics_reader lag_seconds;
    metrics_reader leads;
    metrics_reader partitions;
};
void relay_metrics_register_readers(const struct relay_metrics_readers *readers, void *ctx);
void relay_metrics_unregister_readers(void);

#endif
