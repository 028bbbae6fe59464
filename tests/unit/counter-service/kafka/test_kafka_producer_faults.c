/* What brokers refuse, injected into librdkafka's mock cluster: what is mended, in order, and what ends the producer.
 * The mock cluster checks no sequence numbers. Nor does a broker before Kafka 4.5 check the first ones of a producer in
 * a partition (KAFKA-15591): it takes a request behind one that it refused, and then never that one. */
#include "counter-service/kafka/kafka_producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/wait_for.h"

enum { API_PRODUCE = 0, API_INIT_PRODUCER_ID = 22, MESSAGES = 300 };

struct record {
    unsigned acknowledged[MESSAGES];
    unsigned arrived[MESSAGES];
    long last_arrived;
};

static void take_tag(void *ctx, void *tag)
{
    struct record *record = ctx;
    assert_true((uintptr_t)tag < MESSAGES);
    record->acknowledged[(uintptr_t)tag]++;
}

static struct kafka_producer *create(const struct kafka_fixture *fixture, int batch_messages_max, struct record *record)
{
    struct error error = {.message = ""};
    const struct kafka_producer_options options = {.config = fixture->config,
                                                   .batch_messages_max = batch_messages_max,
                                                   .on_acknowledged = take_tag,
                                                   .ctx = record};
    struct kafka_producer *producer = kafka_producer_create(&options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(producer);
    return producer;
}

static enum kafka_outcome send_number(struct kafka_producer *producer, uintptr_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%zu", (size_t)number);
    const struct kafka_message message = {.key = TEXT("key"), .value = text_of(text), .tag = (void *)number};
    return kafka_fixture_send(producer, &message);
}

static void send_numbers(struct kafka_producer *producer, uintptr_t first, uintptr_t last)
{
    for (uintptr_t i = first; i <= last; i++) {
        assert_int_equal(send_number(producer, i), KAFKA_OK);
    }
}

/* The library sends meanwhile: an answer may end the producer before all were handed over. */
static void send_numbers_until_end(struct kafka_producer *producer, uintptr_t first, uintptr_t last)
{
    enum kafka_outcome outcome = KAFKA_OK;
    for (uintptr_t i = first; i <= last && outcome == KAFKA_OK; i++) {
        outcome = send_number(producer, i);
        assert_true(outcome == KAFKA_OK || outcome == KAFKA_ENDED);
    }
}

static bool all_acknowledged(struct kafka_producer *producer)
{
    struct error error = {.message = ""};
    if (kafka_producer_poll(producer, 10, &error) != KAFKA_OK) {
        fail_msg("%s", error.message);
    }
    return kafka_producer_unacknowledged(producer) == 0;
}

static long number_of(const rd_kafka_message_t *message)
{
    char text[32] = "";
    assert_true(message->len < sizeof(text));
    memcpy(text, message->payload, message->len);
    const long number = strtol(text, NULL, 10);
    assert_true(number >= 0 && number < MESSAGES);
    return number;
}

static void take_arrived(void *ctx, const rd_kafka_message_t *message)
{
    struct record *record = ctx;
    record->arrived[number_of(message)]++;
}

static void take_arrived_in_order(void *ctx, const rd_kafka_message_t *message)
{
    struct record *record = ctx;
    const long number = number_of(message);
    take_arrived(ctx, message);
    if (number < record->last_arrived) {
        fail_msg("message %ld comes after message %ld", number, record->last_arrived);
    }
    record->last_arrived = number;
}

static void assert_each_once(const unsigned *counts)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        if (counts[i] != 1) {
            fail_msg("message %zu: %u times", i, counts[i]);
        }
    }
}

static void assert_mended(int api, rd_kafka_resp_err_t code)
{
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, "[linger.ms=0, retry.backoff.ms=10, batch.num.messages=20]");
    rd_kafka_mock_push_request_errors(fixture.cluster, (int16_t)api, 3, code, RD_KAFKA_RESP_ERR_NO_ERROR, code);
    struct kafka_producer *producer = create(&fixture, 0, &record);
    send_numbers(producer, 0, MESSAGES - 1);
    WAIT_FOR(all_acknowledged(producer));
    assert_each_once(record.acknowledged);
    assert_int_equal(kafka_fixture_read(&fixture, 0, take_arrived_in_order, &record), MESSAGES);
    assert_each_once(record.arrived);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

/* A partition that was made a moment ago: its broker learns that it leads it after it has refused a request, and before
 * the next one comes. */
