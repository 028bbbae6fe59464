/* The consumer against librdkafka's mock cluster. */
#include "counter-service/kafka/kafka_consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/kafka/kafka_producer.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/wait_for.h"

enum { TIMEOUT_MS = 20000, PARTITIONS = 3, MESSAGES = 90 };

static void ignore(void *ctx, void *tag)
{
    (void)ctx;
    (void)tag;
}

static bool all_acknowledged(struct kafka_producer *producer)
{
    struct error error;
    assert_int_equal(kafka_producer_poll(producer, 10, &error), KAFKA_OK);
    return kafka_producer_unacknowledged(producer) == 0;
}

/* Numbers from first to last - 1, with as many keys as there are letters. */
static void produce(const struct kafka_fixture *fixture, int first, int last)
{
    struct error error;
    const struct kafka_producer_options options = {.config = fixture->config, .on_acknowledged = ignore};
    struct kafka_producer *producer = kafka_producer_create(&options, &error);
    assert_non_null(producer);
    for (int i = first; i < last; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%d", i);
        const char key = (char)('a' + i % 26);
        const struct named_text header = {"number", text_of(text)};
        const struct kafka_message message = {
            .key = {&key, 1}, .value = text_of(text), .headers = &header, .header_count = 1};
        assert_int_equal(kafka_fixture_send(producer, &message), KAFKA_OK);
    }
    WAIT_FOR(all_acknowledged(producer));
    kafka_producer_free(producer);
}

static struct kafka_consumer *create(const struct kafka_fixture *fixture)
{
    struct error error = {.message = ""};
    struct kafka_consumer *consumer = kafka_consumer_create(fixture->config, &error);
    assert_string_equal(error.message, "");
    return consumer;
}

/* Until each partition is at its end. Returns how many messages came; counts has how often each number did. */
static int read_to_end(struct kafka_consumer *consumer, int *counts, int64_t *ends)
{
    struct kafka_received received;
    struct text header;
    struct error error = {.message = ""};
    int messages = 0;
    for (int at_end = 0; at_end < PARTITIONS;) {
        const enum kafka_next next = kafka_consumer_next(consumer, TIMEOUT_MS, &received, &error);
        assert_string_equal(error.message, "");
        assert_true(next == KAFKA_MESSAGE || next == KAFKA_AT_END);
        if (next == KAFKA_AT_END) {
            at_end++;
            ends[received.partition] = received.offset;
            continue;
        }
        assert_true(kafka_received_header(&received, "number", &header));
        assert_true(text_equal(header, received.value));
        assert_false(kafka_received_header(&received, "other", &header));
        char text[32] = "";
        memcpy(text, received.value.data, received.value.len);
        const long number = strtol(text, NULL, 10);
        assert_int_equal(received.key.len, 1);
        assert_int_equal(received.key.data[0], 'a' + number % 26);
        counts[number]++;
        messages++;
    }
    return messages;
}

