#include "counter-service/store/store_metrics.h"

static const struct metric_family increments_family = {
    .name = "tally_increments_total",
    .help = "Increments applied.",
    .type = METRIC_COUNTER,
};
static const struct metric_family replayed_family = {
    .name = "tally_increments_replayed_total",
    .help = "Increments answered from the record of an idempotency key or a session; nothing was added.",
    .type = METRIC_COUNTER,
};
static const struct metric_family unreplicated_family = {
    .name = "tally_increments_unreplicated_total",
    .help = "Increments that Redis has applied, and fewer replicas than redis.wait_replicas had in time.",
    .type = METRIC_COUNTER,
};
static const struct metric_family events_refused_family = {
    .name = "tally_events_refused_total",
    .help = "Increments refused, not applied, because the outbox of events is full (events.when_full: refuse).",
    .type = METRIC_COUNTER,
};
static const struct metric_family events_dropped_family = {
    .name = "tally_events_dropped_total",
    .help = "Events that writes of this instance pushed out of the full outbox (events.when_full: drop_oldest).",
    .type = METRIC_COUNTER,
};
static const struct metric_family queue_length_family = {
    .name = "tally_store_queue_length",
    .help = "Items waiting for a store worker.",
    .type = METRIC_GAUGE,
};
static const struct metric_family batch_size_family = {
    .name = "tally_store_batch_size",
    .help = "Items of one pipeline to Redis.",
    .type = METRIC_HISTOGRAM,
    .buckets = metrics_items_buckets,
    .bucket_count = METRICS_ITEMS_BUCKET_COUNT,
};
static const struct metric_family duration_family = {
    .name = "tally_redis_duration_seconds",
    .help = "Duration of an exchange with Redis, from the first byte written to the last reply read.",
    .type = METRIC_HISTOGRAM,
    .has_exemplars = true,
    .labels = {"op"},
    .buckets = metrics_seconds_buckets,
    .bucket_count = METRICS_SECONDS_BUCKET_COUNT,
};
static const struct metric_family up_family = {
    .name = "tally_redis_up",
    .help = "1 if every store worker's Redis is usable.",
    .type = METRIC_GAUGE,
};
static const struct metric_family reconnects_family = {
    .name = "tally_redis_reconnects_total",
    .help = "Connections to Redis that were made after one was lost.",
    .type = METRIC_COUNTER,
};

struct store_metrics store_metrics_register(void)
{
    static const char *const kinds[] = {
        [EXCHANGE_WRITE] = "write",         [EXCHANGE_LIST] = "list",       [EXCHANGE_RANKING] = "ranking",
        [EXCHANGE_READ] = "read",           [EXCHANGE_SESSION] = "session", [EXCHANGE_HEARTBEAT] = "heartbeat",
        [EXCHANGE_HANDSHAKE] = "handshake",
    };
    _Static_assert(sizeof(kinds) / sizeof(kinds[0]) == EXCHANGE_KINDS, "a name for each kind");
    struct store_metrics metrics = {
        .increments = metrics_register(&increments_family, NULL),
        .replayed = metrics_register(&replayed_family, NULL),
        .unreplicated = metrics_register(&unreplicated_family, NULL),
        .events_refused = metrics_register(&events_refused_family, NULL),
        .events_dropped = metrics_register(&events_dropped_family, NULL),
        .batch_size = metrics_register(&batch_size_family, NULL),
        .reconnects = metrics_register(&reconnects_family, NULL),
    };
    for (int kind = 0; kind < EXCHANGE_KINDS; kind++) {
        metrics.duration[kind] = metrics_register(&duration_family, &kinds[kind]);
    }
    return metrics;
}

void store_metrics_register_readers(metrics_reader queue_length, metrics_reader up, void *ctx)
{
    metrics_register_reader(&queue_length_family, NULL, queue_length, ctx);
    metrics_register_reader(&up_family, NULL, up, ctx);
}

void store_metrics_unregister_readers(void)
{
    metrics_unregister_reader(&queue_length_family, NULL);
    metrics_unregister_reader(&up_family, NULL);
}
