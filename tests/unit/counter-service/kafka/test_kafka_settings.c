/* What kafka_settings_check takes and refuses. It reaches for no broker. */
#include "counter-service/kafka/kafka_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <cmocka.h>

#include "counter-service/kafka/kafka_producer_settings.h"

#define SECRET "hunter2"

static struct config *load(const char *keys)
{
    char yaml[1024];
    static char *const no_environment[] = {NULL};
    struct error error = {.message = ""};
    snprintf(yaml, sizeof(yaml), "kafka: {brokers: ['localhost:1', '[::1]:2'], %s}\n", keys);
    struct config *config = config_load_text("test", yaml, strlen(yaml), no_environment, &error);
    assert_string_equal(error.message, "");
    return config;
}

static void assert_taken(const char *keys)
{
    struct error error = {.message = ""};
    struct config *config = load(keys);
    if (kafka_settings_check(config, &error) != 0) {
        fail_msg("%s: %s", keys, error.message);
    }
    config_free(config);
}

static void assert_refused(const char *keys, const char *sentence)
{
    struct error error = {.message = ""};
    struct config *config = load(keys);
    assert_int_equal(kafka_settings_check(config, &error), -1);
    if (strstr(error.message, sentence) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", sentence, error.message);
    }
    assert_null(strstr(error.message, SECRET));
    config_free(config);
}

static void test_the_defaults_are_taken(void **state)
{
    (void)state;
    assert_taken("topic: events");
}

static void test_without_brokers_nothing_is_looked_at(void **state)
{
    (void)state;
    static char *const no_environment[] = {NULL};
    static const char yaml[] = "kafka: {options: [acks=1]}\n";
    struct error error = {.message = ""};
    struct config *config = config_load_text("test", yaml, strlen(yaml), no_environment, &error);
    assert_non_null(config);
    assert_int_equal(kafka_settings_check(config, &error), 0);
    config_free(config);
}

static void test_options_that_exact_counting_rests_on_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "bootstrap.servers",
        "metadata.broker.list",
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "sasl.password",
        "ssl.ca.location",
        "enable.idempotence",
        "enable.gapless.guarantee",
        "acks",
        "request.required.acks",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "retries",
        "message.send.max.retries",
        "partitioner",
        "transactional.id",
        "queue.buffering.max.messages",
        "queuing.strategy",
        "delivery.report.only.error",
        "enabled_events",
        "log.queue",
        "test.mock.num.brokers",
        "test.mock.broker.rtt",
        "internal.termination.signal",
        "dr_cb",
        "dr_msg_cb",
        "error_cb",
        "log_cb",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char keys[128];
        char sentence[128];
        snprintf(keys, sizeof(keys), "options: [linger.ms=1, %s=" SECRET "]", names[i]);
        snprintf(sentence, sizeof(sentence), "kafka.options must not have %s: ", names[i]);
        assert_refused(keys, sentence);
    }
}

static void test_options_that_begin_or_end_alike_are_not_refused(void **state)
{
    (void)state;
    assert_refused("options: [xacks=1]", "No such configuration property: \"xacks\"");
    assert_refused("options: [acks.x=1]", "No such configuration property: \"acks.x\"");
    assert_refused("options: [cb=1]", "No such configuration property: \"cb\"");
    assert_taken("options: [retry.backoff.ms=10]");
}

static void test_a_bad_option_is_told_in_the_words_of_the_library(void **state)
{
    (void)state;
    assert_refused("options: [linger.ms=999999999]", "kafka.options (linger.ms): Configuration property ");
    assert_refused("options: [compression.type=zip]",
                   "kafka.options (compression.type): Invalid value \"zip\" for configuration property");
    assert_refused("options: [socket.keepalive.enable=maybe]", "kafka.options (socket.keepalive.enable): ");
}

