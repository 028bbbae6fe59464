/* The store's metrics. Series are registered once a process and shared by all workers. */
#ifndef TALLY_COUNTER_SERVICE_STORE_METRICS_H
#define TALLY_COUNTER_SERVICE_STORE_METRICS_H

#include "common/metrics.h"

/* What an exchange with Redis was for; one with several kinds of calls is counted under the first of these. */
enum store_op { STORE_OP_WRITE, STORE_OP_LIST, STORE_OP_READ, STORE_OP_HEARTBEAT, STORE_OP_HANDSHAKE, STORE_OP_COUNT };

struct store_metrics {
    metric_series increments; /* applied */
    metric_series replayed;
    metric_series batch_size; /* items of a pipeline */
    metric_series duration[STORE_OP_COUNT];
    metric_series reconnects;
};

struct store_metrics store_metrics_register(void);

/* Read when scraped; see metrics_register_reader. */
void store_metrics_register_readers(metrics_reader queue_length, metrics_reader up, void *ctx);
void store_metrics_unregister_readers(void);

#endif
