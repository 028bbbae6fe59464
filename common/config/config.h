/* The configuration of both daemons: one YAML file (configs/config.yaml, which has every key with its default and a
 * comment), overridden key by key by environment variables (TALLY_REDIS_ADDR for redis.addr; for a secret also
 * TALLY_REDIS_PASSWORD_FILE, the file that holds it). Immutable once it is loaded, so every thread may read it. Unknown
 * keys, wrong types and out-of-range values are errors that name file, key and rule.
 *
 *     defaults <── file <── environment <── rules between keys
 *
 * Every key is one row of the table in config_keys.c: its type, default, range and whether it is secret. Reading the
 * file, naming the variables and printing follow the table. A new key is a field here, a row there, and an entry in the
 * file. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_H
#define TALLY_COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/log/log.h"

enum config_truth { CONFIG_FALSE, CONFIG_TRUE };
/* Who may see the status page. */
enum status_page { STATUS_PAGE_OFF, STATUS_PAGE_ON, STATUS_PAGE_LOOPBACK };
enum event_format { EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF };
enum redis_mode { REDIS_MODE_AUTO, REDIS_MODE_SINGLE, REDIS_MODE_SENTINEL, REDIS_MODE_CLUSTER };
enum kafka_security { KAFKA_PLAINTEXT, KAFKA_SSL, KAFKA_SASL_PLAINTEXT, KAFKA_SASL_SSL };
/* What happens when the outbox is full. */
enum when_full { WHEN_FULL_DROP_OLDEST, WHEN_FULL_REFUSE };

/* Windows of a ranking that follow the calendar; the last one has no end. */
enum ranking_calendar { RANKING_HOUR, RANKING_DAY, RANKING_WEEK, RANKING_MONTH, RANKING_ALL, RANKING_CALENDARS };

/* "hour", as the file spells it. Static. */
const char *config_ranking_calendar_name(enum ranking_calendar calendar);

enum {
    RANKINGS_MAX = 16,
    RANKING_ROLLING_MAX = 4,
    RANKING_WINDOW_SIZE = 12, /* of a window's name, with its NUL */
};

/* A window that ends now. */
struct ranking_rolling {
    char name[RANKING_WINDOW_SIZE]; /* as the file spells it: "24h" */
    int64_t length_ms;
};

/* An entry of the list `rankings`. */
struct ranking_config {
    char *counter_type;
    bool calendar[RANKING_CALENDARS];
    struct ranking_rolling rolling[RANKING_ROLLING_MAX];
    size_t rolling_count;
    int keep; /* resources in order, a window and partition */
    int utc_offset_min;
    int cache_ttl_ms;
};

struct config {
    struct {
        char *host;
        int port; /* 0: a free one */
        int request_timeout_ms;
        int max_connections;
        int max_pending; /* waiting operations a loop */
        int idle_timeout_ms;
        int read_timeout_ms;
        size_t max_body;        /* bytes */
        size_t max_body_memory; /* bytes */
        int loops;              /* 0: half the cores, at least 1 */
        char **cors_origins;    /* NULL when cors_origin_count is 0: off */
        size_t cors_origin_count;
        enum status_page status_page;
    } server;
    struct {
        char *host;
        int port;
        int admin_port;
        int max_deadline_ms;
        int rpc_threads;
        int queue; /* items */
        int queue_time_ms;
        int max_connection_age_ms; /* 0: no limit */
    } counter_service;
    struct {
        struct {
            char *host; /* host:port */
            int pool_size;
            int keep_alive_ms;
            int attempt_timeout_ms;
            int window; /* items a loop */
            int resolve_every_ms;
        } counter_service;
    } grpc;
    struct {
        int failures;
        int open_for_ms;
    } breaker;
    struct {
        enum redis_mode mode;
        char **addrs; /* host:port or unix:/path; one at least */
        size_t addr_count;
        char *username; /* "": the default user */
        char *password; /* "" for none */
        char *sentinel_master;
        char **sentinel_addrs; /* host:port; NULL when sentinel_addr_count is 0: off */
        size_t sentinel_addr_count;
        char *sentinel_username; /* "": the default user */
        char *sentinel_password; /* "" for none */
        enum config_truth tls;
        char *tls_ca;          /* path of a file; "": the system's */
        char *tls_cert;        /* path of a file; "": none */
        char *tls_key;         /* path of a file; "" with tls_cert */
        char *tls_server_name; /* "": the host of the address */
        int db;
        int workers;
        int timeout_ms;
        int connect_timeout_ms;
        int partitions;    /* 0: as the data have, or as suits the mode */
        int wait_replicas; /* 0: none is waited for */
        int wait_timeout_ms;
    } redis;
    struct {
        int ttl_ms;
    } session;
    struct {
        int64_t ttl_ms;
    } idempotency;
    struct {
        enum log_level level;
        enum log_format format;
    } log;
    struct {
        int delay_ms;
        int timeout_ms;
    } drain;
    struct {
        char *address;        /* of the agent, host:port; "": off */
        char *token;          /* "" for none */
        char *service;        /* the name of counter-service there */
        char *advertise_host; /* "": where the program listens */
        int health_interval_ms;
    } consul;
    struct {
        char **brokers; /* NULL when broker_count is 0: off */
        size_t broker_count;
        char *topic;
        enum event_format format;
        int partitions;
        int replication; /* 0: the broker's default */
        enum kafka_security security;
        char *mechanism;
        char *username;
        char *password; /* "" for none */
        char *ca;       /* path of a file; "": the system's */
        char **options; /* name=value; NULL when option_count is 0 */
        size_t option_count;
    } kafka;
    struct {
        int outbox_max; /* events a partition */
        enum when_full when_full;
    } events;
    struct ranking_config *rankings; /* NULL when ranking_count is 0: off. No counter_type twice */
    size_t ranking_count;
    struct {
        int max_staleness_ms; /* 0: off */
        int max_entries;      /* a loop */
    } cache;
    struct {
        char *endpoint; /* "http://127.0.0.1:4318"; "": as OTEL_... says, otherwise off */
        char **headers; /* "Name: value", secret; NULL when header_count is 0 */
        size_t header_count;
        int sample_ratio_ppb; /* of 10^9 */
        int max_per_second;
    } tracing;
    struct {
        enum config_truth pprof;
        enum config_truth heap_profile;
        char **allow; /* networks; NULL when allow_count is 0 */
        size_t allow_count;
    } debug;

    /* Not keys. Variables of the environment that a Kubernetes Service or a Docker link has set (config_link.h): how
     * many, and the names of as many as there is room for. Whoever loads the configuration warns of them. */
    size_t passed_over_count;
    char passed_over[512];
};

/* Whether writes add events to the outbox: somebody follows it. */
static inline bool config_has_outbox(const struct config *config)
{
    return config->kafka.broker_count > 0 || config->ranking_count > 0;
}

/* Reads path (NULL: every key has its default), then the environment, then checks the rules between keys. Returns a new
 * configuration, to be freed with config_free, or NULL with error filled. */
struct config *config_load(const char *path, struct error *error) MUST_CHECK;
/* The same from memory: yaml (yaml_len bytes) is what the file called name says, environment is a NULL-terminated list
 * of NAME=value. */
struct config *config_load_text(const char *name, const char *yaml, size_t yaml_len, char *const *environment,
                                struct error *error) MUST_CHECK;
/* NULL is fine. */
void config_free(struct config *config);
/* Prints the effective configuration as YAML, with secrets masked. */
void config_print(const struct config *config, FILE *out);

#endif
