#include "gateway/gateway.h"

#include <sched.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/consul/consul_registration.h"
#include "common/http/http_budget.h"
#include "common/http/http_server.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "gateway/api/gateway_health.h"
#include "gateway/gateway_loop.h"
#include "gateway/pool/channel_pool.h"
#include "gateway/pool/endpoints.h"

enum {
    DRAIN_POLL_MS = 5,
    /* How long the last answers may take to leave, once every request was answered. */
    FLUSH_TIMEOUT_MS = 500,
};

struct gateway {
    const struct config *config;
    struct channel_pool *pool;
    struct endpoints *endpoints;              /* NULL: there is nothing to follow */
    struct consul_registration *registration; /* NULL: there is no Consul */
    struct gateway_health health;
    struct http_budget bodies;
    struct gateway_loop **loops;
    size_t loop_count; /* of those created */
    bool has_readers;  /* metrics are read from this */
};

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static const struct metric_family in_flight_family = {
    .name = "tally_http_requests_in_flight",
    .help = "HTTP requests received and not answered in full.",
    .type = METRIC_GAUGE,
};

static const struct metric_family connections_family = {
    .name = "tally_http_connections",
    .help = "Open HTTP connections.",
    .type = METRIC_GAUGE,
};

static const struct metric_family bodies_family = {
    .name = "tally_http_body_bytes",
    .help = "Memory that bodies of HTTP requests take, but for small ones.",
    .type = METRIC_GAUGE,
};

static unsigned requests_in_flight(const struct gateway *gateway)
{
    unsigned sum = 0;
    for (size_t i = 0; i < gateway->loop_count; i++) {
        sum += http_loop_requests_in_flight(gateway_loop_http(gateway->loops[i]));
    }
    return sum;
}

static double read_in_flight(void *ctx)
{
    return requests_in_flight(ctx);
}

static unsigned open_connections(const struct gateway *gateway)
{
    unsigned sum = 0;
    for (size_t i = 0; i < gateway->loop_count; i++) {
        sum += http_loop_connections(gateway_loop_http(gateway->loops[i]));
    }
    return sum;
}

static double read_connections(void *ctx)
{
    return open_connections(ctx);
}

static double read_bodies(void *ctx)
{
    const struct gateway *gateway = ctx;
    return (double)http_budget_used(&gateway->bodies);
}

static void register_readers(struct gateway *gateway)
{
    metrics_register_reader(&in_flight_family, NULL, read_in_flight, gateway);
    metrics_register_reader(&connections_family, NULL, read_connections, gateway);
    metrics_register_reader(&bodies_family, NULL, read_bodies, gateway);
    gateway->has_readers = true;
}

static void unregister_readers(struct gateway *gateway)
{
    if (gateway->has_readers) {
        metrics_unregister_reader(&in_flight_family, NULL);
        metrics_unregister_reader(&connections_family, NULL);
        metrics_unregister_reader(&bodies_family, NULL);
        gateway->has_readers = false;
    }
}

/* --- start -------------------------------------------------------------------------------------------------------- */

/* Half the cores that this process may use, at least 1. */
static size_t usual_loop_count(void)
{
    cpu_set_t cores;
    const int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count >= 4 ? (size_t)count / 2 : 1;
}

