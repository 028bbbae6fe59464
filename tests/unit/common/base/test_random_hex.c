/* Random names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random_hex.h"

static void test_it_has_so_many_digits_and_is_another_each_time(void **state)
{
    (void)state;
    char first[65];
    char second[65];
    static const size_t lengths[] = {2, 32, 64};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(random_hex(first, lengths[i]), 0);
        assert_int_equal(strspn(first, "0123456789abcdef"), lengths[i]);
        assert_int_equal(strlen(first), lengths[i]);
    }
    assert_int_equal(random_hex(second, 64), 0);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_has_so_many_digits_and_is_another_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
