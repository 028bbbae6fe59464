/* What a file may say, and how it is told that it may not. test_config_env has the environment, test_config_keys the
 * shipped file. */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *const no_environment[] = {NULL};

static struct config *load(const char *yaml, struct error *error)
{
    return config_load_text("test.yaml", yaml, strlen(yaml), no_environment, error);
}

static struct config *load_fine(const char *yaml)
{
    struct error error = {.message = ""};
    struct config *config = load(yaml, &error);
    assert_string_equal(error.message, "");
    assert_non_null(config);
    return config;
}

/* The message names the file and contains each of the NULL-terminated parts. */
static void assert_refused(const char *yaml, const char *const *parts)
{
    struct error error = {.message = ""};
    assert_null(load(yaml, &error));
    assert_ptr_equal(strstr(error.message, "test.yaml: "), error.message);
    for (; *parts != NULL; parts++) {
        if (strstr(error.message, *parts) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", *parts, error.message);
        }
    }
}

#define ASSERT_REFUSED(yaml, ...) assert_refused((yaml), (const char *const[]){__VA_ARGS__, NULL})

static void test_an_empty_file_means_defaults(void **state)
{
    (void)state;
    struct config *config = load_fine("# nothing but a comment\n");
    assert_string_equal(config->server.host, "0.0.0.0");
    assert_int_equal(config->server.port, 8080);
    assert_int_equal(config->server.request_timeout_ms, 2000);
    assert_int_equal(config->server.max_body, 64 * 1024);
    assert_string_equal(config->grpc.counter_service.host, "localhost:50051");
    assert_int_equal(config->grpc.counter_service.pool_size, 20);
    assert_int_equal(config->grpc.counter_service.attempt_timeout_ms, 600);
    assert_string_equal(config->redis.password, "");
    assert_int_equal(config->idempotency.ttl_ms, INT64_C(24) * 60 * 60 * 1000);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_int_equal(config->log.format, LOG_FORMAT_JSON);
    assert_string_equal(config->consul.address, "localhost:8500");
    assert_string_equal(config->consul.token, "");
    assert_string_equal(config->consul.service, "counter-service");
    assert_string_equal(config->consul.advertise_host, "");
    assert_null(config->kafka.brokers);
    assert_int_equal(config->kafka.broker_count, 0);
    assert_null(config->kafka.options);
    assert_int_equal(config->kafka.security, KAFKA_PLAINTEXT);
    assert_int_equal(config->events.outbox_max, 1000000);
    assert_int_equal(config->events.when_full, WHEN_FULL_DROP_OLDEST);
    assert_null(config->rankings);
    assert_int_equal(config->ranking_count, 0);
    assert_int_equal(config->cache.max_staleness_ms, 0);
    assert_int_equal(config->cache.max_entries, 10000);
    config_free(config);
    config_free(load_fine(""));
}

static void test_a_file_sets_what_it_has_and_leaves_the_rest(void **state)
{
    (void)state;
    struct config *config = load_fine("server:\n"
                                      "  host: \"::\"\n"
                                      "  port: 0\n"
                                      "  max_body: 8KiB\n"
                                      "grpc:\n"
                                      "  counter_service:\n"
                                      "    host: '[::1]:9'\n"
                                      "    attempt_timeout: 250ms\n"
                                      "redis: {password: \"pa ss\", db: 3}\n"
                                      "idempotency: {ttl: 8760h}\n"
                                      "log: {level: debug, format: console}\n");
    assert_string_equal(config->server.host, "::");
    assert_int_equal(config->server.port, 0);
    assert_int_equal(config->server.max_body, 8192);
    assert_int_equal(config->server.max_connections, 10000);
    assert_int_equal(config->server.max_body_memory, 64 * 1024 * 1024);
    assert_int_equal(config->server.idle_timeout_ms, 95000);
    assert_null(config->server.cors_origins);
    assert_int_equal(config->server.status_page, STATUS_PAGE_ON);
    assert_string_equal(config->grpc.counter_service.host, "[::1]:9");
    assert_int_equal(config->grpc.counter_service.attempt_timeout_ms, 250);
    assert_string_equal(config->redis.password, "pa ss");
    assert_int_equal(config->redis.db, 3);
    assert_int_equal(config->idempotency.ttl_ms, INT64_C(8760) * 60 * 60 * 1000);
    assert_int_equal(config->log.level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->log.format, LOG_FORMAT_CONSOLE);
    config_free(config);
}

