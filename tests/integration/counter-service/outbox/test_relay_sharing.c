/* Several relays share the partitions out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/relay_setting.h"

static void test_instances_that_start_together_share_the_partitions(void **state)
{
    enum { PARTITIONS = 64 };
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, PARTITIONS, 2);
    start_relay(&setting);
    TURNS_UNTIL(&setting, led(&setting, 0) + led(&setting, 1) == PARTITIONS);
    assert_in_range(led(&setting, 0), PARTITIONS / 4, PARTITIONS * 3 / 4);
    /* One stops in good order, and the other one has all soon after. */
    relay_run_finish(&setting.relays[1], 0);
    relay_run_done(&setting.relays[1]);
    setting.relay_count = 1;
    const int64_t start_us = clock_monotonic_us();
    TURNS_UNTIL(&setting, led(&setting, 0) == PARTITIONS);
    assert_true(clock_monotonic_us() - start_us < 10 * 1000 * 1000);
    stop(&setting);
}

static void test_an_instance_that_comes_later_is_handed_its_share(void **state)
{
    enum { PARTITIONS = 12, ENTRIES = 400 };
    struct setting setting;
    int added = 0;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, PARTITIONS, 2);
    TURNS_UNTIL(&setting, led(&setting, 0) == PARTITIONS);
    start_relay(&setting);
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    while (led(&setting, 1) < PARTITIONS / 2 || added < ENTRIES) {
        assert_true(clock_monotonic_us() < give_up_us);
        add(&setting, 2, added++ % PARTITIONS, 3);
        (void)turn(&setting);
        (void)turn(&setting);
    }
    struct relay_state told;
    do {
        (void)turn(&setting);
        relay_run_state(&setting.relays[0], &told);
    } while (told.waiting > 0 || setting.relays[0].open + setting.relays[1].open > 0);
    assert_int_equal(led(&setting, 0), PARTITIONS / 2);
    assert_int_equal(led(&setting, 1), PARTITIONS / 2);
    const struct topic topic = read_topic(&setting);
    int64_t sum = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        sum += topic.last[i];
    }
    assert_int_equal(sum, 3 * added);
    stop(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instances_that_start_together_share_the_partitions),
        cmocka_unit_test(test_an_instance_that_comes_later_is_handed_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
