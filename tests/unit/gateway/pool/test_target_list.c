#include "gateway/pool/target_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_the_targets_are_copied(void **state)
{
    (void)state;
    char first[] = "a:1";
    const char *targets[] = {first, "b:2"};
    struct target_list list;
    assert_int_equal(target_list_init(&list, targets, 2, 5), 0);
    first[0] = 'x';
    targets[1] = NULL;
    assert_int_equal(list.count, 2);
    assert_string_equal(list.targets[0], "a:1");
    assert_string_equal(list.targets[1], "b:2");
    target_list_done(&list);
}

static void test_those_over_the_maximum_are_left_out(void **state)
{
    (void)state;
    const char *targets[] = {"a:1", "b:2", "c:3"};
    struct target_list list;
    assert_int_equal(target_list_init(&list, targets, 3, 2), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.targets[1], "b:2");
    target_list_done(&list);
}

static void test_no_targets_are_a_list_too(void **state)
{
    (void)state;
    struct target_list list;
    assert_int_equal(target_list_init(&list, NULL, 0, 5), 0);
    assert_int_equal(list.count, 0);
    target_list_done(&list);
    target_list_done(&list); /* zeroed now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_targets_are_copied),
        cmocka_unit_test(test_those_over_the_maximum_are_left_out),
        cmocka_unit_test(test_no_targets_are_a_list_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
