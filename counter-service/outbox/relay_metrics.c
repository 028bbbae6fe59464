#include "counter-service/outbox/relay_metrics.h"

static const struct metric_family published_family = {
    .name = "tally_events_published_total",
    .help = "Events that Kafka has acknowledged to this instance, repetitions included.",
    .type = METRIC_COUNTER,
};
static const struct metric_family damaged_family = {
    .name = "tally_events_damaged_entries_total",
    .help = "Entries of the outbox that could not be read: their events are not published.",
    .type = METRIC_COUNTER,
};
static const struct metric_family restarts_family = {
    .name = "tally_events_relay_restarts_total",
    .help = "Times that the relay began again at its position in the outbox, after Kafka or Redis had failed it.",
    .type = METRIC_COUNTER,
};
static const struct metric_family waiting_family = {
    .name = "tally_events_outbox_length",
    .help = "Events in the outboxes of all partitions that Kafka has not acknowledged.",
    .type = METRIC_GAUGE,
};
static const struct metric_family lag_family = {
    .name = "tally_events_publish_lag_seconds",
    .help = "Age of the oldest event that waits for Kafka, as whoever relays it sees it; 0 on instances that relay "
            "nothing.",
    .type = METRIC_GAUGE,
};
static const struct metric_family leads_family = {
    .name = "tally_events_relaying",
    .help = "Partitions whose events this instance carries to Kafka.",
    .type = METRIC_GAUGE,
};

static const struct metric_family partitions_family = {
    .name = "tally_events_partitions",
    .help = "Partitions that the data have, each of which one instance carries the events of; 0: not known yet.",
    .type = METRIC_GAUGE,
};

struct relay_metrics relay_metrics_register(void)
{
    return (struct relay_metrics){
        .published = metrics_register(&published_family, NULL),
        .damaged = metrics_register(&damaged_family, NULL),
        .restarts = metrics_register(&restarts_family, NULL),
    };
}

void relay_metrics_register_readers(const struct relay_metrics_readers *readers, void *ctx)
{
    metrics_register_reader(&waiting_family, NULL, readers->waiting, ctx);
    metrics_register_reader(&lag_family, NULL, readers->lag_seconds, ctx);
    metrics_register_reader(&leads_family, NULL, readers->leads, ctx);
    metrics_register_reader(&partitions_family, NULL, readers->partitions, ctx);
}

void relay_metrics_unregister_readers(void)
{
    metrics_unregister_reader(&waiting_family, NULL);
    metrics_unregister_reader(&lag_family, NULL);
    metrics_unregister_reader(&leads_family, NULL);
    metrics_unregister_reader(&partitions_family, NULL);
}
