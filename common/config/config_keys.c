#include "common/config/config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static const char *const log_levels[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
    NULL,
};
static const char *const log_formats[] = {[LOG_FORMAT_JSON] = "json", [LOG_FORMAT_CONSOLE] = "console", NULL};
static const char *const truths[] = {[CONFIG_FALSE] = "false", [CONFIG_TRUE] = "true", NULL};
static const char *const status_pages[] = {
    [STATUS_PAGE_OFF] = "false", [STATUS_PAGE_ON] = "true", [STATUS_PAGE_LOOPBACK] = "loopback", NULL};
static const char *const event_formats[] = {[EVENT_FORMAT_JSON] = "json", [EVENT_FORMAT_PROTOBUF] = "protobuf", NULL};
static const char *const kafka_securities[] = {
    [KAFKA_PLAINTEXT] = "plaintext",
    [KAFKA_SSL] = "ssl",
    [KAFKA_SASL_PLAINTEXT] = "sasl_plaintext",
    [KAFKA_SASL_SSL] = "sasl_ssl",
    NULL,
};
static const char *const redis_modes[] = {
    [REDIS_MODE_AUTO] = "auto",
    [REDIS_MODE_SINGLE] = "single",
    [REDIS_MODE_SENTINEL] = "sentinel",
    [REDIS_MODE_CLUSTER] = "cluster",
    NULL,
};
static const char *const when_full_choices[] = {
    [WHEN_FULL_DROP_OLDEST] = "drop_oldest", [WHEN_FULL_REFUSE] = "refuse", NULL};

/* A path in the file is the path of its field, but for the unit at the field's end. */
#define FIELD(name) .offset = offsetof(struct config, name), .size = sizeof(((struct config *)0)->name)
#define ROW(type_, name, initial_) .path = #name, .type = type_, .initial = initial_
#define RANGE(min_, max_) .min = min_, .max = max_
#define COUNT(name, initial_, min_, max_) ROW(CONFIG_COUNT, name, initial_), FIELD(name), RANGE(min_, max_)
#define BYTES(name, initial_, min_, max_) ROW(CONFIG_BYTES, name, initial_), FIELD(name), RANGE(min_, max_)
#define DURATION(name, initial_, min_, max_) ROW(CONFIG_DURATION, name, initial_), FIELD(name##_ms), RANGE(min_, max_)
#define RATIO(name, initial_) ROW(CONFIG_RATIO, name, initial_), FIELD(name##_ppb), RANGE("0", "1")
#define CHOICE(name, initial_, choices_) ROW(CONFIG_CHOICE, name, initial_), FIELD(name), .choices = choices_
#define HOST(name, initial_) ROW(CONFIG_HOST, name, initial_), FIELD(name)
#define ADDRESS(name, initial_) ROW(CONFIG_ADDRESS, name, initial_), FIELD(name)
#define LABEL(name, initial_) ROW(CONFIG_LABEL, name, initial_), FIELD(name)
#define TEXT(name, initial_) ROW(CONFIG_TEXT, name, initial_), FIELD(name)
#define URL(name, initial_) ROW(CONFIG_URL, name, initial_), FIELD(name)
#define TOPIC(name, initial_) ROW(CONFIG_TOPIC, name, initial_), FIELD(name)
#define ADDRESSES(name, initial_, count) \
    ROW(CONFIG_ADDRESSES, name, initial_), FIELD(name), .count_offset = offsetof(struct config, count)
