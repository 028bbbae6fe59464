/* `kafka:` and `events:`: the options that go to the library, and what belongs together. */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config/config_option.h"

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

static void assert_fine(const char *yaml)
{
    config_free(load_fine(yaml));
}

static void assert_refused(const char *yaml, const char *sentence)
{
    struct error error = {.message = ""};
    assert_null(load(yaml, &error));
    if (strstr(error.message, sentence) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", sentence, error.message);
    }
}

static void test_a_file_sets_every_key(void **state)
{
    (void)state;
    struct config *config = load_fine("kafka:\n"
                                      "  brokers: ['one:1', 'two:2']\n"
                                      "  topic: mine\n"
                                      "  format: protobuf\n"
                                      "  partitions: 12\n"
                                      "  replication: 3\n"
                                      "  security: sasl_ssl\n"
                                      "  mechanism: SCRAM-SHA-512\n"
                                      "  username: tally\n"
                                      "  password: hunter2\n"
                                      "  ca: /etc/ssl/mine.pem\n"
                                      "  options: [linger.ms=20, 'client.id=a, b=c']\n"
                                      "events: {outbox_max: 5000, when_full: refuse}\n");
    assert_int_equal(config->kafka.broker_count, 2);
    assert_string_equal(config->kafka.brokers[1], "two:2");
    assert_int_equal(config->kafka.format, EVENT_FORMAT_PROTOBUF);
    assert_int_equal(config->kafka.partitions, 12);
    assert_int_equal(config->kafka.replication, 3);
    assert_int_equal(config->kafka.security, KAFKA_SASL_SSL);
    assert_string_equal(config->kafka.mechanism, "SCRAM-SHA-512");
    assert_string_equal(config->kafka.password, "hunter2");
    assert_string_equal(config->kafka.ca, "/etc/ssl/mine.pem");
    assert_int_equal(config->kafka.option_count, 2);
    assert_string_equal(config->kafka.options[1], "client.id=a, b=c");
    assert_int_equal(config->events.outbox_max, 5000);
    assert_int_equal(config->events.when_full, WHEN_FULL_REFUSE);
    config_free(config);
}

static void test_values_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_refused("kafka: {format: avro}", "kafka.format must be one of json, protobuf, not \"avro\"");
    assert_refused("kafka: {security: SSL}", "kafka.security must be one of plaintext, ssl, sasl_plaintext, sasl_ssl");
    assert_refused("kafka: {partitions: 0}", "kafka.partitions must be a whole number from 1 to 10000");
    assert_refused("kafka: {replication: 101}", "kafka.replication must be a whole number from 0 to 100");
    assert_refused("kafka: {password: \"hunter2\\n\"}", "kafka.password must be at most 512 bytes of UTF-8");
    assert_refused("events: {outbox_max: 999}", "events.outbox_max must be a whole number from 1000 to 100000000");
    assert_refused("events: {when_full: block}", "events.when_full must be one of drop_oldest, refuse");
}

static void test_what_is_no_option_is_refused_by_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "=x",    "a",           "a=",         "=",           "''",  "' a=x'",  "'a =x'",  "'a= x'",   "'a=x '",
        "'a= '", "\"a=x\\ny\"", "\"a\\t=x\"", "\"a=\\x7f\"", "A=x", "'a b=x'", "'a/b=x'", "\u00e4=x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char yaml[128];
        snprintf(yaml, sizeof(yaml), "kafka: {options: [b=1, %s]}", bad[i]);
        assert_refused(yaml, "kafka.options must be a list of name=value");
        assert_refused(yaml, "item 2 is not");
    }
    assert_fine("kafka: {options: [a==, 'b=x y', c=1=2]}");
}

static void test_an_option_has_a_length(void **state)
{
    (void)state;
    char yaml[640];
    char value[600];
    memset(value, 'v', sizeof(value));
    snprintf(yaml, sizeof(yaml), "kafka: {options: [a=%.510s]}", value);
    assert_fine(yaml);
    snprintf(yaml, sizeof(yaml), "kafka: {options: [a=%.511s]}", value);
    assert_refused(yaml, "at most 512 bytes");
}

static void test_no_option_is_given_twice(void **state)
{
    (void)state;
    assert_refused("kafka: {options: [linger.ms=1, a=1, linger.ms=2]}", "kafka.options must have linger.ms only once");
    assert_fine("kafka: {options: [linger.ms=1, linger=1]}");
}

