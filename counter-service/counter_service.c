#include "counter-service/counter_service.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/consul/consul_registration.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/process/admin_server.h"
#include "common/process/health_document.h"
#include "common/process/pprof.h"
#include "counter-service/aggregator/aggregator.h"
#include "counter-service/api/counter_rpc.h"
#include "counter-service/api/describe_rpc.h"
#include "counter-service/api/health_rpc.h"
#include "counter-service/api/ranking_rpc.h"
#include "counter-service/api/service_health.h"
#include "counter-service/outbox/relay.h"
#include "counter-service/reflection/reflection_rpc.h"
#include "counter-service/rpc/rpc_limits.h"
#include "counter-service/rpc/rpc_server.h"
#include "counter-service/store/store.h"
#include "counter-service/topology/topology.h"

/* In the order they are made; each uses only those above it, except that health tells health_rpc of its changes. */
struct counter_service {
    const struct config *config;
    struct reflection_rpc reflection_rpc;
    struct service_health health;
    struct health_rpc health_rpc;
    struct topology *topology;
    struct store *store;
    struct relay *relay;           /* NULL: kafka.brokers is empty */
    struct aggregator *aggregator; /* NULL: no rankings are configured */
    struct ranking_cache *ranking_cache;
    struct counter_rpc counter_rpc;
    struct ranking_rpc ranking_rpc;
    struct describe_rpc describe_rpc;
    struct rpc_server *server;
    struct admin_server *admin;
    struct consul_registration *registration; /* NULL: consul.address is "" */
};

static const char misses_events[] = "other instances keep events of this store, and this one adds none: it has neither "
                                    "kafka.brokers nor rankings, so that what it counts is in no event and no ranking";

/* Asks the store for the reason each time: the reason may change while Redis stays unusable. */
static int write_document(struct counter_service *service, struct buffer *out)
{
    char reason[sizeof(struct error)] = "";
    char refusal[sizeof(struct error)] = "";
    struct relay_state events;
    struct aggregator_state rankings;
    (void)store_is_serving(service->store, reason, sizeof(reason));
    if (!store_lacks_partitions(service->store, refusal, sizeof(refusal))) {
        (void)store_refuses_writes(service->store, refusal, sizeof(refusal));
    }
    relay_read_state(service->relay, &events);
    aggregator_read_state(service->aggregator, &rankings);
    if (store_misses_events(service->store)) {
        snprintf(events.trouble, sizeof(events.trouble), "%s", misses_events);
    }
    const struct service_health_parts parts = {reason, refusal, &events, &rankings};
    return service_health_write(&service->health, &parts, out);
}

static int write_health(void *ctx, struct operator_answer *answer)
{
    return write_document(ctx, &answer->body);
}

/* That it answers is all it says: whoever restarts by this must not do so because Redis is down. */
static int write_live(void *ctx, struct operator_answer *answer)
{
    (void)ctx;
    struct health_document document;
    health_document_begin(&document);
    return health_document_end(&document, HEALTH_OK, &answer->body);
}

/* For describe_rpc. */
static void describe(void *ctx, struct buffer *out)
{
    (void)write_document(ctx, out);
}

#define ENDPOINT(path, content_type, is_cacheable, write) {path, content_type, is_cacheable, write},
static const struct operator_endpoint operator_endpoints[] = {
    ENDPOINT("/health", "application/json", false, write_health)
        ENDPOINT("/health/live", "application/json", false, write_live)
            ENDPOINT("/metrics", METRICS_CONTENT_TYPE, false, operator_write_metrics) PPROF_ENDPOINTS(ENDPOINT)};
#undef ENDPOINT

static struct rpc_server *create_server(struct counter_service *service, struct error *error)
{
    const struct config *config = service->config;
    const struct rpc_server_options options = {
        .host = config->counter_service.host,
        .port = config->counter_service.port,
        .threads = config->counter_service.rpc_threads,
        .keep_alive_ms = config->grpc.counter_service.keep_alive_ms,
        .max_age_ms = config->counter_service.max_connection_age_ms,
        .max_age_grace_ms = config->counter_service.max_deadline_ms + RPC_AGE_GRACE_REST_MS,
    };
    const struct rpc_service services[] = {
        counter_rpc_service(&service->counter_rpc),       ranking_rpc_service(&service->ranking_rpc),
        describe_rpc_service(&service->describe_rpc),     health_rpc_service(&service->health_rpc),
        reflection_rpc_service(&service->reflection_rpc),
    };
    return rpc_server_create(&options, services, sizeof(services) / sizeof(services[0]), error);
}