static void test_an_unknown_key_is_refused_by_name(void **state)
{
    (void)state;
    ASSERT_REFUSED("server:\n  port: 1\n  prot: 2\n", "prot", "server", "line: 2");
    ASSERT_REFUSED("srever: {}\n", "srever");
    ASSERT_REFUSED("grpc: {counter_service: {pool: 1}}\n", "pool");
    /* A key that does nothing must not exist. */
    ASSERT_REFUSED("tracing: {endpoint: 'localhost:4318'}\n", "tracing");
}

static void test_a_key_given_twice_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("server:\n  port: 1\n  port: 2\n", "port");
    ASSERT_REFUSED("server: {port: 1}\nserver: {loops: 1}\n", "server");
}

static void test_a_wrong_type_is_refused_with_its_line(void **state)
{
    (void)state;
    ASSERT_REFUSED("server:\n  loops: 1\n  port: [1]\n", "'port'", "line: 3");
    ASSERT_REFUSED("server: 5\n", "MAPPING", "'server'");
    ASSERT_REFUSED("server:\n", "MAPPING", "'server'");
    ASSERT_REFUSED("kafka: {brokers: localhost:9092}\n", "SEQUENCE", "'brokers'");
    ASSERT_REFUSED("[server]\n", "MAPPING");
}

static void test_null_is_not_a_value(void **state)
{
    (void)state;
    ASSERT_REFUSED("redis: {password: ~}\n", "redis.password must have a value");
    ASSERT_REFUSED("server: {host: null}\n", "server.host must have a value");
    ASSERT_REFUSED("server: {port: }\n", "server.port must be a whole number");
}

static void test_yaml_that_is_broken_or_too_clever_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("server: {port: 1\n", "libyaml");
    ASSERT_REFUSED("\xff", "libyaml");
    ASSERT_REFUSED("server: {port: &a 1, loops: *a}\n", "alias");
    ASSERT_REFUSED("server: {port: 1}\n---\nserver: {port: 2}\n", "documents after first");
}

static void test_a_value_out_of_range_is_refused_with_the_range(void **state)
{
    (void)state;
    ASSERT_REFUSED("server: {port: 65536}", "server.port must be a whole number from 0 to 65535, not \"65536\"");
    ASSERT_REFUSED("server: {port: -1}", "server.port", "not \"-1\"");
    ASSERT_REFUSED("server: {port: http}", "server.port", "not \"http\"");
    ASSERT_REFUSED("server: {request_timeout: 2}", "must be a duration from 10ms to 1m (like 250ms", "not \"2\"");
    ASSERT_REFUSED("server: {max_body: 2MiB}", "must be a size from 4KiB to 1MiB", "not \"2MiB\"");
    ASSERT_REFUSED("grpc: {counter_service: {pool_size: 0}}", "grpc.counter_service.pool_size", "from 1 to 1024");
    ASSERT_REFUSED("grpc: {counter_service: {pool_size: 1025}}", "grpc.counter_service.pool_size");
    ASSERT_REFUSED("redis: {workers: 17}", "redis.workers", "from 1 to 16");
    ASSERT_REFUSED("counter_service: {queue: 999}", "counter_service.queue", "from 1000");
    ASSERT_REFUSED("cache: {max_staleness: 61s}", "cache.max_staleness", "from 0s to 1m");
    ASSERT_REFUSED("cache: {max_entries: 0}", "cache.max_entries", "from 1 to 1000000");
    ASSERT_REFUSED("log: {level: trace}", "log.level must be one of debug, info, warn, error, not \"trace\"");
    ASSERT_REFUSED("log: {format: JSON}", "log.format must be one of json, console");
    ASSERT_REFUSED("server: {status_page: local}",
                   "server.status_page must be one of false, true, loopback, not \"local\"");
    ASSERT_REFUSED("debug: {pprof: 1}", "debug.pprof must be one of false, true, not \"1\"");
}

