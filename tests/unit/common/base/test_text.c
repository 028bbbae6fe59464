#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/text.h"

static void test_a_text_starts_and_ends_with_what_is_no_longer_than_it(void **state)
{
    (void)state;
    assert_true(text_starts_with(TEXT("MOVED 1"), TEXT("MOVED")));
    assert_true(text_starts_with(TEXT("MOVED"), TEXT("MOVED")));
    assert_false(text_starts_with(TEXT("MOVE"), TEXT("MOVED")));
    assert_false(text_starts_with(TEXT("moved"), TEXT("MOVED")));
    assert_true(text_ends_with(TEXT("queue.ms"), TEXT(".ms")));
    assert_true(text_ends_with(TEXT(".ms"), TEXT(".ms")));
    assert_false(text_ends_with(TEXT("ms"), TEXT(".ms")));
}

static void test_a_text_of_no_bytes_has_no_data(void **state)
{
    (void)state;
    const struct text none = {NULL, 0};
    assert_true(text_starts_with(none, TEXT("")));
    assert_true(text_ends_with(TEXT("a"), TEXT("")));
    assert_false(text_starts_with(none, TEXT("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_starts_and_ends_with_what_is_no_longer_than_it),
        cmocka_unit_test(test_a_text_of_no_bytes_has_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
