/* The consumer against librdkafka's mock cluster. */
#include "counter-service/kafka/kafka_consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/kafka_fixture.h"

enum { WAIT_MS = 20000 };

static struct kafka_consumer *create(const struct kafka_fixture *fixture)
{
    struct error error = {.message = ""};
    struct kafka_consumer *consumer = kafka_consumer_create(fixture->config, "test", &error);
    assert_string_equal(error.message, "");
    assert_non_null(consumer);
    return consumer;
}

static void produce(struct kafka_fixture *fixture, int partition, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char value[32];
        snprintf(value, sizeof(value), "%d", i);
        kafka_fixture_produce(fixture, partition, TEXT("key"), text_of(value), "number", value);
    }
    kafka_fixture_flush(fixture);
}

static struct kafka_range range_of(struct kafka_consumer *consumer, size_t partition)
{
    struct error error = {.message = ""};
    struct kafka_range range = {-1, -1};
    if (kafka_consumer_range(consumer, partition, WAIT_MS, &range, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return range;
}

static void assign(struct kafka_consumer *consumer, const int64_t *offsets, size_t count)
{
    struct error error = {.message = ""};
    if (kafka_consumer_assign(consumer, offsets, count, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

static enum kafka_next next(struct kafka_consumer *consumer, struct kafka_received *received)
{
    struct error error = {.message = ""};
    const enum kafka_next next = kafka_consumer_next(consumer, WAIT_MS, received, &error);
    if (next == KAFKA_FAILED) {
        fail_msg("%s", error.message);
    }
    return next;
}

static void expect_number(struct kafka_consumer *consumer, int number)
{
    struct kafka_received received;
    char text[32];
    snprintf(text, sizeof(text), "%d", number);
    assert_int_equal(next(consumer, &received), KAFKA_MESSAGE);
    assert_int_equal(received.offset, number);
    assert_true(text_equal(received.key, TEXT("key")));
    assert_true(text_equal(received.value, text_of(text)));
    assert_true(text_equal(kafka_consumer_header(consumer, "number"), text_of(text)));
    assert_null(kafka_consumer_header(consumer, "Number").data);
}

static void test_partitions_and_their_ranges_are_known(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct error error;
    size_t count = 0;
    kafka_fixture_start(&fixture, 1, 3, NULL);
    produce(&fixture, 1, 0, 5);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, WAIT_MS, &count, &error), 0);
    assert_int_equal(count, 3);
    assert_int_equal(range_of(consumer, 0).high, 0);
    assert_int_equal(range_of(consumer, 1).low, 0);
    assert_int_equal(range_of(consumer, 1).high, 5);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_messages_come_from_the_offsets_on(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct kafka_received received;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 0, 5);
    struct kafka_consumer *consumer = create(&fixture);
    assign(consumer, (const int64_t[]){2}, 1);
    for (int i = 2; i < 5; i++) {
        expect_number(consumer, i);
    }
    assert_int_equal(next(consumer, &received), KAFKA_PARTITION_END);
    assert_int_equal(received.partition, 0);
    assert_int_equal(received.offset, 5);
    produce(&fixture, 0, 5, 1);
    expect_number(consumer, 5);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_a_partition_that_is_paused_gives_no_more(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct kafka_received received;
    struct error error;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 0, 1);
    struct kafka_consumer *consumer = create(&fixture);
    assign(consumer, (const int64_t[]){0}, 1);
    expect_number(consumer, 0);
    assert_int_equal(next(consumer, &received), KAFKA_PARTITION_END);
    kafka_consumer_pause(consumer, 0);
    produce(&fixture, 0, 1, 1);
    assert_int_equal(kafka_consumer_next(consumer, 300, &received, &error), KAFKA_NOTHING);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_an_offset_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct kafka_received received;
    struct error error = {.message = ""};
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 0, 1);
    struct kafka_consumer *consumer = create(&fixture);
    assign(consumer, (const int64_t[]){17}, 1);
    assert_int_equal(kafka_consumer_next(consumer, WAIT_MS, &received, &error), KAFKA_FAILED);
    assert_non_null(strstr(error.message, "messages of topic events were deleted before they were read"));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_a_message_may_have_neither_key_nor_value_nor_headers(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct kafka_received received;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    kafka_fixture_produce(&fixture, 0, (struct text){NULL, 0}, (struct text){NULL, 0}, NULL, NULL);
    kafka_fixture_flush(&fixture);
    struct kafka_consumer *consumer = create(&fixture);
    assign(consumer, (const int64_t[]){0}, 1);
    assert_int_equal(next(consumer, &received), KAFKA_MESSAGE);
    assert_null(received.value.data);
    assert_int_equal(received.key.len, 0);
    assert_null(kafka_consumer_header(consumer, "content-type").data);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_a_topic_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct error error = {.message = ""};
    size_t count;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    rd_kafka_mock_topic_set_error(fixture.cluster, KAFKA_FIXTURE_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, WAIT_MS, &count, &error), -1);
    assert_non_null(strstr(error.message, "topic events is not there"));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_brokers_that_are_down_are_said(void **state)
{
    (void)state;
    struct kafka_fixture fixture;
    struct kafka_range range;
    struct error error = {.message = ""};
    size_t count;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    kafka_fixture_set_down(&fixture, 1);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, 500, &count, &error), -1);
    assert_non_null(strstr(error.message, "no broker of kafka.brokers answers whether topic events is there: "));
    assert_string_not_equal(kafka_consumer_trouble(consumer), "");
    assert_int_equal(kafka_consumer_range(consumer, 0, 100, &range, &error), -1);
    assert_non_null(strstr(error.message, "what partition 0 of topic events holds cannot be known: "));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_and_their_ranges_are_known),
        cmocka_unit_test(test_messages_come_from_the_offsets_on),
        cmocka_unit_test(test_a_partition_that_is_paused_gives_no_more),
        cmocka_unit_test(test_an_offset_that_is_not_there_is_an_error),
        cmocka_unit_test(test_a_message_may_have_neither_key_nor_value_nor_headers),
        cmocka_unit_test(test_a_topic_that_is_not_there_is_said),
        cmocka_unit_test(test_brokers_that_are_down_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