static void test_a_bad_string_is_refused_with_its_rule(void **state)
{
    (void)state;
    ASSERT_REFUSED("server: {host: \"\"}", "server.host must be an address or a host name");
    ASSERT_REFUSED("server: {host: 'localhost:8080'}", "server.host", "without a port");
    ASSERT_REFUSED("redis: {addr: localhost}", "redis.addr must be host:port or unix:/path", "not \"localhost\"");
    ASSERT_REFUSED("redis: {addr: \"\"}", "redis.addr must be host:port");
    ASSERT_REFUSED("consul: {address: localhost}", "consul.address must be host:port");
    ASSERT_REFUSED("consul: {service: \"\"}", "consul.service must be 1-32 characters of a-z 0-9 -");
    ASSERT_REFUSED("consul: {service: Counters}", "consul.service must be", "not \"Counters\"");
    ASSERT_REFUSED("consul: {service: a_b}", "consul.service");
    ASSERT_REFUSED("consul: {service: a/b}", "consul.service");
    ASSERT_REFUSED("consul: {service: -a}", "consul.service", "no - at either end");
    ASSERT_REFUSED("consul: {service: a-}", "consul.service", "no - at either end");
    config_free(load_fine("consul: {service: 12345678901234567890123456789-ab}"));
    ASSERT_REFUSED("consul: {service: 123456789012345678901234567890123}", "consul.service");
    ASSERT_REFUSED("consul: {advertise_host: 'a:1'}", "consul.advertise_host must be an address or a host name");
    ASSERT_REFUSED("server: {cors_origins: ['https://a', 'https://B']}",
                   "server.cors_origins must be a list of origins like https://shop.example");
    ASSERT_REFUSED("server: {cors_origins: ['https://a/']}", "server.cors_origins");
    ASSERT_REFUSED("server: {cors_origins: [a.example]}", "server.cors_origins");
    ASSERT_REFUSED("server: {cors_origins: ['https://']}", "server.cors_origins");
    ASSERT_REFUSED("server: {cors_origins: ['null']}", "server.cors_origins");
    config_free(load_fine("server: {cors_origins: ['https://a.example:8443', '*', 'http://[::1]:3000']}"));
    ASSERT_REFUSED("kafka: {brokers: [a:1, b]}", "kafka.brokers must be a list of host:port, not \"b\"");
    ASSERT_REFUSED("kafka: {topic: a/b}", "kafka.topic must be 1-249 characters");
    ASSERT_REFUSED("kafka: {topic: ..}", "kafka.topic");
    ASSERT_REFUSED("debug: {allow: [10.0.0.0/8, 10.0.0.1/8]}", "debug.allow must be a list of IP addresses or networks",
                   "not \"10.0.0.1/8\"");
    ASSERT_REFUSED("debug: {allow: [localhost]}", "debug.allow");
    config_free(load_fine("debug: {pprof: true, heap_profile: false, allow: [10.0.0.0/8, '2001:db8::/32', '::1']}"));
}

static void test_a_refused_secret_is_not_repeated(void **state)
{
    (void)state;
    struct error error;
    assert_null(load("redis: {password: \"hunter2\\n\"}", &error));
    assert_non_null(strstr(error.message, "redis.password must be at most 512 bytes"));
    assert_null(strstr(error.message, "hunter2"));
}

static void test_rules_between_keys_are_checked(void **state)
{
    (void)state;
    ASSERT_REFUSED("counter_service: {max_deadline: 1s}", "server.request_timeout", "counter_service.max_deadline");
    config_free(load_fine("counter_service: {max_deadline: 2s}"));
    ASSERT_REFUSED("grpc: {counter_service: {attempt_timeout: 2s}}", "grpc.counter_service.attempt_timeout",
                   "server.request_timeout");
    config_free(load_fine("grpc: {counter_service: {attempt_timeout: 1999ms}}"));
    ASSERT_REFUSED("counter_service: {max_connection_age: 999ms}", "counter_service.max_connection_age", "0s or");
    config_free(load_fine("counter_service: {max_connection_age: 1s}"));
    config_free(load_fine("counter_service: {max_connection_age: 0s}"));
    ASSERT_REFUSED("counter_service: {admin_port: 50051}", "counter_service.port", "counter_service.admin_port");
    config_free(load_fine("counter_service: {port: 0, admin_port: 0}"));
}