static void read_store(void *ctx, struct consul_store *ret_store)
{
    struct counter_service *service = ctx;
    service_health_read_store_id(&service->health, ret_store->store_id);
    ret_store->partitions = topology_partitions(service->topology);
}

/* Last, when both ports answer. */
static int register_in_consul(struct counter_service *service, struct error *error)
{
    const struct consul_registration_options options = {
        .service = {.name = service->config->consul.service,
                    .host = service->config->counter_service.host,
                    .port = rpc_server_port(service->server),
                    .version = TALLY_VERSION,
                    .metrics_port = admin_server_port(service->admin),
                    .grpc_service = "tally.v1.CounterService"},
        .read_store = read_store,
        .ctx = service,
    };
    return consul_registration_start(service->config, options, &service->registration, error);
}

/* Returns 0, or -1 with error filled: what was made until then is counter_service_free's. */
static int start(struct counter_service *service, struct error *error)
{
    const struct config *config = service->config;
    service->topology = topology_create(config, error);
    if (service->topology == NULL) {
        return -1;
    }
    service->store = store_create(config, service->topology, service_health_set_redis, &service->health, error);
    if (service->store == NULL || relay_start(config, service->topology, &service->relay, error) != 0 ||
        aggregator_start(config, service->topology, &service->aggregator, error) != 0) {
        return -1;
    }
    service->ranking_cache = ranking_cache_create();
    if (service->ranking_cache == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    service->counter_rpc = (struct counter_rpc){.store = service->store};
    service->ranking_rpc =
        (struct ranking_rpc){.config = config, .store = service->store, .cache = service->ranking_cache};
    service->describe_rpc = (struct describe_rpc){.write_health = describe, .ctx = service};
    service->server = create_server(service, error);
    if (service->server == NULL) {
        return -1;
    }
    service->admin =
        admin_server_create(config->counter_service.host, config->counter_service.admin_port, operator_endpoints,
                            sizeof(operator_endpoints) / sizeof(operator_endpoints[0]), service, error);
    return service->admin == NULL ? -1 : register_in_consul(service, error);
}

struct counter_service *counter_service_create(const struct config *config, struct error *error)
{
    struct counter_service *service = calloc(1, sizeof(*service));
    if (service == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    service->config = config;
    if (reflection_rpc_init(&service->reflection_rpc, error) != 0) {
        free(service);
        return NULL;
    }
    service_health_init(&service->health, health_rpc_on_store, &service->health_rpc);
    health_rpc_init(&service->health_rpc, &service->health);
    if (start(service, error) != 0) {
        counter_service_free(service);
        return NULL;
    }
    return service;
}

int counter_service_port(const struct counter_service *service)
{
    return rpc_server_port(service->server);
}

int counter_service_admin_port(const struct counter_service *service)
{
    return admin_server_port(service->admin);
}

void counter_service_watch(const struct counter_service *service, struct heartbeats *heartbeats)
{
    rpc_server_watch(service->server, heartbeats);
    store_watch(service->store, heartbeats);
    heartbeats_add(heartbeats, "admin", 0, admin_server_heartbeat(service->admin));
}

/* Watch and reflection streams would stay open for ever. */
static void end_streams(struct counter_service *service)
{
    health_rpc_end_watches(&service->health_rpc);
    reflection_rpc_end_streams(&service->reflection_rpc);
}

void counter_service_drain(struct counter_service *service)
{
    const struct config *config = service->config;
    service_health_drain(&service->health);
    consul_registration_deregister(service->registration);
    log_info("service", "draining", LOG_INT("delay_ms", config->drain.delay_ms));
    clock_sleep_ms(config->drain.delay_ms);
    end_streams(service);
    if (!rpc_server_drain(service->server, config->drain.timeout_ms)) {
        log_warn("service", "drain.timeout passed with calls unanswered");
    }
}

void counter_service_free(struct counter_service *service)
{
    if (service == NULL) {
        return;
    }
    consul_registration_free(service->registration);
    admin_server_free(service->admin);
    if (service->server != NULL) {
        end_streams(service);
        rpc_server_drain(service->server, 0);
    }
    store_free(service->store); /* answers the calls it still has */
    relay_stop(service->relay); /* after the last write */
    aggregator_stop(service->aggregator);
    topology_free(service->topology);
    rpc_server_free(service->server);
    ranking_cache_free(service->ranking_cache); /* after the last call */
    reflection_rpc_done(&service->reflection_rpc);
    health_rpc_done(&service->health_rpc);
    service_health_done(&service->health);
    free(service);
}
