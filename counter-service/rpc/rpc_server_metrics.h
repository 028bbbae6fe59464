/* What is measured of each method. Any thread. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_SERVER_METRICS_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/contract/grpc_code.h"
#include "common/metrics/metrics.h"

struct rpc_method_metrics {
    const char *name;
    metric_series duration;
    /* Registered when a code is first seen; 0 until then. */
    _Atomic metric_series requests[GRPC_CODES];
};

/* name outlives the metrics. */
void rpc_method_metrics_init(struct rpc_method_metrics *metrics, const char *name);
/* A call ended with a gRPC code. */
void rpc_method_metrics_ended(struct rpc_method_metrics *metrics, int code);
void rpc_method_metrics_took(struct rpc_method_metrics *metrics, int64_t duration_us,
                             const struct trace_context *trace);

#endif
