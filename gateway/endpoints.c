#include "gateway/endpoints.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/consul_watch.h"
#include "common/log.h"
#include "common/metrics.h"

struct endpoints {
    /* immutable after create */
    const struct config *config;
    struct channel_pool *pool;
    struct consul_watch *watch;
    /* written by the watch's thread, read by any */
    atomic_size_t instances;
    atomic_bool names_nobody;
    /* owned by the watch's thread */
    struct log_limiter empty_log;
};

static const struct metric_family instances_family = {
    .name = "tally_discovery_instances",
    .help = "Instances of counter-service in the last good answer of Consul.",
    .type = METRIC_GAUGE,
};

static const struct metric_family last_success_family = {
    .name = "tally_discovery_last_success_timestamp_seconds",
    .help = "When Consul last answered, in seconds since 1970; 0 for never.",
    .type = METRIC_GAUGE,
};

static double read_instances(void *ctx)
{
    return (double)endpoints_describe(ctx).instances;
}

static double read_last_success(void *ctx)
{
    return (double)endpoints_describe(ctx).last_success_us / 1e6;
}

static void on_instances(void *ctx, const char *const *targets, size_t count)
{
    struct endpoints *endpoints = ctx;
    uint64_t times;
    atomic_store_explicit(&endpoints->names_nobody, count == 0, memory_order_relaxed);
    if (count == 0) {
        if (log_limiter_allows(&endpoints->empty_log, clock_monotonic_us(), &times)) {
            log_warn("endpoints", "Consul names no healthy counter-service: the last set is kept",
                     LOG_STR("service", endpoints->config->consul.service), LOG_INT("times", times));
        }
        return;
    }
    const size_t before = atomic_exchange_explicit(&endpoints->instances, count, memory_order_relaxed);
    if (before != count) {
        log_info("endpoints", "instances of counter-service", LOG_INT("before", before), LOG_INT("now", count));
    }
    if (channel_pool_set_targets(endpoints->pool, targets, count) != 0) {
        log_error("endpoints", "out of memory: the last set of instances is kept");
    }
}

struct endpoints *endpoints_create(const struct config *config, struct channel_pool *pool, struct error *error)
{
    struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
    if (endpoints == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    endpoints->config = config;
    endpoints->pool = pool;
    endpoints->watch = consul_watch_create(config->consul.address, config->consul.token, config->consul.service,
                                           on_instances, endpoints, error);
    if (endpoints->watch == NULL) {
        free(endpoints);
        return NULL;
    }
    metrics_register_reader(&instances_family, NULL, read_instances, endpoints);
    metrics_register_reader(&last_success_family, NULL, read_last_success, endpoints);
    return endpoints;
}

void endpoints_free(struct endpoints *endpoints)
{
    if (endpoints == NULL) {
        return;
    }
    metrics_unregister_reader(&instances_family, NULL);
    metrics_unregister_reader(&last_success_family, NULL);
    consul_watch_free(endpoints->watch);
    free(endpoints);
}

struct endpoints_description endpoints_describe(const struct endpoints *endpoints)
{
    struct endpoints_description description = {
        .agent = endpoints->config->consul.address,
        .service = endpoints->config->consul.service,
        .names_nobody = atomic_load_explicit(&endpoints->names_nobody, memory_order_relaxed),
        .is_up = consul_watch_is_up(endpoints->watch),
        .last_success_us = consul_watch_last_success_us(endpoints->watch),
        .instances = atomic_load_explicit(&endpoints->instances, memory_order_relaxed),
    };
    consul_watch_read_failure(endpoints->watch, &description.failure);
    return description;
}
