#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counter-service/outbox/lease_pace.h"

enum { TURN_US = 20 * 1000, START_US = 1000 * 1000 };

/* How long instances take that begin together, and each of them takes as many in a turn as it may. Fills led. */
static int64_t share(struct lease_pace *paces, size_t *led, size_t instances, size_t partitions)
{
    size_t taken = 0;
    int64_t now_us = START_US;
    for (size_t k = 0; k < instances; k++) {
        lease_pace_init(&paces[k]);
        led[k] = 0;
    }
    for (; taken < partitions; now_us += TURN_US) {
        for (size_t k = 0; k < instances; k++) {
            while (taken < partitions && lease_pace_take(&paces[k], led[k], partitions, now_us)) {
                led[k]++;
                taken++;
            }
        }
    }
    return now_us - START_US;
}

static void test_the_only_partition_is_taken_at_once_each_time(void **state)
{
    struct lease_pace pace;
    (void)state;
    lease_pace_init(&pace);
    for (int i = 0; i < 10; i++) {
        assert_true(lease_pace_take(&pace, 0, 1, START_US));
    }
}

static void test_who_is_alone_has_all_within_some_seconds(void **state)
{
    static const size_t partitions[] = {2, 4, 64, 1024};
    struct lease_pace pace;
    size_t led;
    (void)state;
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        assert_in_range(share(&pace, &led, 1, partitions[i]), 0, 8 * 1000 * 1000);
        assert_int_equal(led, partitions[i]);
    }
}

static void test_several_that_begin_together_get_about_as_many(void **state)
{
    enum { INSTANCES = 4, PARTITIONS = 64, ROUNDS = 20 };
    struct lease_pace paces[INSTANCES];
    size_t led[INSTANCES];
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        (void)share(paces, led, INSTANCES, PARTITIONS);
        for (size_t k = 0; k < INSTANCES; k++) {
            assert_in_range(led[k], PARTITIONS / INSTANCES / 3, PARTITIONS / INSTANCES * 5 / 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_only_partition_is_taken_at_once_each_time),
        cmocka_unit_test(test_who_is_alone_has_all_within_some_seconds),
        cmocka_unit_test(test_several_that_begin_together_get_about_as_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
