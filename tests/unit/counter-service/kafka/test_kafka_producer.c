/* The producer against librdkafka's mock cluster. test_kafka_producer_faults has what brokers refuse. */
#include "counter-service/kafka/kafka_producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_producer_inside.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/wait_for.h"

enum { TAGS_MAX = 20000 };

struct record {
    uintptr_t tags[TAGS_MAX];
    size_t count;
};

static void take_tag(void *ctx, void *tag)
{
    struct record *record = ctx;
    assert_true(record->count < TAGS_MAX);
    record->tags[record->count++] = (uintptr_t)tag;
}

static struct kafka_producer *create(const struct kafka_fixture *fixture, struct record *record)
{
    struct error error = {.message = ""};
    const struct kafka_producer_options options = {
        .config = fixture->config, .on_acknowledged = take_tag, .ctx = record};
    record->count = 0;
    struct kafka_producer *producer = kafka_producer_create(&options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(producer);
    return producer;
}

static enum kafka_outcome offer_number(struct kafka_producer *producer, uintptr_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%zu", (size_t)number);
    const struct kafka_message message = {.key = TEXT("key"), .value = text_of(text), .tag = (void *)number};
    return kafka_producer_send(producer, &message);
}

/* Polls while the producer takes nothing. */
static enum kafka_outcome send_number(struct kafka_producer *producer, uintptr_t number)
{
    struct error error;
    enum kafka_outcome outcome;
    while ((outcome = offer_number(producer, number)) == KAFKA_FULL) {
        (void)!kafka_producer_poll(producer, 10, &error);
    }
    return outcome;
}

static bool all_acknowledged(struct kafka_producer *producer)
{
    struct error error;
    assert_int_equal(kafka_producer_poll(producer, 10, &error), KAFKA_OK);
    return kafka_producer_unacknowledged(producer) == 0;
}

static void check_headers(void *ctx, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    (void)ctx;
    assert_int_equal(message->key_len, 3);
    assert_memory_equal(message->key, "k\0y", 3);
    assert_int_equal(message->len, 5);
    assert_memory_equal(message->payload, "value", 5);
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_cnt(headers), 2);
    assert_int_equal(rd_kafka_header_get(headers, 0, "ce_id", &value, &len), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(len, 2);
    assert_memory_equal(value, "42", 2);
    assert_int_equal(rd_kafka_header_get(headers, 0, "empty", &value, &len), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(len, 0);
}

static void test_a_message_arrives_with_its_key_and_headers(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    struct kafka_producer *producer = create(&fixture, &record);
    char id[] = "42";
    const struct named_text headers[] = {{"ce_id", {id, 2}}, {"empty", TEXT("")}};
    const struct kafka_message message = {
        .key = {"k\0y", 3}, .value = TEXT("value"), .headers = headers, .header_count = 2, .tag = (void *)7};
    assert_int_equal(kafka_producer_send(producer, &message), KAFKA_OK);
    memset(id, 'x', 2); /* it was copied */
    assert_int_equal(kafka_producer_unacknowledged(producer), 1);
    WAIT_FOR(all_acknowledged(producer));
    assert_int_equal(record.count, 1);
    assert_int_equal(record.tags[0], 7);
    assert_int_equal(kafka_fixture_read(&fixture, 0, check_headers, NULL), 1);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void check_number(void *ctx, const rd_kafka_message_t *message)
{
    char text[32];
    size_t *next = ctx;
    snprintf(text, sizeof(text), "%zu", (*next)++);
    assert_int_equal(message->len, strlen(text));
    assert_memory_equal(message->payload, text, message->len);
}

static void test_messages_of_a_key_arrive_and_are_acknowledged_in_order(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 3, 1, NULL);
    struct kafka_producer *producer = create(&fixture, &record);
    for (uintptr_t i = 0; i < 5000; i++) {
        assert_int_equal(send_number(producer, i), KAFKA_OK);
    }
    WAIT_FOR(all_acknowledged(producer));
    assert_int_equal(record.count, 5000);
    for (size_t i = 0; i < record.count; i++) {
        assert_int_equal(record.tags[i], i);
    }
    size_t next = 0;
    assert_int_equal(kafka_fixture_read(&fixture, 0, check_number, &next), 5000);
    assert_string_equal(kafka_producer_trouble(producer), "");
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_full_queue_takes_nothing_until_it_is_polled(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    struct error error;
    uintptr_t sent = 1;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    struct kafka_producer *producer = create(&fixture, &record);
    enum kafka_outcome outcome;
    assert_int_equal(send_number(producer, 0), KAFKA_OK);
    WAIT_FOR(all_acknowledged(producer));
    while ((outcome = offer_number(producer, sent)) == KAFKA_OK) {
        sent++;
        assert_true(sent <= 10001);
    }
    assert_int_equal(outcome, KAFKA_FULL);
    assert_int_equal(sent, 10001);
    assert_int_equal(kafka_producer_unacknowledged(producer), 10000);
    while ((outcome = offer_number(producer, sent)) == KAFKA_FULL) {
        assert_int_equal(kafka_producer_poll(producer, 10, &error), KAFKA_OK);
    }
    assert_int_equal(outcome, KAFKA_OK);
    WAIT_FOR(all_acknowledged(producer));
    assert_int_equal(record.count, 10002);
    size_t next = 0;
    assert_int_equal(kafka_fixture_read(&fixture, 0, check_number, &next), 10002);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

/* A broker that does not know the producer would take what is behind a message that it has refused. The key chooses the
 * partition: "a" and "d" are in different ones. */
static void test_the_first_message_to_a_partition_is_sent_alone_and_does_not_linger(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 2, "[linger.ms=60000]");
    struct kafka_producer *producer = create(&fixture, &record);
    const struct kafka_message messages[] = {{.key = TEXT("a"), .value = TEXT("0")},
                                             {.key = TEXT("d"), .value = TEXT("0")}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kafka_producer_send(producer, &messages[i]), KAFKA_OK);
        assert_int_equal(kafka_producer_send(producer, &messages[0]), KAFKA_FULL);
        assert_int_equal(kafka_producer_send(producer, &messages[1]), KAFKA_FULL);
        WAIT_FOR(all_acknowledged(producer));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kafka_producer_send(producer, &messages[i % 2]), KAFKA_OK);
    }
    assert_int_equal(kafka_producer_unacknowledged(producer), 4);
    assert_int_equal(record.count, 2);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_brokers_that_are_down_are_trouble_and_no_end(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 2, 1, NULL);
    struct kafka_producer *producer = create(&fixture, &record);
    assert_int_equal(send_number(producer, 0), KAFKA_OK);
    WAIT_FOR(all_acknowledged(producer));
    kafka_fixture_set_down(&fixture, 2);
    for (uintptr_t i = 1; i <= 100; i++) {
        assert_int_equal(send_number(producer, i), KAFKA_OK);
    }
    while (strstr(kafka_producer_trouble(producer), "no broker can be reached: ") == NULL) {
        assert_int_equal(kafka_producer_poll(producer, 10, &error), KAFKA_OK);
    }
    assert_int_equal(kafka_producer_unacknowledged(producer), 100);
    kafka_fixture_set_up(&fixture, 2);
    WAIT_FOR(all_acknowledged(producer));
    assert_string_equal(kafka_producer_trouble(producer), "");
    assert_int_equal(record.count, 101);
    size_t next = 0;
    assert_int_equal(kafka_fixture_read(&fixture, 0, check_number, &next), 101);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_brokers_that_were_never_there_are_trouble(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 1, 1, NULL);
    kafka_fixture_set_down(&fixture, 1);
    struct kafka_producer *producer = create(&fixture, &record);
    assert_string_equal(kafka_producer_trouble(producer), "");
    assert_int_equal(send_number(producer, 0), KAFKA_OK);
    while (strstr(kafka_producer_trouble(producer), "no broker can be reached: ") == NULL) {
        assert_int_equal(kafka_producer_poll(producer, 10, &error), KAFKA_OK);
    }
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_fatal_error_ends_the_producer(void **state)
{
    (void)state;
    static struct record record;
    struct kafka_fixture fixture;
    struct error error = {.message = ""};
    kafka_fixture_start(&fixture, 1, 1, NULL);
    struct kafka_producer *producer = create(&fixture, &record);
    assert_int_equal(send_number(producer, 0), KAFKA_OK);
    WAIT_FOR(all_acknowledged(producer));
    assert_int_equal(
        rd_kafka_test_fatal_error(producer->client, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test"),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    WAIT_FOR(kafka_producer_poll(producer, 10, &error) == KAFKA_ENDED);
    assert_non_null(strstr(error.message, "topic events: the producer has failed: "));
    assert_non_null(strstr(error.message, "a test"));
    assert_false(kafka_producer_batch_too_large(producer));
    assert_int_equal(send_number(producer, 1), KAFKA_ENDED);
    assert_int_equal(kafka_producer_poll(producer, 1000, &error), KAFKA_ENDED);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_message_that_the_library_does_not_take_ends_the_producer(void **state)
{
    (void)state;
    static struct record record;
    static const char large[2000];
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 1, 1, "[message.max.bytes=1000]");
    struct kafka_producer *producer = create(&fixture, &record);
    const struct kafka_message message = {.key = TEXT("key"), .value = {large, sizeof(large)}};
    assert_int_equal(kafka_producer_send(producer, &message), KAFKA_ENDED);
    assert_int_equal(kafka_producer_unacknowledged(producer), 0);
    assert_int_equal(kafka_producer_poll(producer, 0, &error), KAFKA_ENDED);
    assert_non_null(strstr(error.message, "Message size too large"));
    assert_true(kafka_producer_batch_too_large(producer));
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

/* Queued and in flight, with brokers up, slow or down. */
static void test_a_producer_with_unacknowledged_messages_can_be_freed(void **state)
{
    (void)state;
    static struct record record;
    for (int round = 0; round < 4; round++) {
        struct kafka_fixture fixture;
        kafka_fixture_start(&fixture, 1, 1, round == 2 ? "[linger.ms=60000]" : "[linger.ms=0]");
        struct kafka_producer *producer = create(&fixture, &record);
        assert_int_equal(send_number(producer, 0), KAFKA_OK);
        while (round != 2 && !all_acknowledged(producer)) {
            /* connected */
        }
        if (round == 1) {
            assert_int_equal(rd_kafka_mock_broker_set_rtt(fixture.cluster, 1, 2000), RD_KAFKA_RESP_ERR_NO_ERROR);
        } else if (round == 3) {
            kafka_fixture_set_down(&fixture, 1);
        }
        for (uintptr_t i = 0; i < 1000; i++) {
            assert_int_equal(send_number(producer, i), KAFKA_OK);
        }
        const int64_t start_us = clock_monotonic_us();
        kafka_producer_free(producer);
        assert_true(clock_monotonic_us() - start_us < INT64_C(15) * 1000 * 1000);
        assert_true(record.count <= 1001);
        kafka_fixture_stop(&fixture);
    }
    kafka_producer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_arrives_with_its_key_and_headers),
        cmocka_unit_test(test_messages_of_a_key_arrive_and_are_acknowledged_in_order),
        cmocka_unit_test(test_a_full_queue_takes_nothing_until_it_is_polled),
        cmocka_unit_test(test_the_first_message_to_a_partition_is_sent_alone_and_does_not_linger),
        cmocka_unit_test(test_brokers_that_are_down_are_trouble_and_no_end),
        cmocka_unit_test(test_brokers_that_were_never_there_are_trouble),
        cmocka_unit_test(test_a_fatal_error_ends_the_producer),
        cmocka_unit_test(test_a_message_that_the_library_does_not_take_ends_the_producer),
        cmocka_unit_test(test_a_producer_with_unacknowledged_messages_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
