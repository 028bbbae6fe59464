/* Looking for the topic, and the sentences about it. The mock cluster creates no topics on request. */
#include "counter-service/kafka/kafka_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_topic_refusal.h"
#include "tests/fakes/kafka_fixture.h"

static void ignore(void *ctx, void *tag)
{
    (void)ctx;
    (void)tag;
}

static struct kafka_producer *create(const struct kafka_fixture *fixture)
{
    struct error error = {.message = ""};
    const struct kafka_producer_options options = {.config = fixture->config, .on_acknowledged = ignore};
    struct kafka_producer *producer = kafka_producer_create(&options, &error);
    assert_string_equal(error.message, "");
    return producer;
}

static void assert_says(const struct error *error, const char *part)
{
    if (strstr(error->message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error->message);
    }
}

static void test_a_topic_that_is_there_is_enough(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 3, NULL);
    struct kafka_producer *producer = create(&fixture);
    if (kafka_topic_ensure(producer, 10000, &error) != 0) {
        fail_msg("%s", error.message);
    }
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_no_broker_is_told_in_time(void **state)
{
    (void)state;
    struct error error;
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    kafka_fixture_set_down(&fixture, 1);
    struct kafka_producer *producer = create(&fixture);
    const int64_t start_us = clock_monotonic_us();
    assert_int_equal(kafka_topic_ensure(producer, 300, &error), -1);
    assert_in_range(clock_monotonic_us() - start_us, 0, INT64_C(10) * 1000 * 1000);
    assert_says(&error, "no broker of kafka.brokers answers whether topic events is there: no broker can be reached: ");
    assert_says(&error, "Connection refused");
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_topic_that_may_not_be_seen_is_told(void **state)
{
    (void)state;
    struct error error;
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    rd_kafka_mock_topic_set_error(fixture.cluster, KAFKA_FIXTURE_TOPIC, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct kafka_producer *producer = create(&fixture);
    assert_int_equal(kafka_topic_ensure(producer, 10000, &error), -1);
    assert_says(&error, "Kafka does not let Tally see topic events: give its user Describe and Write");
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_topic_that_is_missing_and_cannot_be_created_is_told(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    rd_kafka_mock_topic_set_error(fixture.cluster, KAFKA_FIXTURE_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    struct kafka_producer *producer = create(&fixture);
    assert_int_equal(kafka_topic_ensure(producer, 3000, &error), -1);
    assert_says(&error, "topic events is not there, and ");
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_each_refusal_says_what_can_be_done(void **state)
{
    (void)state;
    static const char yaml[] = "kafka: {topic: mine, partitions: 12, replication: 3}\n";
    static char *const no_environment[] = {NULL};
    static const struct {
        rd_kafka_resp_err_t code;
        const char *part;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
         "create it (kafka.partitions is 12), or give Tally's user Create"},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "does not let Tally create it"},
        {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
         "with kafka.replication 3: it must be at most the number of brokers"},
        {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "forbids it with kafka.partitions 12 and kafka.replication 3"},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker answers that it is created"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, "no broker answers that it is created"},
        {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, "cannot be created"},
    };
    struct error error;
    struct config *config = config_load_text("test", yaml, strlen(yaml), no_environment, &error);
    assert_non_null(config);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        kafka_topic_create_refused(config, rows[i].code, "the broker's words", &error);
        assert_ptr_equal(strstr(error.message, "topic mine is not there, and "), error.message);
        assert_says(&error, rows[i].part);
    }
    assert_says(&error, "the broker's words");
    kafka_topic_look_refused(config, RD_KAFKA_RESP_ERR__TIMED_OUT, "words", &error);
    assert_string_equal(error.message, "no broker of kafka.brokers answers whether topic mine is there: words");
    kafka_topic_look_refused(config, RD_KAFKA_RESP_ERR_UNKNOWN, "words", &error);
    assert_string_equal(error.message, "whether topic mine is there cannot be known: words");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_topic_that_is_there_is_enough),
        cmocka_unit_test(test_no_broker_is_told_in_time),
        cmocka_unit_test(test_a_topic_that_may_not_be_seen_is_told),
        cmocka_unit_test(test_a_topic_that_is_missing_and_cannot_be_created_is_told),
        cmocka_unit_test(test_each_refusal_says_what_can_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
