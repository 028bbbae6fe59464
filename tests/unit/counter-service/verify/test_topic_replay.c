/* When the reading of a topic ends. test_replay has what is made of the messages. */
#include "counter-service/verify/topic_replay.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/kafka_fixture.h"

enum { PARTITIONS = 2, TIMEOUT_MS = 4000, API_FETCH = 1 };

struct writer {
    struct kafka_fixture *kafka;
    atomic_bool stopping;
};

static void *keep_writing(void *ctx)
{
    struct writer *writer = ctx;
    while (!atomic_load(&writer->stopping)) {
        kafka_fixture_produce(writer->kafka, 0, TEXT("key"), TEXT("{}"), NULL, NULL);
        clock_sleep_ms(10);
    }
    return NULL;
}

/* Reads up to the ends, for which nothing comes in partition 1. Returns how long it took. */
static int64_t fail_to_read(struct kafka_fixture *kafka, struct topic_taker *taker, struct error *error)
{
    static const int64_t starts[PARTITIONS] = {0, 0};
    static const struct topic_range ranges[PARTITIONS] = {{0, 1}, {0, 1}};
    struct kafka_consumer *consumer = kafka_consumer_create(kafka->config, error);
    assert_non_null(consumer);
    const struct topic_replay_plan plan = {
        .consumer = consumer,
        .starts = starts,
        .ranges = ranges,
        .partition_count = PARTITIONS,
        .timeout_ms = TIMEOUT_MS,
    };
    const int64_t start_us = clock_monotonic_us();
    assert_int_equal(topic_replay_run(&plan, taker, error), -1);
    const int64_t took_us = clock_monotonic_us() - start_us;
    kafka_consumer_free(consumer);
    return took_us;
}

static void test_a_partition_that_is_written_does_not_hold_up_the_timeout(void **state)
{
    (void)state;
    struct kafka_fixture kafka;
    struct topic_taker taker = {.no_events = 0};
    struct error error = {.message = ""};
    struct writer writer = {.kafka = &kafka};
    pthread_t thread;
    kafka_fixture_start(&kafka, 1, PARTITIONS, NULL);
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &writer), 0);
    const int64_t took_us = fail_to_read(&kafka, &taker, &error);
    atomic_store(&writer.stopping, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(error.message,
                        "1 partition of the topic cannot be read to the end: no message has come for 4s");
    assert_true(took_us < 10 * 1000 * 1000);
    assert_int_equal(taker.no_events, 1);
    kafka_fixture_stop(&kafka);
}

static void test_what_brokers_refuse_is_told(void **state)
{
    (void)state;
    struct kafka_fixture kafka;
    struct topic_taker taker = {.no_events = 0};
    struct error error = {.message = ""};
    const rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
    kafka_fixture_start(&kafka, 1, PARTITIONS, NULL);
    for (int i = 0; i < 1000; i++) {
        rd_kafka_mock_push_request_errors(kafka.cluster, API_FETCH, 1, code);
    }
    fail_to_read(&kafka, &taker, &error);
    if (strstr(error.message, "2 partitions of the topic cannot be read to the end: ") == NULL ||
        strstr(error.message, rd_kafka_err2str(code)) == NULL) {
        fail_msg("%s", error.message);
    }
    kafka_fixture_stop(&kafka);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_partition_that_is_written_does_not_hold_up_the_timeout),
        cmocka_unit_test(test_what_brokers_refuse_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
