#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/config/config_env.h"

static const char file[] = "server: {port: 1000}\nredis: {addr: 'file:1'}\n";

/* Loads the file above under one or two variables; the second may be NULL. */
static struct config *load(const char *first, const char *second, struct error *error)
{
    char *const environment[] = {(char *)"PATH=/bin", (char *)first, (char *)second, NULL};
    return config_load_text("test.yaml", file, sizeof(file) - 1, environment, error);
}

static struct config *load_fine(const char *first, const char *second)
{
    struct error error = {.message = ""};
    struct config *config = load(first, second, &error);
    assert_string_equal(error.message, "");
    assert_non_null(config);
    return config;
}

static void assert_refused(const char *variable, const char *message)
{
    struct error error = {.message = ""};
    assert_null(load(variable, NULL, &error));
    assert_string_equal(error.message, message);
}

static void test_a_variable_overrides_the_file(void **state)
{
    (void)state;
    struct config *config = load_fine("TALLY_REDIS_ADDR=env:2", "TALLY_GRPC_COUNTER_SERVICE_POOL_SIZE=7");
    assert_string_equal(config->redis.addrs[0], "env:2");
    assert_int_equal(config->grpc.counter_service.pool_size, 7);
    assert_int_equal(config->server.port, 1000);
    config_free(config);
}

static void test_a_value_may_hold_equals_signs(void **state)
{
    (void)state;
    struct config *config = load_fine("TALLY_REDIS_PASSWORD=a=b=", NULL);
    assert_string_equal(config->redis.password, "a=b=");
    config_free(config);
}

static void test_an_empty_variable_is_an_empty_value(void **state)
{
    (void)state;
    struct config *config = load_fine("TALLY_REDIS_PASSWORD=", "TALLY_KAFKA_BROKERS=");
    assert_string_equal(config->redis.password, "");
    assert_int_equal(config->kafka.broker_count, 0);
    config_free(config);
    assert_refused("TALLY_SERVER_PORT=",
                   "environment: TALLY_SERVER_PORT (server.port) must be a whole number from 0 to "
                   "65535, not \"\"");
}

static void test_a_bad_value_is_refused_by_variable_and_key(void **state)
{
    (void)state;
    assert_refused("TALLY_LOG_LEVEL=trace",
                   "environment: TALLY_LOG_LEVEL (log.level) must be one of debug, info, warn, error, not \"trace\"");
    assert_refused("TALLY_REDIS_PASSWORD=hunter2\n", "environment: TALLY_REDIS_PASSWORD (redis.password) must be at "
                                                     "most 512 bytes of UTF-8 without control characters");
}

static void test_a_variable_of_no_key_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("TALLY_REDIS_ADRR=x:1", "environment: TALLY_REDIS_ADRR is not the variable of any key");
    assert_refused("TALLY_REDIS_ADDR_=x:1", "environment: TALLY_REDIS_ADDR_ is not the variable of any key");
    assert_refused("TALLY_=x", "environment: TALLY_ is not the variable of any key");
    config_free(load_fine("TALLYHO=x", "tally_redis_addr=x"));
}

static void test_rules_between_keys_see_the_environment(void **state)
{
    (void)state;
    assert_refused("TALLY_KAFKA_USERNAME=me",
                   "test.yaml: kafka.username needs kafka.security sasl_plaintext or sasl_ssl");
}

static void apply_list(const char *variable, int expected, struct config *config, struct error *error)
{
    char *const environment[] = {(char *)variable, NULL};
    assert_int_equal(config_env_apply(config, environment, error), expected);
}

static void test_lists_are_comma_separated(void **state)
{
    (void)state;
    struct error error;
    struct config *config = load_fine(NULL, NULL);
    apply_list("TALLY_KAFKA_BROKERS=one:1,[::1]:2", 0, config, &error);
    assert_int_equal(config->kafka.broker_count, 2);
    assert_string_equal(config->kafka.brokers[0], "one:1");
    assert_string_equal(config->kafka.brokers[1], "[::1]:2");
    apply_list("TALLY_KAFKA_BROKERS=one:1,", -1, config, &error);
    apply_list("TALLY_KAFKA_BROKERS=,", -1, config, &error);
    assert_int_equal(config->kafka.broker_count, 2);
    apply_list("TALLY_KAFKA_BROKERS=", 0, config, &error);
    assert_int_equal(config->kafka.broker_count, 0);
    assert_null(config->kafka.brokers);
    config_free(config);
}

static void test_an_option_cannot_have_a_comma(void **state)
{
    (void)state;
    struct error error;
    struct config *config = load_fine("TALLY_KAFKA_OPTIONS=linger.ms=20,client.id=a=b", NULL);
    assert_int_equal(config->kafka.option_count, 2);
    assert_string_equal(config->kafka.options[0], "linger.ms=20");
    assert_string_equal(config->kafka.options[1], "client.id=a=b");
    /* What stands behind the comma may be the rest of a secret. */
    apply_list("TALLY_KAFKA_OPTIONS=ssl.key.password=hunter2,hunter3", -1, config, &error);
    assert_non_null(strstr(error.message, "TALLY_KAFKA_OPTIONS (kafka.options) must be a list of name=value"));
    assert_non_null(strstr(error.message, "item 2"));
    assert_null(strstr(error.message, "hunter"));
    apply_list("TALLY_KAFKA_OPTIONS=linger.ms=20,", -1, config, &error);
    apply_list("TALLY_KAFKA_OPTIONS=linger.ms=20, client.id=b", -1, config, &error);
    assert_int_equal(config->kafka.option_count, 2);
    apply_list("TALLY_KAFKA_OPTIONS=", 0, config, &error);
    assert_null(config->kafka.options);
    config_free(config);
}

static void append_broker(char *variable, size_t size)
{
    const size_t used = strlen(variable);
    snprintf(variable + used, size - used, ",a:1");
}

static void test_a_list_has_a_bound(void **state)
{
    (void)state;
    char variable[1024] = "TALLY_KAFKA_BROKERS=a:1";
    struct error error;
    struct config *config = load_fine(NULL, NULL);
    for (int items = 1; items < 64; items++) {
        append_broker(variable, sizeof(variable));
    }
    apply_list(variable, 0, config, &error);
    assert_int_equal(config->kafka.broker_count, 64);
    append_broker(variable, sizeof(variable));
    apply_list(variable, -1, config, &error);
    assert_string_equal(error.message, "environment: TALLY_KAFKA_BROKERS (kafka.brokers) must have at most 64 items");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_variable_overrides_the_file),
        cmocka_unit_test(test_a_value_may_hold_equals_signs),
        cmocka_unit_test(test_an_empty_variable_is_an_empty_value),
        cmocka_unit_test(test_a_bad_value_is_refused_by_variable_and_key),
        cmocka_unit_test(test_a_variable_of_no_key_is_refused_by_name),
        cmocka_unit_test(test_rules_between_keys_see_the_environment),
        cmocka_unit_test(test_lists_are_comma_separated),
        cmocka_unit_test(test_an_option_cannot_have_a_comma),
        cmocka_unit_test(test_a_list_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
