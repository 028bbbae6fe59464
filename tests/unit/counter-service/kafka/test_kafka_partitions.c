#include "counter-service/kafka/kafka_partitions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t knows_us = (int64_t)KAFKA_PARTITION_KNOWS_MS * 1000;

static void test_a_partition_knows_a_producer_since_it_acknowledged_something(void **state)
{
    (void)state;
    struct kafka_partitions partitions = {0};
    assert_false(kafka_partitions_know(&partitions, 0, 1));
    kafka_partitions_acknowledged(&partitions, 3, 1);
    assert_true(kafka_partitions_know(&partitions, 3, 1));
    for (int32_t other = 0; other <= 4; other++) {
        assert_int_equal(kafka_partitions_know(&partitions, other, 1), other == 3);
    }
    kafka_partitions_acknowledged(&partitions, 1000, 2);
    assert_true(kafka_partitions_know(&partitions, 3, 2));
    assert_true(kafka_partitions_know(&partitions, 1000, 2));
    assert_false(kafka_partitions_know(&partitions, 999, 2));
    kafka_partitions_done(&partitions);
}

static void test_it_is_asked_anew_after_a_while_without_a_message(void **state)
{
    (void)state;
    struct kafka_partitions partitions = {0};
    kafka_partitions_acknowledged(&partitions, 0, 5);
    assert_true(kafka_partitions_know(&partitions, 0, 5 + knows_us - 1));
    assert_false(kafka_partitions_know(&partitions, 0, 5 + knows_us));
    kafka_partitions_acknowledged(&partitions, 0, 5 + knows_us);
    assert_true(kafka_partitions_know(&partitions, 0, 5 + knows_us));
    kafka_partitions_done(&partitions);
}

static void test_what_is_no_partition_knows_nobody(void **state)
{
    (void)state;
    struct kafka_partitions partitions = {0};
    kafka_partitions_acknowledged(&partitions, 0, 1);
    assert_false(kafka_partitions_know(&partitions, -1, 1));
    assert_false(kafka_partitions_know(&partitions, INT32_MIN, 1));
    assert_false(kafka_partitions_know(&partitions, INT32_MAX, 1));
    kafka_partitions_done(&partitions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_partition_knows_a_producer_since_it_acknowledged_something),
        cmocka_unit_test(test_it_is_asked_anew_after_a_while_without_a_message),
        cmocka_unit_test(test_what_is_no_partition_knows_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
