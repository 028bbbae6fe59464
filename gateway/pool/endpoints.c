#include "gateway/pool/endpoints.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/consul/consul_watch.h"
#include "common/discovery/name_lookup.h"
#include "common/discovery/name_watch.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"

/* What the start waits for the resolver. */
enum { FIRST_LOOKUP_MS = 1000 };

struct endpoints {
    /* immutable after create */
    const struct config *config;
    struct channel_pool *pool;
    struct name_watch *name;     /* NULL: grpc.counter_service.host is an address */
    struct consul_watch *consul; /* NULL: consul.address is "" */
    /* written by the sources' threads, read by any */
    atomic_size_t name_instances; /* 0: none yet */
    atomic_size_t consul_instances;
    atomic_bool consul_names_nobody;
    /* owned by the thread of consul */
    struct log_limiter empty_log;
};

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static const struct metric_family instances_family = {
    .name = "tally_discovery_instances",
    .help =
        "Instances of counter-service in the last good answer of Consul, or of the name until Consul has named some.",
    .type = METRIC_GAUGE,
};

static const struct metric_family last_success_family = {
    .name = "tally_discovery_last_success_timestamp_seconds",
    .help = "When Consul last answered, or the resolver where there is no Consul, in seconds since 1970; 0 for never.",
    .type = METRIC_GAUGE,
};

static const struct metric_family failures_family = {
    .name = "tally_discovery_failures_total",
    .help = "Questions to Consul and look-ups of the name that failed.",
    .type = METRIC_COUNTER,
};

static double read_instances(void *ctx)
{
    struct endpoints_description description;
    endpoints_describe(ctx, &description);
    return (double)(description.consul.instances > 0 ? description.consul.instances : description.name.instances);
}

static double read_last_success(void *ctx)
{
    const struct endpoints *endpoints = ctx;
    struct endpoints_description description;
    endpoints_describe(ctx, &description);
    const struct endpoints_source *source = endpoints->consul != NULL ? &description.consul : &description.name;
    return (double)source->questions.last_success_us / 1e6;
}

static double read_failures(void *ctx)
{
    struct endpoints_description description;
    endpoints_describe(ctx, &description);
    return (double)(description.consul.questions.failure_count + description.name.questions.failure_count);
}

static void register_readers(struct endpoints *endpoints)
{
    metrics_register_reader(&instances_family, NULL, read_instances, endpoints);
    metrics_register_reader(&last_success_family, NULL, read_last_success, endpoints);
    metrics_register_reader(&failures_family, NULL, read_failures, endpoints);
}

static void unregister_readers(void)
{
    metrics_unregister_reader(&instances_family, NULL);
    metrics_unregister_reader(&last_success_family, NULL);
    metrics_unregister_reader(&failures_family, NULL);
}

/* --- the sources -------------------------------------------------------------------------------------------------- */

/* count: where the size of the source's last set is kept. */
static void take(struct endpoints *endpoints, const struct target_set *set, atomic_size_t *count, const char *source)
{
    const size_t before = atomic_exchange_explicit(count, set->count, memory_order_relaxed);
    if (before != set->count) {
        log_info("endpoints", "instances of counter-service", LOG_STR("source", source), LOG_INT("before", before),
                 LOG_INT("now", set->count));
    }
    const char *targets[INSTANCES_MAX];
    target_set_list(set, targets);
    if (channel_pool_set_targets(endpoints->pool, targets, set->count) != 0) {
        log_error("endpoints", "out of memory: the last set of instances is kept");
    }
}

static void on_addresses(void *ctx, const struct target_set *set)
{
    struct endpoints *endpoints = ctx;
    take(endpoints, set, &endpoints->name_instances, "name");
}

static bool is_served(void *ctx)
{
    const struct endpoints *endpoints = ctx;
    return channel_pool_is_ready(endpoints->pool);
}

/* Once Consul has named instances, the name is not asked for again. */
static void on_consul(void *ctx, const struct target_set *set)
{
    struct endpoints *endpoints = ctx;
    uint64_t times;
    atomic_store_explicit(&endpoints->consul_names_nobody, set->count == 0, memory_order_relaxed);
    if (set->count > 0) {
        name_watch_stop(endpoints->name);
        take(endpoints, set, &endpoints->consul_instances, "consul");
    } else if (log_limiter_allows(&endpoints->empty_log, clock_monotonic_us(), &times)) {
        log_warn("endpoints", "Consul names no healthy counter-service: the last set is kept",
                 LOG_STR("service", endpoints->config->consul.service), LOG_INT("times", times));
    }
}

