#include "gateway/rpc/rpc_metrics.h"

#include <string.h>

static const char *const rpc_names[COUNTER_RPCS] = {
#define RPC_NAME(symbol, name) [COUNTER_RPC_##symbol] = name,
    COUNTER_RPC_TABLE(RPC_NAME)
#undef RPC_NAME
};

static const struct metric_family requests_family = {
    .name = "tally_rpc_client_requests_total",
    .help = "Attempts of calls to counter-service that ended, by gRPC code.",
    .type = METRIC_COUNTER,
    .labels = {"rpc", "code"},
};
static const struct metric_family duration_family = {
    .name = "tally_rpc_client_duration_seconds",
    .help = "Time from the start of an attempt to its end.",
    .type = METRIC_HISTOGRAM,
    .has_exemplars = true,
    .labels = {"rpc"},
    .buckets = metrics_seconds_buckets,
    .bucket_count = METRICS_SECONDS_BUCKET_COUNT,
};
static const struct metric_family retries_family = {
    .name = "tally_rpc_client_retries_total",
    .help = "Attempts that were re-sends of an earlier one.",
    .type = METRIC_COUNTER,
};
static const struct metric_family batch_size_family = {
    .name = "tally_batch_size",
    .help = "Items of a batched call to counter-service.",
    .type = METRIC_HISTOGRAM,
    .labels = {"rpc"},
    .buckets = metrics_items_buckets,
    .bucket_count = METRICS_ITEMS_BUCKET_COUNT,
};
static const struct metric_family send_window_family = {
    .name = "tally_send_window_items",
    .help = "Items that the event loops may have out at counter-service; fewer while it sheds.",
    .type = METRIC_GAUGE,
};

void rpc_metrics_init(struct rpc_metrics *metrics)
{
    memset(metrics, 0, sizeof(*metrics));
    metrics->retries = metrics_register(&retries_family, NULL);
    for (int rpc = 0; rpc < COUNTER_RPCS; rpc++) {
        metrics->duration[rpc] = metrics_register(&duration_family, &rpc_names[rpc]);
    }
}

void rpc_metrics_attempt(struct rpc_metrics *metrics, enum counter_rpc rpc, int code, int64_t duration_us,
                         const struct trace_context *trace)
{
    metric_series *series = &metrics->requests[rpc][grpc_code_index(code)];
    if (*series == 0) {
        *series = metrics_register(&requests_family, (const char *const[]){rpc_names[rpc], grpc_code_name(code)});
    }
    metrics_add(*series, 1);
    metrics_observe_traced(metrics->duration[rpc], (double)duration_us / 1e6, trace);
}

void rpc_metrics_retry(struct rpc_metrics *metrics)
{
    metrics_add(metrics->retries, 1);
}

metric_series rpc_metrics_batch_size(enum counter_rpc rpc)
{
    return metrics_register(&batch_size_family, &rpc_names[rpc]);
}

metric_series rpc_metrics_send_window(void)
{
    return metrics_register(&send_window_family, NULL);
}