static int create_loops(struct gateway *gateway, size_t count, struct error *error)
{
    struct gateway_loop_options options = {
        .config = gateway->config,
        .pool = gateway->pool,
        .health = &gateway->health,
        .port = gateway->config->server.port,
        .sharing = count > 1 ? LISTENER_FIRST : LISTENER_ALONE,
        .bodies = &gateway->bodies,
        .max_connections = (gateway->config->server.max_connections + (int)count - 1) / (int)count,
    };
    gateway->loops = calloc(count, sizeof(struct gateway_loop *));
    if (gateway->loops == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    while (gateway->loop_count < count) {
        struct gateway_loop *loop = gateway_loop_create(&options, error);
        if (loop == NULL) {
            return -1;
        }
        gateway->loops[gateway->loop_count++] = loop;
        options.port = gateway_port(gateway); /* the others share what the first one got */
        options.sharing = LISTENER_JOINS;
    }
    return 0;
}

static int start_loops(struct gateway *gateway, struct error *error)
{
    for (size_t i = 0; i < gateway->loop_count; i++) {
        if (gateway_loop_start(gateway->loops[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int create_pool(struct gateway *gateway, struct error *error)
{
    const struct config *config = gateway->config;
    struct target_set set;
    const char *targets[INSTANCES_MAX];
    endpoints_to_start_with(config, &set);
    target_set_list(&set, targets);
    const struct channel_pool_options options = {
        .targets = targets,
        .target_count = set.count,
        .size = config->grpc.counter_service.pool_size,
        .keep_alive_ms = config->grpc.counter_service.keep_alive_ms,
        .breaker_failures = config->breaker.failures,
        .breaker_open_for_ms = config->breaker.open_for_ms,
    };
    gateway->pool = channel_pool_create(&options, error);
    return gateway->pool == NULL ? -1 : 0;
}

/* Last, when the port answers. */
static int register_in_consul(struct gateway *gateway, struct error *error)
{
    const struct consul_registration_options options = {
        .service = {.name = "gateway",
                    .host = gateway->config->server.host,
                    .port = gateway_port(gateway),
                    .version = TALLY_VERSION,
                    .metrics_port = gateway_port(gateway),
                    .http_path = "/health/ready"},
    };
    return consul_registration_start(gateway->config, options, &gateway->registration, error);
}

struct gateway *gateway_create(const struct config *config, struct error *error)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    if (gateway == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    gateway->config = config;
    gateway->bodies.max = config->server.max_body_memory;
    if (create_pool(gateway, error) != 0 || endpoints_create(config, gateway->pool, &gateway->endpoints, error) != 0) {
        goto fail;
    }
    gateway_health_init(&gateway->health, gateway->pool, gateway->endpoints);
    const size_t loop_count = config->server.loops > 0 ? (size_t)config->server.loops : usual_loop_count();
    if (create_loops(gateway, loop_count, error) != 0) {
        goto fail;
    }
    register_readers(gateway);
    if (start_loops(gateway, error) != 0 || register_in_consul(gateway, error) != 0) {
        goto fail;
    }
    return gateway;

fail:
    gateway_free(gateway);
    return NULL;
}

int gateway_port(const struct gateway *gateway)
{
    return http_loop_port(gateway_loop_http(gateway->loops[0]));
}

void gateway_watch(const struct gateway *gateway, struct heartbeats *heartbeats)
{
    for (size_t i = 0; i < gateway->loop_count; i++) {
        heartbeats_add(heartbeats, "http-loop", (int)i, http_loop_heartbeat(gateway_loop_http(gateway->loops[i])));
    }
}

/* --- end ---------------------------------------------------------------------------------------------------------- */

/* Once nobody is accepted any more each connection closes after its request: as long as one is open, there may be a
 * request on it, read or not. */
static void wait_until_closed(const struct gateway *gateway, int timeout_ms)
{
    const int64_t end_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    while (open_connections(gateway) > 0 && clock_monotonic_us() < end_us) {
        clock_sleep_ms(DRAIN_POLL_MS);
    }
}

void gateway_drain(struct gateway *gateway)
{
    gateway_health_drain(&gateway->health);
    consul_registration_deregister(gateway->registration);
    for (size_t i = 0; i < gateway->loop_count; i++) {
        http_loop_announce_close(gateway_loop_http(gateway->loops[i]));
    }
    log_info("gateway", "draining", LOG_INT("delay_ms", gateway->config->drain.delay_ms));
    clock_sleep_ms(gateway->config->drain.delay_ms);
    for (size_t i = 0; i < gateway->loop_count; i++) {
        http_loop_stop_accepting(gateway_loop_http(gateway->loops[i]));
    }
    wait_until_closed(gateway, gateway->config->drain.timeout_ms);
    if (open_connections(gateway) > 0) {
        log_warn("gateway", "drain.timeout passed", LOG_INT("connections", open_connections(gateway)),
                 LOG_INT("requests_in_flight", requests_in_flight(gateway)));
    }
    for (size_t i = 0; i < gateway->loop_count; i++) {
        gateway_loop_finish(gateway->loops[i]);
    }
    wait_until_closed(gateway, FLUSH_TIMEOUT_MS);
}

void gateway_free(struct gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    unregister_readers(gateway);
    consul_registration_free(gateway->registration);
    for (size_t i = 0; i < gateway->loop_count; i++) {
        gateway_loop_free(gateway->loops[i]);
    }
    free(gateway->loops);
    endpoints_free(gateway->endpoints);
    channel_pool_free(gateway->pool);
    free(gateway);
}
