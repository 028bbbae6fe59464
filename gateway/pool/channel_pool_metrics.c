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
    const struct channel_pool_metrics *metrics = wanted->metrics;
    unsigned count = 0;
    pthread_mutex_lock(metrics->lock);
    for (unsigned i = 0; i < metrics->round->len; i++) {
        count += channel_state(metrics->round->places[i]) == wanted->state;
    }
    pthread_mutex_unlock(metrics->lock);
    return count;
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
    const struct channel_pool_metrics *metrics = ctx;
    pthread_mutex_lock(metrics->lock);
    const unsigned count = *metrics->other_store_count;
    pthread_mutex_unlock(metrics->lock);
    return count;
}

void channel_pool_metrics_init(struct channel_pool_metrics *metrics, pthread_mutex_t *lock,
                               const struct channel_round *round, const unsigned *other_store_count)
{
    metrics->lock = lock;
    metrics->round = round;
    metrics->other_store_count = other_store_count;
    metrics_register_reader(&other_stores_family, NULL, read_other_stores, metrics);
    for (int state = 0; state < CHANNEL_STATES; state++) {
        metrics->state_counts[state] = (struct channel_state_count){metrics, (grpc_connectivity_state)state};
        metrics_register_reader(&channels_family, &state_names[state], read_state_count, &metrics->state_counts[state]);
    }
    for (enum breaker_state state = 0; state < BREAKER_STATES; state++) {
        const char *name = breaker_state_name(state);
        metrics->breaker_changes[state] = metrics_register(&breaker_changes_family, &name);
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

void channel_pool_metrics_breaker_changed(const struct channel_pool_metrics *metrics, enum breaker_state state)
{
    metrics_add(metrics->breaker_changes[state], 1);
}
