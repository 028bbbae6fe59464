#include "common/discovery/target_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_a_set_is_sorted_and_has_no_two_alike(void **state)
{
    (void)state;
    struct target_set set = {.count = 0};
    target_set_add(&set, "10.0.0.2", 1);
    target_set_add(&set, "::1", 2);
    target_set_add(&set, "10.0.0.1", 1);
    target_set_add(&set, "10.0.0.2", 1);
    assert_int_equal(set.count, 3);
    const char *targets[INSTANCES_MAX];
    target_set_list(&set, targets);
    assert_string_equal(targets[0], "10.0.0.1:1");
    assert_string_equal(targets[1], "10.0.0.2:1");
    assert_string_equal(targets[2], "[::1]:2");
}

static void test_too_many_are_cut_at_the_end_whatever_their_order(void **state)
{
    (void)state;
    for (int step = -1; step <= 1; step += 2) {
        struct target_set set = {.count = 0};
        for (int i = 0; i < 100; i++) {
            target_set_add(&set, "a", 1000 + (step > 0 ? i : 99 - i));
        }
        assert_int_equal(set.count, INSTANCES_MAX);
        assert_int_equal(set.cut, 100 - INSTANCES_MAX);
        assert_string_equal(set.targets[0], "a:1000");
        assert_string_equal(set.targets[INSTANCES_MAX - 1], "a:1063");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_is_sorted_and_has_no_two_alike),
        cmocka_unit_test(test_too_many_are_cut_at_the_end_whatever_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
