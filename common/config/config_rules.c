#include "common/config/config_rules.h"

#include <string.h>

#include "common/net/unix_path.h"

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

static bool has_sasl(const struct config *config)
{
    return config->kafka.security == KAFKA_SASL_PLAINTEXT || config->kafka.security == KAFKA_SASL_SSL;
}

static bool mechanism_is_missing(const struct config *config)
{
    return has_sasl(config) && config->kafka.mechanism[0] == '\0';
}

/* Other mechanisms (GSSAPI, OAUTHBEARER) have credentials of their own, in kafka.options. */
static bool takes_password(const char *mechanism)
{
    return strcmp(mechanism, "PLAIN") == 0 || strncmp(mechanism, "SCRAM-", 6) == 0;
}

static bool credentials_are_missing(const struct config *config)
{
    return has_sasl(config) && takes_password(config->kafka.mechanism) &&
           (config->kafka.username[0] == '\0' || config->kafka.password[0] == '\0');
}

/* Whoever writes a key of SASL or TLS takes the connection for one: it must not be without. */
static bool mechanism_is_unused(const struct config *config)
{
    return !has_sasl(config) && config->kafka.mechanism[0] != '\0';
}

static bool username_is_unused(const struct config *config)
{
    return !has_sasl(config) && config->kafka.username[0] != '\0';
}

static bool password_is_unused(const struct config *config)
{
    return !has_sasl(config) && config->kafka.password[0] != '\0';
}

static bool ca_is_unused(const struct config *config)
{
    const bool has_tls = config->kafka.security == KAFKA_SSL || config->kafka.security == KAFKA_SASL_SSL;
    return !has_tls && config->kafka.ca[0] != '\0';
}

static bool username_lacks_password(const struct config *config)
{
    return config->redis.username[0] != '\0' && config->redis.password[0] == '\0';
}

/* A key of TLS that is set, and TLS is not. */
static bool is_unused_by_redis(const struct config *config, const char *value)
{
    return config->redis.tls == CONFIG_FALSE && value[0] != '\0';
}

static bool redis_ca_is_unused(const struct config *config)
{
    return is_unused_by_redis(config, config->redis.tls_ca);
}

static bool redis_cert_is_unused(const struct config *config)
{
    return is_unused_by_redis(config, config->redis.tls_cert);
}

static bool redis_key_is_unused(const struct config *config)
{
    return is_unused_by_redis(config, config->redis.tls_key);
}

static bool redis_server_name_is_unused(const struct config *config)
{
    return is_unused_by_redis(config, config->redis.tls_server_name);
}

static bool redis_cert_or_key_is_missing(const struct config *config)
{
    return (config->redis.tls_cert[0] == '\0') != (config->redis.tls_key[0] == '\0');
}

static bool unix_socket_has_tls(const struct config *config)
{
    for (size_t i = 0; config->redis.tls == CONFIG_TRUE && i < config->redis.addr_count; i++) {
        if (unix_path_of(config->redis.addrs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool sentinels_are_missing(const struct config *config)
{
    return config->redis.mode == REDIS_MODE_SENTINEL && config->redis.sentinel_addr_count == 0;
}

static bool sentinels_are_unused(const struct config *config)
{
    const bool may = config->redis.mode == REDIS_MODE_AUTO || config->redis.mode == REDIS_MODE_SENTINEL;
    return !may && config->redis.sentinel_addr_count > 0;
}

static bool sentinel_master_is_missing(const struct config *config)
{
    return config->redis.sentinel_addr_count > 0 && config->redis.sentinel_master[0] == '\0';
}

static bool sentinel_password_is_unused(const struct config *config)
{
    return config->redis.sentinel_addr_count == 0 && config->redis.sentinel_password[0] != '\0';
}

static bool sentinel_username_lacks_password(const struct config *config)
{
    return config->redis.sentinel_username[0] != '\0' && config->redis.sentinel_password[0] == '\0';
}

static bool replicas_are_awaited_too_long(const struct config *config)
{
    return config->redis.wait_replicas > 0 &&
           config->redis.wait_timeout_ms >= config->grpc.counter_service.attempt_timeout_ms;
}

static const struct {
    bool (*is_broken)(const struct config *config);
    const char *text;
} rules[] = {
    {request_outlives_deadline, "server.request_timeout must be at most counter_service.max_deadline"},
    {attempt_outlives_request, "grpc.counter_service.attempt_timeout must be less than server.request_timeout"},
    {connection_age_is_too_short, "counter_service.max_connection_age must be 0s or at least 1s"},
    {service_ports_collide, "counter_service.port and counter_service.admin_port must differ"},
    {mechanism_is_missing, "kafka.mechanism must be set where kafka.security is sasl_plaintext or sasl_ssl"},
    {credentials_are_missing, "kafka.mechanism PLAIN or SCRAM-... needs kafka.username and kafka.password"},
    {mechanism_is_unused, "kafka.mechanism needs kafka.security sasl_plaintext or sasl_ssl"},
    {username_is_unused, "kafka.username needs kafka.security sasl_plaintext or sasl_ssl"},
    {password_is_unused, "kafka.password needs kafka.security sasl_plaintext or sasl_ssl"},
    {ca_is_unused, "kafka.ca needs kafka.security ssl or sasl_ssl"},
    {username_lacks_password, "redis.username needs redis.password"},
    {redis_ca_is_unused, "redis.tls_ca needs redis.tls true"},
    {redis_cert_is_unused, "redis.tls_cert needs redis.tls true"},
    {redis_key_is_unused, "redis.tls_key needs redis.tls true"},
    {redis_server_name_is_unused, "redis.tls_server_name needs redis.tls true"},
    {redis_cert_or_key_is_missing, "redis.tls_cert and redis.tls_key must be set together"},
    {unix_socket_has_tls, "redis.tls true needs host:port in redis.addr: a Unix socket has no TLS"},
    {sentinels_are_missing, "redis.mode sentinel needs redis.sentinel_addrs"},
    {sentinels_are_unused, "redis.sentinel_addrs needs redis.mode auto or sentinel"},
    {sentinel_master_is_missing, "redis.sentinel_addrs needs redis.sentinel_master"},
    {sentinel_password_is_unused, "redis.sentinel_password needs redis.sentinel_addrs"},
    {sentinel_username_lacks_password, "redis.sentinel_username needs redis.sentinel_password"},
    {replicas_are_awaited_too_long,
     "redis.wait_timeout must be less than grpc.counter_service.attempt_timeout where redis.wait_replicas is not 0"},
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
