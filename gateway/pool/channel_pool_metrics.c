#include "gateway/pool/channel_pool_metrics.h"

static const struct metric_family channels_family = {
    .name = "tally_channels",
    .help = "Channels to counter-service by their connectivity state.",
    .type = METRIC_GAUGE,
    .labels = {"state"},
};

static const struct metric_family breaker_state_family = {
    .name = "tally_breaker_state",
    .help = "Circuit breaker of an instance of counter-service: 0 closed, 1 half open, 2 open.",
    .type = METRIC_GAUGE,
    .labels = {"instance"},
};

static const struct metric_family breaker_changes_family = {
    .name = "tally_breaker_changes_total",
    .help = "Changes of circuit breakers, by the state they went into.",
    .type = METRIC_COUNTER,
    .labels = {"state"},
};

static const struct metric_family other_stores_family = {
    .name = "tally_other_store_instances",
    .help = "Instances of counter-service that are of another store than the gateway's, and so get no calls.",
    .type = METRIC_GAUGE,
};

static const char *const state_names[CHANNEL_STATES] = {
    [GRPC_CHANNEL_IDLE] = "idle",
    [GRPC_CHANNEL_CONNECTING] = "connecting",
    [GRPC_CHANNEL_READY] = "ready",
    [GRPC_CHANNEL_TRANSIENT_FAILURE] = "transient_failure",
};

static double read_state_count(void *ctx)
{
    const struct channel_state_count *wanted = ctx;
    return channel_round_count(wanted->round, wanted->state);
}

static double read_breaker(void *ctx)
{
    const struct instance *instance = ctx;
    pthread_mutex_lock(instance->lock);
    const enum breaker_state state = instance->breaker.state;
    pthread_mutex_unlock(instance->lock);
    return (double)state;
}

static double read_other_stores(void *ctx)
{
    return pool_members_count_other_stores(ctx);
}

void channel_pool_metrics_init(struct channel_pool_metrics *metrics, struct channel_round *round,
                               struct pool_members *members)
{
    metrics_register_reader(&other_stores_family, NULL, read_other_stores, members);
    for (int state = 0; state < CHANNEL_STATES; state++) {
        metrics->state_counts[state] = (struct channel_state_count){round, (grpc_connectivity_state)state};
        metrics_register_reader(&channels_family, &state_names[state], read_state_count, &metrics->state_counts[state]);
    }
}

void channel_pool_metrics_done(void)
{
    metrics_unregister_reader(&other_stores_family, NULL);
    for (int state = 0; state < CHANNEL_STATES; state++) {
        metrics_unregister_reader(&channels_family, &state_names[state]);
    }
}

void channel_pool_metrics_add_instance(struct instance *instance)
{
    const char *target = instance->target;
    metrics_register_reader(&breaker_state_family, &target, read_breaker, instance);
}

void channel_pool_metrics_remove_instance(struct instance *instance)
{
    const char *target = instance->target;
    metrics_unregister_reader(&breaker_state_family, &target);
}

void channel_pool_metrics_breaker_changes(metric_series series[BREAKER_STATES])
{
    for (enum breaker_state state = 0; state < BREAKER_STATES; state++) {
        const char *name = breaker_state_name(state);
        series[state] = metrics_register(&breaker_changes_family, &name);
    }
}