static void test_what_only_a_client_finds_is_told(void **state)
{
    (void)state;
    assert_refused("options: [reconnect.backoff.ms=5000]", "kafka: librdkafka does not take the settings: ");
    assert_refused("security: sasl_ssl, mechanism: NONSENSE", "NONSENSE");
    assert_refused("security: ssl, ca: /nonexistent/ca.pem", "kafka.ca");
}

static void test_security_is_taken(void **state)
{
    (void)state;
    assert_taken("security: ssl");
    assert_taken("security: sasl_plaintext, mechanism: PLAIN, username: me, password: " SECRET);
    assert_taken("security: sasl_ssl, mechanism: SCRAM-SHA-512, username: me, password: " SECRET);
    assert_taken("options: [linger.ms=20, client.id=mine, compression.type=zstd]");
}

static void test_no_secret_is_in_a_sentence(void **state)
{
    (void)state;
    assert_refused("options: [ssl.key.pem=" SECRET "], security: ssl", "ssl.key.pem");
    assert_refused("options: [nonsense.password=" SECRET "]", "nonsense.password");
    assert_refused("options: [ssl.keystore.password=" SECRET ", ssl.keystore.location=/nonexistent], security: ssl",
                   "ssl.keystore.location");
    assert_refused("options: [sasl.oauthbearer.config=" SECRET ", linger.ms=x]", "linger.ms");
    assert_refused("security: sasl_ssl, mechanism: NONSENSE, username: me, password: " SECRET, "NONSENSE");
}

static void assert_set(const rd_kafka_conf_t *settings, const char *name, const char *expected)
{
    char value[128];
    size_t size = sizeof(value);
    assert_int_equal(rd_kafka_conf_get(settings, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void test_options_change_the_defaults_and_nothing_else(void **state)
{
    (void)state;
    struct error error;
    struct config *config = load("options: [linger.ms=20, compression.codec=none, batch.num.messages=500]");
    rd_kafka_conf_t *settings = kafka_producer_settings_create(config, 0, &error);
    assert_non_null(settings);
    assert_set(settings, "bootstrap.servers", "localhost:1,[::1]:2");
    assert_set(settings, "client.id", "tally");
    assert_set(settings, "linger.ms", "20");
    assert_set(settings, "batch.num.messages", "500");
    assert_set(settings, "reconnect.backoff.max.ms", "1000");
    assert_set(settings, "enable.idempotence", "true");
    assert_set(settings, "max.in.flight", "1");
    assert_set(settings, "queue.buffering.max.messages", "10000");
    assert_set(settings, "acks", "-1");
    assert_set(settings, "message.timeout.ms", "0");
    assert_set(settings, "partitioner", "murmur2_random");
    rd_kafka_conf_destroy(settings);
    config_free(config);
}

static void test_the_smaller_bound_of_a_batch_counts(void **state)
{
    (void)state;
    struct error error;
    struct config *config = load("options: [batch.num.messages=500]");
    rd_kafka_conf_t *settings = kafka_producer_settings_create(config, 1000, &error);
    assert_set(settings, "batch.num.messages", "500");
    rd_kafka_conf_destroy(settings);
    settings = kafka_producer_settings_create(config, 7, &error);
    assert_set(settings, "batch.num.messages", "7");
    rd_kafka_conf_destroy(settings);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_taken),
        cmocka_unit_test(test_without_brokers_nothing_is_looked_at),
        cmocka_unit_test(test_options_that_exact_counting_rests_on_are_refused),
        cmocka_unit_test(test_options_that_begin_or_end_alike_are_not_refused),
        cmocka_unit_test(test_a_bad_option_is_told_in_the_words_of_the_library),
        cmocka_unit_test(test_what_only_a_client_finds_is_told),
        cmocka_unit_test(test_security_is_taken),
        cmocka_unit_test(test_no_secret_is_in_a_sentence),
        cmocka_unit_test(test_options_change_the_defaults_and_nothing_else),
        cmocka_unit_test(test_the_smaller_bound_of_a_batch_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