static void test_nothing_overtakes_a_message_that_is_sent_again(void **state)
{
    enum { SENT = 20, RTT_MS = 100 };
    (void)state;
    struct error error;
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    kafka_fixture_start(&fixture, 1, 1, "[linger.ms=0, retry.backoff.ms=10, batch.num.messages=1]");
    struct kafka_producer *producer = create(&fixture, 0, &record);
    send_numbers(producer, 0, 0);
    WAIT_FOR(all_acknowledged(producer));
    rd_kafka_mock_push_request_errors(fixture.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(fixture.cluster, 1, RTT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (uintptr_t i = 1; i < SENT; i++) {
        send_numbers(producer, i, i);
        assert_int_equal(kafka_producer_poll(producer, 0, &error), KAFKA_OK);
        clock_sleep_ms(5);
    }
    WAIT_FOR(all_acknowledged(producer));
    assert_int_equal(kafka_fixture_read(&fixture, 0, take_arrived_in_order, &record), SENT);
    for (size_t i = 0; i < SENT; i++) {
        assert_int_equal(record.acknowledged[i], 1);
        assert_int_equal(record.arrived[i], 1);
    }
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_too_few_replicas_are_waited_for(void **state)
{
    (void)state;
    assert_mended(API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
}

static void test_a_new_leader_is_found(void **state)
{
    (void)state;
    assert_mended(API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
}

static void test_a_timed_out_request_is_sent_again(void **state)
{
    (void)state;
    assert_mended(API_PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
}

static void test_a_lost_connection_is_made_again(void **state)
{
    (void)state;
    assert_mended(API_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT);
}

static void test_a_coordinator_that_loads_is_waited_for(void **state)
{
    (void)state;
    assert_mended(API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
}

static void wait_for_end(struct kafka_producer *producer, struct error *error)
{
    error->message[0] = '\0';
    WAIT_FOR(kafka_producer_poll(producer, 10, error) == KAFKA_ENDED);
}

static void test_a_batch_that_is_too_large_ends_the_producer_and_the_next_goes_on(void **state)
{
    (void)state;
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 1, 1, "[batch.num.messages=50, linger.ms=100]");
    struct kafka_producer *producer = create(&fixture, 0, &record);
    send_numbers(producer, 0, 99);
    WAIT_FOR(all_acknowledged(producer));
    rd_kafka_mock_push_request_errors(fixture.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    send_numbers_until_end(producer, 100, MESSAGES - 1);
    wait_for_end(producer, &error);
    assert_string_equal(error.message, "topic events: a message was refused: Broker: Message size too large");
    assert_true(kafka_producer_batch_too_large(producer));
    kafka_producer_free(producer);

    producer = create(&fixture, 25, &record);
    for (uintptr_t i = 0; i < MESSAGES; i++) {
        if (record.acknowledged[i] == 0) {
            send_numbers(producer, i, i);
        }
    }
    WAIT_FOR(all_acknowledged(producer));
    assert_each_once(record.acknowledged);
    kafka_fixture_read(&fixture, 0, take_arrived, &record);
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_true(record.arrived[i] >= 1);
    }
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

/* Each message is a request, and the library would have the second one ready. */
static void test_nothing_is_sent_behind_the_first_message_if_that_is_refused(void **state)
{
    enum { RTT_MS = 100, ROUNDS = 5 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct record record = {.acknowledged = {0}};
        struct kafka_fixture fixture;
        struct error error;
        kafka_fixture_start(&fixture, 1, 1, "[batch.num.messages=1, linger.ms=0]");
        assert_int_equal(rd_kafka_mock_broker_set_rtt(fixture.cluster, 1, RTT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_mock_push_request_errors(fixture.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
        struct kafka_producer *producer = create(&fixture, 0, &record);
        send_numbers_until_end(producer, 0, MESSAGES - 1);
        wait_for_end(producer, &error);
        assert_true(kafka_producer_batch_too_large(producer));
        clock_sleep_ms(2 * RTT_MS);
        kafka_producer_free(producer);
        assert_int_equal(kafka_fixture_read(&fixture, 0, take_arrived, &record), 0);
        kafka_fixture_stop(&fixture);
    }
}

static enum kafka_outcome send_letter(struct kafka_producer *producer, uintptr_t number)
{
    const char key = (char)('a' + number % 26);
    const struct kafka_message message = {.key = {&key, 1}, .value = TEXT("0"), .tag = (void *)number};
    return kafka_fixture_send(producer, &message);
}

/* The library gives back what was behind the refused message first, and says of that only that there is a gap. All
 * partitions know the producer by then, so that there is something behind it. */
static void test_the_reason_is_that_of_the_refused_message(void **state)
{
    enum { PARTITIONS = 8 };
    (void)state;
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 1, PARTITIONS, "[batch.num.messages=10, linger.ms=1]");
    struct kafka_producer *producer = create(&fixture, 0, &record);
    for (uintptr_t i = 0; i < 26; i++) {
        assert_int_equal(send_letter(producer, i), KAFKA_OK);
    }
    WAIT_FOR(all_acknowledged(producer));
    rd_kafka_mock_push_request_errors(fixture.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    enum kafka_outcome outcome = KAFKA_OK;
    for (uintptr_t i = 26; i < MESSAGES && outcome == KAFKA_OK; i++) {
        outcome = send_letter(producer, i);
        assert_true(outcome == KAFKA_OK || outcome == KAFKA_ENDED);
    }
    wait_for_end(producer, &error);
    assert_string_equal(error.message, "topic events: a message was refused: Broker: Message size too large");
    assert_true(kafka_producer_batch_too_large(producer));
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

/* The library's own memory: what it frees twice is somebody else's by then. */
static void test_a_message_to_a_topic_that_is_gone_is_refused_and_no_more(void **state)
{
    (void)state;
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    struct error error;
    const struct named_text headers[] = {{"one", TEXT("1")}, {"two", TEXT("2")}};
    const struct kafka_message message = {
        .key = TEXT("key"), .value = TEXT("0"), .headers = headers, .header_count = 2, .tag = NULL};
    kafka_fixture_start(&fixture, 1, 1,
                        "[linger.ms=0, topic.metadata.refresh.interval.ms=50, topic.metadata.propagation.max.ms=0]");
    struct kafka_producer *producer = create(&fixture, 0, &record);
    assert_int_equal(kafka_producer_send(producer, &message), KAFKA_OK);
    WAIT_FOR(all_acknowledged(producer));
    rd_kafka_mock_topic_set_error(fixture.cluster, KAFKA_FIXTURE_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    clock_sleep_ms(500);
    enum kafka_outcome outcome = KAFKA_OK;
    for (int i = 0; i < 500 && outcome == KAFKA_OK; i++) {
        outcome = kafka_fixture_send(producer, &message);
        clock_sleep_ms(10);
    }
    assert_int_equal(outcome, KAFKA_ENDED);
    wait_for_end(producer, &error);
    assert_non_null(strstr(error.message, "Unknown topic"));
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

static void test_a_topic_that_may_not_be_written_ends_the_producer(void **state)
{
    (void)state;
    struct record record = {.acknowledged = {0}};
    struct kafka_fixture fixture;
    struct error error;
    kafka_fixture_start(&fixture, 1, 1, "[linger.ms=0]");
    struct kafka_producer *producer = create(&fixture, 0, &record);
    rd_kafka_mock_push_request_errors(fixture.cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    send_numbers(producer, 0, 0);
    wait_for_end(producer, &error);
    assert_string_equal(error.message, "topic events: a message was refused: Broker: Topic authorization failed");
    assert_false(kafka_producer_batch_too_large(producer));
    assert_int_equal(record.acknowledged[0], 0);
    assert_int_equal(kafka_producer_unacknowledged(producer), 0);
    kafka_producer_free(producer);
    kafka_fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_overtakes_a_message_that_is_sent_again),
        cmocka_unit_test(test_too_few_replicas_are_waited_for),
        cmocka_unit_test(test_a_new_leader_is_found),
        cmocka_unit_test(test_a_timed_out_request_is_sent_again),
        cmocka_unit_test(test_a_lost_connection_is_made_again),
        cmocka_unit_test(test_a_coordinator_that_loads_is_waited_for),
        cmocka_unit_test(test_a_batch_that_is_too_large_ends_the_producer_and_the_next_goes_on),
        cmocka_unit_test(test_nothing_is_sent_behind_the_first_message_if_that_is_refused),
        cmocka_unit_test(test_the_reason_is_that_of_the_refused_message),
        cmocka_unit_test(test_a_topic_that_may_not_be_written_ends_the_producer),
        cmocka_unit_test(test_a_message_to_a_topic_that_is_gone_is_refused_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
