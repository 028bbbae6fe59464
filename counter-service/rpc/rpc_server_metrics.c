#include "counter-service/rpc/rpc_server_metrics.h"

#include <string.h>

static const struct metric_family requests_family = {
    .name = "tally_rpc_server_requests_total",
    .help = "Calls that ended, by method and gRPC code.",
    .type = METRIC_COUNTER,
    .labels = {"rpc", "code"},
};
static const struct metric_family duration_family = {
    .name = "tally_rpc_server_duration_seconds",
    .help = "Time from the arrival of a unary call to the start of its answer.",
    .type = METRIC_HISTOGRAM,
    .has_exemplars = true,
    .labels = {"rpc"},
    .buckets = metrics_seconds_buckets,
    .bucket_count = METRICS_SECONDS_BUCKET_COUNT,
};

void rpc_method_metrics_init(struct rpc_method_metrics *metrics, const char *name)
{
    memset(metrics, 0, sizeof(*metrics));
    metrics->name = name;
    metrics->duration = metrics_register(&duration_family, &name);
}

void rpc_method_metrics_ended(struct rpc_method_metrics *metrics, int code)
{
    _Atomic metric_series *known = &metrics->requests[grpc_code_index(code)];
    metric_series series = atomic_load_explicit(known, memory_order_relaxed);
    if (series == 0) {
        series = metrics_register(&requests_family, (const char *const[]){metrics->name, grpc_code_name(code)});
        atomic_store_explicit(known, series, memory_order_relaxed);
    }
    metrics_add(series, 1);
}

void rpc_method_metrics_took(struct rpc_method_metrics *metrics, int64_t duration_us, const struct trace_context *trace)
{
    metrics_observe_traced(metrics->duration, (double)duration_us / 1e6, trace);
}
