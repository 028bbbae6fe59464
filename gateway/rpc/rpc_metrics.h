/* The metrics of calls to counter-service. One of these a loop; its series are shared by all loops. */
#ifndef TALLY_GATEWAY_RPC_RPC_METRICS_H
#define TALLY_GATEWAY_RPC_RPC_METRICS_H

#include <stdint.h>

#include "common/contract/grpc_code.h"
#include "common/metrics/metrics.h"
#include "gateway/rpc/counter_rpc.h"

struct rpc_metrics {
    metric_series requests[COUNTER_RPCS][GRPC_CODES]; /* 0: not registered yet */
    metric_series duration[COUNTER_RPCS];
    metric_series retries;
};

void rpc_metrics_init(struct rpc_metrics *metrics);
/* An attempt ended with a google.rpc.Code. */
void rpc_metrics_attempt(struct rpc_metrics *metrics, enum counter_rpc rpc, int code, int64_t duration_us,
                         const struct trace_context *trace);
void rpc_metrics_retry(struct rpc_metrics *metrics);

/* The series of tally_batch_size for one RPC. */
metric_series rpc_metrics_batch_size(enum counter_rpc rpc);
/* The series of tally_send_window_items. */
metric_series rpc_metrics_send_window(void);

#endif
