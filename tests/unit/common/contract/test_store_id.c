#include "common/contract/store_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_valid(const char *id)
{
    return store_id_is_valid(text_of(id));
}

static void test_an_id_is_32_lower_case_hexadecimal_digits(void **state)
{
    (void)state;
    assert_true(is_valid("0123456789abcdef0123456789abcdef"));
    assert_true(is_valid("ffffffffffffffffffffffffffffffff"));
    assert_false(is_valid(""));
    assert_false(is_valid("0123456789abcdef0123456789abcde"));
    assert_false(is_valid("0123456789abcdef0123456789abcdef0"));
    assert_false(is_valid("0123456789ABCDEF0123456789ABCDEF"));
    assert_false(is_valid("0123456789abcdefg123456789abcdef"));
    assert_false(is_valid("0123456789abcdef 123456789abcdef"));
    assert_false(store_id_is_valid((struct text){"0123456789abcdef\0"
                                                 "123456789abcdef",
                                                 STORE_ID_LEN}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_id_is_32_lower_case_hexadecimal_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
