#include "gateway/json/json_integer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_integer(const char *number, int64_t expected)
{
    int64_t value = 77;
    assert_true(json_number_to_integer(text_of(number), &value));
    assert_int_equal(value, expected);
}

static void assert_no_integer(const char *number)
{
    int64_t value = 77;
    assert_false(json_number_to_integer(text_of(number), &value));
    assert_int_equal(value, 77);
}

static void test_plain_integers(void **state)
{
    (void)state;
    assert_integer("0", 0);
    assert_integer("-0", 0);
    assert_integer("7", 7);
    assert_integer("-12", -12);
    assert_integer("1002003000", 1002003000);
}

static void test_a_fraction_of_zeros_is_an_integer(void **state)
{
    (void)state;
    assert_integer("1.0", 1);
    assert_integer("-30.000", -30);
    assert_integer("0.0", 0);
    assert_integer("1000.00000000000000000000000000000000000000000000000000", 1000);
}

static void test_an_exponent_may_make_an_integer(void **state)
{
    (void)state;
    assert_integer("1e2", 100);
    assert_integer("1E+2", 100);
    assert_integer("1.5e1", 15);
    assert_integer("0.00125e5", 125);
    assert_integer("1500e-2", 15);
    assert_integer("-1e15", -1000000000000000);
    assert_integer("0e999999999999999999999999", 0);
    assert_integer("0.000e-999999999999999999999999", 0);
}

static void test_fractions_are_refused(void **state)
{
    (void)state;
    assert_no_integer("1.5");
    assert_no_integer("0.1");
    assert_no_integer("1e-1");
    assert_no_integer("15e-2");
    assert_no_integer("1.000000000000000000000000000000000000000000001");
    assert_no_integer("9007199254740991.5");
    assert_no_integer("1e-999999999999999999999999");
}

static void test_the_range_ends_where_doubles_get_inexact(void **state)
{
    (void)state;
    assert_integer("9007199254740991", INT64_C(9007199254740991));
    assert_integer("-9007199254740991", -INT64_C(9007199254740991));
    assert_integer("9007199254740991.0", INT64_C(9007199254740991));
    assert_integer("9007199254740991000e-3", INT64_C(9007199254740991));
    assert_no_integer("9007199254740992");
    assert_no_integer("-9007199254740992");
    assert_no_integer("9007199254740993"); /* a double would round it to ...992 */
    assert_no_integer("10000000000000000");
    assert_no_integer("1e16");
    assert_no_integer("99999999999999999999999999999999");
    assert_no_integer("1e999999999999999999999999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_integers),
        cmocka_unit_test(test_a_fraction_of_zeros_is_an_integer),
        cmocka_unit_test(test_an_exponent_may_make_an_integer),
        cmocka_unit_test(test_fractions_are_refused),
        cmocka_unit_test(test_the_range_ends_where_doubles_get_inexact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
