#include "counter-service/aggregator/aggregator_metrics.h"

static const struct metric_family ranked_family = {
    .name = "tally_rankings_events_total",
    .help = "Events of the outbox that this instance has taken into the rankings.",
    .type = METRIC_COUNTER,
};
static const struct metric_family gaps_family = {
    .name = "tally_rankings_gaps_total",
    .help = "Times that events were missing in the outbox: the windows that they were in are not complete.",
    .type = METRIC_COUNTER,
};
static const struct metric_family restarts_family = {
    .name = "tally_rankings_restarts_total",
    .help = "Times that the aggregator began again at its position in the outbox, after Redis had failed it.",
    .type = METRIC_COUNTER,
};
static const struct metric_family apply_family = {
    .name = "tally_rankings_apply_seconds",
    .help = "Time to add a chunk of events to the rankings, or a part of one: two exchanges with Redis.",
    .type = METRIC_HISTOGRAM,
    .buckets = metrics_seconds_buckets,
    .bucket_count = METRICS_SECONDS_BUCKET_COUNT,
};
static const struct metric_family waiting_family = {
    .name = "tally_rankings_waiting",
    .help = "Events in the outboxes of all partitions that are in no ranking yet.",
    .type = METRIC_GAUGE,
};
static const struct metric_family lag_family = {
    .name = "tally_rankings_lag_seconds",
    .help = "Age of the oldest event that is in no ranking yet, as whoever ranks it sees it; 0 on instances that rank "
            "nothing.",
    .type = METRIC_GAUGE,
};
static const struct metric_family leads_family = {
    .name = "tally_rankings_leading",
    .help = "Partitions whose rankings this instance keeps.",
    .type = METRIC_GAUGE,
};

static const struct metric_family partitions_family = {
    .name = "tally_rankings_partitions",
    .help = "Partitions that the data have, each of which one instance keeps the rankings of; 0: not known yet.",
    .type = METRIC_GAUGE,
};

struct aggregator_metrics aggregator_metrics_register(void)
{
    return (struct aggregator_metrics){
        .ranked = metrics_register(&ranked_family, NULL),
        .gaps = metrics_register(&gaps_family, NULL),
        .restarts = metrics_register(&restarts_family, NULL),
        .apply_seconds = metrics_register(&apply_family, NULL),
    };
}

void aggregator_metrics_register_readers(const struct aggregator_metrics_readers *readers, void *ctx)
{
    metrics_register_reader(&waiting_family, NULL, readers->waiting, ctx);
    metrics_register_reader(&lag_family, NULL, readers->lag_seconds, ctx);
    metrics_register_reader(&leads_family, NULL, readers->leads, ctx);
    metrics_register_reader(&partitions_family, NULL, readers->partitions, ctx);
}

void aggregator_metrics_unregister_readers(void)
{
    metrics_unregister_reader(&waiting_family, NULL);
    metrics_unregister_reader(&lag_family, NULL);
    metrics_unregister_reader(&leads_family, NULL);
    metrics_unregister_reader(&partitions_family, NULL);
}