static void options_yaml(char *yaml, size_t size, int count)
{
    size_t used = (size_t)snprintf(yaml, size, "kafka: {options: [");
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(yaml + used, size - used, "%sa%d=1", i == 0 ? "" : ", ", i);
    }
    snprintf(yaml + used, size - used, "]}");
}

static void test_there_are_64_options_at_most(void **state)
{
    (void)state;
    char yaml[1024];
    options_yaml(yaml, sizeof(yaml), 64);
    struct config *config = load_fine(yaml);
    assert_int_equal(config->kafka.option_count, 64);
    config_free(config);
    options_yaml(yaml, sizeof(yaml), 65);
    assert_refused(yaml, "'options'");
}

static void test_options_are_a_list(void **state)
{
    (void)state;
    assert_refused("kafka: {options: {linger.ms: 20}}", "'options'");
    assert_refused("kafka: {options: linger.ms=20}", "'options'");
}

static void test_a_login_is_complete(void **state)
{
    (void)state;
    assert_refused("kafka: {security: sasl_ssl}", "kafka.mechanism must be set where kafka.security is");
    assert_refused("kafka: {security: sasl_ssl, mechanism: PLAIN}", "needs kafka.username and kafka.password");
    assert_refused("kafka: {security: sasl_plaintext, mechanism: SCRAM-SHA-256, username: me}",
                   "needs kafka.username and kafka.password");
    assert_refused("kafka: {security: sasl_ssl, mechanism: PLAIN, password: x}", "needs kafka.username");
    assert_fine("kafka: {security: sasl_plaintext, mechanism: PLAIN, username: me, password: x}");
    assert_fine("kafka: {security: sasl_ssl, mechanism: GSSAPI}");
    assert_fine("kafka: {security: sasl_ssl, mechanism: OAUTHBEARER, options: [sasl.oauthbearer.method=oidc]}");
}

static void test_a_login_without_sasl_is_refused(void **state)
{
    (void)state;
    assert_refused("kafka: {mechanism: PLAIN}", "kafka.mechanism needs kafka.security sasl_plaintext or sasl_ssl");
    assert_refused("kafka: {username: me}", "kafka.username needs kafka.security sasl_plaintext or sasl_ssl");
    assert_refused("kafka: {security: ssl, password: x}", "kafka.password needs kafka.security sasl_plaintext or");
}

static void test_an_authority_without_tls_is_refused(void **state)
{
    (void)state;
    assert_refused("kafka: {ca: /a.pem}", "kafka.ca needs kafka.security ssl or sasl_ssl");
    assert_refused("kafka: {ca: /a.pem, security: sasl_plaintext, mechanism: GSSAPI}", "kafka.ca needs");
    assert_fine("kafka: {ca: /a.pem, security: ssl}");
}

static void test_secrets_of_options_are_printed_masked(void **state)
{
    (void)state;
    struct config *config = load_fine(
        "kafka: {options: [ssl.key.password=hunter2, ssl.key.pem=hunter2, sasl.oauthbearer.client.secret=hunter2,"
        " 'sasl.oauthbearer.config=a=hunter2', 'client.id=a\"b', ssl.key.location=/password]}");
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "options: [\"ssl.key.password=********\", \"ssl.key.pem=********\", "
                                 "\"sasl.oauthbearer.client.secret=********\", \"sasl.oauthbearer.config=********\", "
                                 "\"client.id=a\\\"b\", \"ssl.key.location=/password\"]\n"));
    free(text);
    config_free(config);
}

static void test_the_name_of_an_option_ends_at_the_first_equals_sign(void **state)
{
    (void)state;
    assert_true(text_equal(config_option_name("a.b=c=d"), TEXT("a.b")));
    assert_true(text_equal(config_option_name("a"), TEXT("a")));
    assert_true(config_option_is_secret("sasl.password=x"));
    assert_false(config_option_is_secret("client.id=password"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_sets_every_key),
        cmocka_unit_test(test_values_out_of_range_are_refused),
        cmocka_unit_test(test_what_is_no_option_is_refused_by_its_place),
        cmocka_unit_test(test_an_option_has_a_length),
        cmocka_unit_test(test_no_option_is_given_twice),
        cmocka_unit_test(test_there_are_64_options_at_most),
        cmocka_unit_test(test_options_are_a_list),
        cmocka_unit_test(test_a_login_is_complete),
        cmocka_unit_test(test_a_login_without_sasl_is_refused),
        cmocka_unit_test(test_an_authority_without_tls_is_refused),
        cmocka_unit_test(test_secrets_of_options_are_printed_masked),
        cmocka_unit_test(test_the_name_of_an_option_ends_at_the_first_equals_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
