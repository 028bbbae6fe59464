/* The store's metrics. Series are registered once a process and shared by all workers. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_METRICS_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_METRICS_H

#include "common/metrics/metrics.h"

/* What an exchange with Redis was for: the label `op`. One with several kinds of calls is counted under the first of
 * these. */
enum exchange_kind {
    EXCHANGE_WRITE,
    EXCHANGE_LIST,
    EXCHANGE_RANKING,
    EXCHANGE_READ,
    EXCHANGE_SESSION,
    EXCHANGE_HEARTBEAT,
    EXCHANGE_HANDSHAKE,
    EXCHANGE_KINDS
};

struct store_metrics {
    metric_series increments; /* applied */
    metric_series replayed;
    metric_series unreplicated;
    metric_series events_refused;
    metric_series events_dropped;
    metric_series batch_size;               /* items of a pipeline */
    metric_series duration[EXCHANGE_KINDS]; /* of an exchange */
    metric_series reconnects;
};

struct store_metrics store_metrics_register(void);

/* Read when scraped; see metrics_register_reader. */
void store_metrics_register_readers(metrics_reader queue_length, metrics_reader up, void *ctx);
void store_metrics_unregister_readers(void);

#endif