static void test_partitions_are_as_many_as_the_data_have_or_a_number(void **state)
{
    (void)state;
    ASSERT_REFUSED("redis: {partitions: 1025}", "redis.partitions");
    struct config *config = load_fine("redis: {partitions: 1024}\n");
    assert_int_equal(config->redis.partitions, 1024);
    config_free(config);
    config = load_fine("redis: {mode: cluster}\n");
    assert_int_equal(config->redis.partitions, 0);
    assert_int_equal(config->redis.mode, REDIS_MODE_CLUSTER);
    config_free(config);
}

static void test_consul_may_be_off_and_has_a_secret_token(void **state)
{
    (void)state;
    struct error error;
    struct config *config = load_fine("consul: {address: \"\", token: hunter2, advertise_host: \"fe80::1\"}\n");
    assert_string_equal(config->consul.address, "");
    assert_string_equal(config->consul.token, "hunter2");
    assert_string_equal(config->consul.advertise_host, "fe80::1");
    config_free(config);
    assert_null(load("consul: {token: \"hunter2\\n\"}", &error));
    assert_non_null(strstr(error.message, "consul.token must be"));
    assert_null(strstr(error.message, "hunter2"));
}

static void test_a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct error error;
    assert_null(config_load("/nonexistent/tally.yaml", &error));
    assert_string_equal(error.message, "/nonexistent/tally.yaml: No such file or directory");
    assert_null(config_load("/", &error));
    assert_string_equal(error.message, "/: Is a directory");
    assert_null(config_load("/dev/zero", &error));
    assert_string_equal(error.message, "/dev/zero: longer than 256 KiB");
}

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    return text;
}

static void test_what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    struct config *config = load_fine("server: {host: '::', request_timeout: 1500ms, max_body: 5000}\n"
                                      "log: {level: warn}\n");
    char *printed = print(config);
    assert_non_null(strstr(printed, "\n  counter_service:\n    host: \"localhost:50051\"\n"));
    assert_non_null(strstr(printed, "\n  request_timeout: 1500ms\n"));
    struct config *again = load_fine(printed);
    char *printed_again = print(again);
    assert_string_equal(printed, printed_again);
    free(printed_again);
    config_free(again);
    free(printed);
    config_free(config);
}

static void test_secrets_are_printed_masked(void **state)
{
    (void)state;
    struct config *config = load_fine("redis: {password: hunter2}");
    char *printed = print(config);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "  password: \"********\"\n"));
    free(printed);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_file_means_defaults),
        cmocka_unit_test(test_a_file_sets_what_it_has_and_leaves_the_rest),
        cmocka_unit_test(test_an_unknown_key_is_refused_by_name),
        cmocka_unit_test(test_a_key_given_twice_is_refused),
        cmocka_unit_test(test_a_wrong_type_is_refused_with_its_line),
        cmocka_unit_test(test_null_is_not_a_value),
        cmocka_unit_test(test_yaml_that_is_broken_or_too_clever_is_refused),
        cmocka_unit_test(test_a_value_out_of_range_is_refused_with_the_range),
        cmocka_unit_test(test_a_bad_string_is_refused_with_its_rule),
        cmocka_unit_test(test_a_refused_secret_is_not_repeated),
        cmocka_unit_test(test_rules_between_keys_are_checked),
        cmocka_unit_test(test_partitions_are_as_many_as_the_data_have_or_a_number),
        cmocka_unit_test(test_consul_may_be_off_and_has_a_secret_token),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(test_what_is_printed_reads_back_the_same),
        cmocka_unit_test(test_secrets_are_printed_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
