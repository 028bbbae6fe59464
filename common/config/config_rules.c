#include "common/config/config_rules.h"

/* The service would cut such a request short. */
static bool request_outlives_deadline(const struct config *config)
{
    return config->server.request_timeout_ms > config->counter_service.max_deadline_ms;
}

/* A silent attempt would leave no time for another. */
static bool attempt_outlives_request(const struct config *config)
{
    return config->grpc.counter_service.attempt_timeout_ms >= config->server.request_timeout_ms;
}

enum { CONNECTION_AGE_MIN_MS = 1000 };

/* Connections would do little else than come and go. */
static bool connection_age_is_too_short(const struct config *config)
{
    const int age_ms = config->counter_service.max_connection_age_ms;
    return age_ms != 0 && age_ms < CONNECTION_AGE_MIN_MS;
}

static bool service_ports_collide(const struct config *config)
{
    return config->counter_service.port != 0 && config->counter_service.port == config->counter_service.admin_port;
}

static bool has_partitions(const struct config *config)
{
    return config->redis.partitions != 1;
}

static bool has_events(const struct config *config)
{
    return config->kafka.broker_count != 0;
}

static const struct {
    bool (*is_broken)(const struct config *config);
    const char *text;
} rules[] = {
    {request_outlives_deadline, "server.request_timeout must be at most counter_service.max_deadline"},
    {attempt_outlives_request, "grpc.counter_service.attempt_timeout must be less than server.request_timeout"},
    {connection_age_is_too_short, "counter_service.max_connection_age must be 0s or at least 1s"},
    {service_ports_collide, "counter_service.port and counter_service.admin_port must differ"},
    {has_partitions, "redis.partitions must be 1 until Redis Cluster is built"},
    {has_events, "kafka.brokers must be []: events are not in this version"},
};

const char *config_rules_broken(const struct config *config)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].is_broken(config)) {
            return rules[i].text;
        }
    }
    return NULL;
}