static void test_everything_is_read_from_the_beginning_and_then_from_where_it_ended(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    int partitions = 0;
    int counts[2 * MESSAGES] = {0};
    int64_t offsets[PARTITIONS] = {KAFKA_FROM_BEGINNING, KAFKA_FROM_BEGINNING, KAFKA_FROM_BEGINNING};
    kafka_fixture_start(&fixture, 1, PARTITIONS, "[linger.ms=1]");
    produce(&fixture, 0, MESSAGES);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, TIMEOUT_MS, &partitions, &error), 0);
    assert_int_equal(partitions, PARTITIONS);
    assert_int_equal(kafka_consumer_assign(consumer, offsets, PARTITIONS, &error), 0);
    assert_int_equal(read_to_end(consumer, counts, offsets), MESSAGES);
    int64_t sum = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        int64_t first;
        int64_t end;
        assert_int_equal(kafka_consumer_ends(consumer, i, TIMEOUT_MS, &first, &end, &error), 0);
        assert_int_equal(first, 0);
        assert_int_equal(end, offsets[i]);
        sum += end;
    }
    assert_int_equal(sum, MESSAGES);
    kafka_consumer_free(consumer);

    produce(&fixture, MESSAGES, 2 * MESSAGES);
    consumer = create(&fixture);
    assert_int_equal(kafka_consumer_assign(consumer, offsets, PARTITIONS, &error), 0);
    assert_int_equal(read_to_end(consumer, counts, offsets), MESSAGES);
    for (int i = 0; i < 2 * MESSAGES; i++) {
        assert_int_equal(counts[i], 1);
    }
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_messages_that_come_later_are_read_too(void **state)
{
    (void)state;
    struct error error;
    struct kafka_fixture fixture;
    struct kafka_received received;
    const int64_t offset = KAFKA_FROM_BEGINNING;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_assign(consumer, &offset, 1, &error), 0);
    assert_int_equal(kafka_consumer_next(consumer, TIMEOUT_MS, &received, &error), KAFKA_AT_END);
    assert_int_equal(received.offset, 0);
    assert_int_equal(kafka_consumer_next(consumer, 10, &received, &error), KAFKA_NOTHING);
    produce(&fixture, 0, 1);
    assert_int_equal(kafka_consumer_next(consumer, TIMEOUT_MS, &received, &error), KAFKA_MESSAGE);
    assert_int_equal(received.offset, 0);
    assert_true(text_equal(received.value, TEXT("0")));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_an_offset_that_is_gone_is_a_failure(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    struct kafka_received received;
    const int64_t offset = 1000;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 1);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_assign(consumer, &offset, 1, &error), 0);
    WAIT_FOR(kafka_consumer_next(consumer, 10, &received, &error) == KAFKA_FAILED);
    assert_ptr_equal(strstr(error.message, "topic events, partition 0 cannot be read at "), error.message);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_brokers_that_are_down_give_nothing_and_no_failure(void **state)
{
    (void)state;
    struct error error;
    struct kafka_fixture fixture;
    struct kafka_received received;
    int partitions;
    const int64_t offset = KAFKA_FROM_BEGINNING;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 1);
    kafka_fixture_set_down(&fixture, 1);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, 3000, &partitions, &error), -1);
    assert_non_null(strstr(error.message, "no broker of kafka.brokers answers whether topic events is there"));
    assert_non_null(strstr(error.message, "no broker can be reached: "));
    assert_non_null(strstr(error.message, "Connection refused"));
    assert_int_equal(kafka_consumer_assign(consumer, &offset, 1, &error), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kafka_consumer_next(consumer, 10, &received, &error), KAFKA_NOTHING);
    }
    kafka_fixture_set_up(&fixture, 1);
    WAIT_FOR(kafka_consumer_next(consumer, 10, &received, &error) == KAFKA_MESSAGE);
    assert_true(text_equal(received.value, TEXT("0")));
    kafka_consumer_free(consumer);
    kafka_consumer_free(NULL);
    kafka_fixture_stop(&fixture);
}

static void test_a_topic_that_may_not_be_read_needs_the_right_to(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    int partitions;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    rd_kafka_mock_topic_set_error(fixture.cluster, KAFKA_FIXTURE_TOPIC, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_partitions(consumer, TIMEOUT_MS, &partitions, &error), -1);
    assert_non_null(strstr(error.message, "give its user Describe and Read on the topic"));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void check_options(const char *options, const char *expected)
{
    struct error error = {.message = ""};
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, options);
    struct kafka_consumer *consumer = kafka_consumer_create(fixture.config, &error);
    assert_ptr_equal(strstr(error.message, expected), error.message);
    assert_true((consumer == NULL) == (expected[0] != '\0'));
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

static void test_options_are_taken_or_named(void **state)
{
    (void)state;
    check_options("[message.max.bytes=20000000]", "");
    check_options("[queued.max.messages.kbytes=65536, fetch.message.max.bytes=1048576]", "");
    check_options("[session.timeout.ms=100000, max.poll.interval.ms=1000]",
                  "kafka.options, or another key of kafka: librdkafka does not take the settings of a consumer: ");
}

/* The library looks for the coordinator of its group although it is not used. */
static void test_no_right_to_a_group_is_needed(void **state)
{
    enum { API_FIND_COORDINATOR = 10 };
    (void)state;
    struct error error;
    struct kafka_fixture fixture;
    struct kafka_received received;
    const rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    const int64_t offset = KAFKA_FROM_BEGINNING;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    produce(&fixture, 0, 1);
    rd_kafka_mock_push_request_errors(fixture.cluster, API_FIND_COORDINATOR, 5, code, code, code, code, code);
    struct kafka_consumer *consumer = create(&fixture);
    assert_int_equal(kafka_consumer_assign(consumer, &offset, 1, &error), 0);
    enum kafka_next next = KAFKA_NOTHING;
    while (next == KAFKA_NOTHING) {
        next = kafka_consumer_next(consumer, 1000, &received, &error);
    }
    assert_int_equal(next, KAFKA_MESSAGE);
    kafka_consumer_free(consumer);
    kafka_fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_read_from_the_beginning_and_then_from_where_it_ended),
        cmocka_unit_test(test_messages_that_come_later_are_read_too),
        cmocka_unit_test(test_an_offset_that_is_gone_is_a_failure),
        cmocka_unit_test(test_brokers_that_are_down_give_nothing_and_no_failure),
        cmocka_unit_test(test_a_topic_that_may_not_be_read_needs_the_right_to),
        cmocka_unit_test(test_options_are_taken_or_named),
        cmocka_unit_test(test_no_right_to_a_group_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