/* The field's name is in the plural. */
#define SEEDS(name, initial_, count) \
    ROW(CONFIG_SEEDS, name, initial_), FIELD(name##s), .count_offset = offsetof(struct config, count)
#define ORIGINS(name, initial_, count) \
    ROW(CONFIG_ORIGINS, name, initial_), FIELD(name), .count_offset = offsetof(struct config, count)
#define NETWORKS(name, initial_, count) \
    ROW(CONFIG_NETWORKS, name, initial_), FIELD(name), .count_offset = offsetof(struct config, count)
#define HEADERS(name, initial_, count) \
    ROW(CONFIG_HEADERS, name, initial_), FIELD(name), .count_offset = offsetof(struct config, count)
#define OPTIONS(name, initial_, count) \
    ROW(CONFIG_OPTIONS, name, initial_), FIELD(name), .count_offset = offsetof(struct config, count)

#define RANKINGS(name) ROW(CONFIG_RANKINGS, name, ""), .offset = offsetof(struct config, name)

/* Type, key, default, range; in the order of configs/config.yaml, where each is explained. Rows of a section stand
 * together. */
const struct config_key config_keys[] = {
    {HOST(server.host, "0.0.0.0")},
    {COUNT(server.port, "8080", "0", "65535")},
    {DURATION(server.request_timeout, "2s", "10ms", "1m")},
    {COUNT(server.max_connections, "10000", "1", "1000000")},
    {COUNT(server.max_pending, "131072", "1", "1000000")},
    {DURATION(server.idle_timeout, "95s", "1s", "1h")},
    {DURATION(server.read_timeout, "30s", "100ms", "10m")},
    /* At least what an increment with every field at its bound, and escaped, needs. At most the limit of a batch. */
    {BYTES(server.max_body, "64KiB", "4KiB", "1MiB")},
    /* At least the largest body, which could never be taken otherwise. */
    {BYTES(server.max_body_memory, "64MiB", "1MiB", "64GiB")},
    {COUNT(server.loops, "0", "0", "64")},
    {ORIGINS(server.cors_origins, "", server.cors_origin_count)},
    {CHOICE(server.status_page, "true", status_pages)},

    {HOST(counter_service.host, "0.0.0.0")},
    {COUNT(counter_service.port, "50051", "0", "65535")},
    {COUNT(counter_service.admin_port, "50052", "0", "65535")},
    {DURATION(counter_service.max_deadline, "4s", "100ms", "1m")},
    {COUNT(counter_service.rpc_threads, "1", "1", "16")},
    /* At least one batch of BATCH_ITEMS_MAX, which could never be taken otherwise. */
    {COUNT(counter_service.queue, "65536", "1000", "1000000")},
    {DURATION(counter_service.queue_time, "1s", "10ms", "1m")},
    /* 0, or at least 1s: config_rules.c. */
    {DURATION(counter_service.max_connection_age, "30m", "0s", "24h")},

    {ADDRESS(grpc.counter_service.host, "localhost:50051")},
    {DURATION(grpc.counter_service.resolve_every, "30s", "1s", "1h")},
    {COUNT(grpc.counter_service.pool_size, "20", "1", "1024")},
    {DURATION(grpc.counter_service.keep_alive, "30s", "1s", "1h")},
    {DURATION(grpc.counter_service.attempt_timeout, "600ms", "10ms", "1m")},
    {COUNT(grpc.counter_service.window, "4096", "1", "1000000")},

    {COUNT(breaker.failures, "5", "1", "1000")},
    {DURATION(breaker.open_for, "250ms", "10ms", "1m")},

    {CHOICE(redis.mode, "auto", redis_modes)},
    {SEEDS(redis.addr, "localhost:6379", redis.addr_count)},
    {TEXT(redis.username, "")},
    {TEXT(redis.password, ""), .secret = true},
    {TEXT(redis.sentinel_master, "mymaster")},
    {ADDRESSES(redis.sentinel_addrs, "", redis.sentinel_addr_count)},
    {TEXT(redis.sentinel_username, "")},
    {TEXT(redis.sentinel_password, ""), .secret = true},
    {CHOICE(redis.tls, "false", truths)},
    {TEXT(redis.tls_ca, "")},
    {TEXT(redis.tls_cert, "")},
    {TEXT(redis.tls_key, "")},
    {HOST(redis.tls_server_name, ""), .may_be_empty = true},
    {COUNT(redis.db, "0", "0", "1023")},
    {COUNT(redis.workers, "1", "1", "16")},
    {DURATION(redis.timeout, "1s", "10ms", "1m")},
    {DURATION(redis.connect_timeout, "500ms", "10ms", "1m")},
    {COUNT(redis.partitions, "0", "0", "1024")},
    {COUNT(redis.wait_replicas, "0", "0", "16")},
    {DURATION(redis.wait_timeout, "100ms", "1ms", "1m")},

    /* At least what a gateway needs to keep a session: it renews each minute, or three times in this time if that is
     * sooner. */
    {DURATION(session.ttl, "1h", "3s", "24h")},

    {DURATION(idempotency.ttl, "24h", "1s", "8760h")},

    {CHOICE(log.level, "info", log_levels), .applied_at_reload = true},
    {CHOICE(log.format, "json", log_formats)},

    {DURATION(drain.delay, "2s", "0s", "5m")},
    {DURATION(drain.timeout, "10s", "0s", "10m")},

    {ADDRESS(consul.address, "localhost:8500"), .may_be_empty = true},
    {TEXT(consul.token, ""), .secret = true},
    {LABEL(consul.service, "counter-service")},
    {HOST(consul.advertise_host, ""), .may_be_empty = true},
    {DURATION(consul.health_interval, "10s", "1s", "10m")},

    {ADDRESSES(kafka.brokers, "", kafka.broker_count)},
    {TOPIC(kafka.topic, "counter_events")},
    {CHOICE(kafka.format, "json", event_formats)},
    {COUNT(kafka.partitions, "6", "1", "10000")},
    {COUNT(kafka.replication, "0", "0", "100")},
    {CHOICE(kafka.security, "plaintext", kafka_securities)},
    {TEXT(kafka.mechanism, "")},
    {TEXT(kafka.username, "")},
    {TEXT(kafka.password, ""), .secret = true},
    {TEXT(kafka.ca, "")},
    {OPTIONS(kafka.options, "", kafka.option_count)},

    /* At least one batch of BATCH_ITEMS_MAX, which could never be taken otherwise. */
    {COUNT(events.outbox_max, "1000000", "1000", "100000000")},
    {CHOICE(events.when_full, "drop_oldest", when_full_choices)},

    {RANKINGS(rankings)},

    {DURATION(cache.max_staleness, "0s", "0s", "1m")},
    {COUNT(cache.max_entries, "10000", "1", "1000000")},

    {URL(tracing.endpoint, ""), .may_be_empty = true},
    {HEADERS(tracing.headers, "", tracing.header_count), .secret = true},
    {RATIO(tracing.sample_ratio, "0.01")},
    {COUNT(tracing.max_per_second, "1000", "1", "1000000")},

    {CHOICE(debug.pprof, "false", truths)},
    {CHOICE(debug.heap_profile, "false", truths)},
    {NETWORKS(debug.allow, "", debug.allow_count)},
};

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

void config_key_variable(const struct config_key *key, char out[CONFIG_VARIABLE_SIZE])
{
    const size_t prefix_len = strlen(CONFIG_VARIABLE_PREFIX);
    const size_t len = strlen(key->path);
    assert(prefix_len + len < CONFIG_VARIABLE_SIZE);
    memcpy(out, CONFIG_VARIABLE_PREFIX, prefix_len);
    for (size_t i = 0; i <= len; i++) {
        out[prefix_len + i] = (char)(key->path[i] == '.' ? '_' : toupper((unsigned char)key->path[i]));
    }
}
