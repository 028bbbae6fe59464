/* The metrics of sessions. One of these a loop; its series are shared by all loops. */
#ifndef TALLY_GATEWAY_BATCH_SESSION_METRICS_H
#define TALLY_GATEWAY_BATCH_SESSION_METRICS_H

#include "common/metrics/metrics.h"

struct session_metrics {
    metric_series opened;
    metric_series lost;
    metric_series open_lanes;
    metric_series given_up_lanes;
};

void session_metrics_init(struct session_metrics *metrics);
void session_metrics_opened(struct session_metrics *metrics);
void session_metrics_lost(struct session_metrics *metrics);
/* So many more lanes are open, and given up; negative: fewer. */
void session_metrics_lanes(struct session_metrics *metrics, int open, int given_up);

#endif