/* --- start and end ------------------------------------------------------------------------------------------------ */

static struct host_port parse_host(const struct config *config)
{
    struct host_port name;
    const int failure = host_port_parse(config->grpc.counter_service.host, &name);
    assert(failure == 0); /* the configuration was checked */
    (void)failure;
    return name;
}

void endpoints_to_start_with(const struct config *config, struct target_set *ret_set)
{
    struct error error;
    const struct host_port name = parse_host(config);
    ret_set->count = 0;
    ret_set->cut = 0;
    if (host_is_address(name.host)) {
        target_set_add(ret_set, name.host, name.port);
        return;
    }
    struct name_lookup *lookup = name_lookup_start(&name, &error);
    const bool is_over = lookup != NULL && name_lookup_wait(lookup, FIRST_LOOKUP_MS);
    if (lookup == NULL || name_lookup_end(lookup, ret_set, &error) != 0) {
        log_warn("endpoints", is_over ? "starts without an instance" : "starts without waiting for the resolver",
                 LOG_STR("error", error.message));
    }
}

static int follow_name(struct endpoints *endpoints, struct error *error)
{
    const struct name_watch_options options = {
        .name = parse_host(endpoints->config),
        .interval_ms = endpoints->config->grpc.counter_service.resolve_every_ms,
        .on_addresses = on_addresses,
        .is_served = is_served,
        .ctx = endpoints,
    };
    if (host_is_address(options.name.host)) {
        return 0;
    }
    endpoints->name = name_watch_create(&options, error);
    return endpoints->name == NULL ? -1 : 0;
}

static int follow_consul(struct endpoints *endpoints, struct error *error)
{
    const struct config *config = endpoints->config;
    if (config->consul.address[0] == '\0') {
        return 0;
    }
    endpoints->consul = consul_watch_create(config->consul.address, config->consul.token, config->consul.service,
                                            on_consul, endpoints, error);
    return endpoints->consul == NULL ? -1 : 0;
}

int endpoints_create(const struct config *config, struct channel_pool *pool, struct endpoints **ret_endpoints,
                     struct error *error)
{
    *ret_endpoints = NULL;
    if (config->consul.address[0] == '\0' && host_is_address(parse_host(config).host)) {
        return 0;
    }
    struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
    if (endpoints == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    endpoints->config = config;
    endpoints->pool = pool;
    if (follow_name(endpoints, error) != 0 || follow_consul(endpoints, error) != 0) {
        name_watch_free(endpoints->name);
        free(endpoints);
        return -1;
    }
    register_readers(endpoints);
    *ret_endpoints = endpoints;
    return 0;
}

void endpoints_free(struct endpoints *endpoints)
{
    if (endpoints == NULL) {
        return;
    }
    unregister_readers();
    consul_watch_free(endpoints->consul); /* first: its thread may stop the name watch */
    name_watch_free(endpoints->name);
    free(endpoints);
}

void endpoints_describe(struct endpoints *endpoints, struct endpoints_description *ret_description)
{
    *ret_description = (struct endpoints_description){
        .service = endpoints->config->consul.service,
        .consul = {.is_followed = endpoints->consul != NULL,
                   .from = endpoints->config->consul.address,
                   .instances = atomic_load_explicit(&endpoints->consul_instances, memory_order_relaxed),
                   .names_nobody = atomic_load_explicit(&endpoints->consul_names_nobody, memory_order_relaxed)},
        .name = {.from = endpoints->config->grpc.counter_service.host,
                 .instances = atomic_load_explicit(&endpoints->name_instances, memory_order_relaxed)},
    };
    ret_description->name.is_followed = endpoints->name != NULL && ret_description->consul.instances == 0;
    if (endpoints->consul != NULL) {
        consul_watch_describe(endpoints->consul, &ret_description->consul.questions);
    }
    if (endpoints->name != NULL) {
        name_watch_describe(endpoints->name, &ret_description->name.questions);
    }
}
