#include "common/base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    int64_t value;
    const char *text;
} pairs[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {10, "10"},
    {-10, "-10"},
    {100000000000001, "100000000000001"},
    {INT64_MAX - 1, "9223372036854775806"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN + 1, "-9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

static void test_numbers_are_written_in_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char text[DECIMAL_LEN_MAX + 1];
        *decimal_put(text, pairs[i].value) = '\0';
        assert_string_equal(text, pairs[i].text);
    }
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        int64_t value = 42;
        assert_true(decimal_parse(text_of(pairs[i].text), &value));
        assert_true(value == pairs[i].value);
    }
}

static void test_all_else_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "00",
        "1.0",
        "1e3",
        "0x1",
        "abc",
        "--1",
        "1-1",
        "\n1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int64_t value = 42;
        assert_false(decimal_parse(text_of(refused[i]), &value));
        assert_int_equal(value, 42);
    }
    int64_t value;
    assert_false(decimal_parse((struct text){"1\0", 2}, &value));
}

static void test_unsigned_numbers_go_to_their_maximum(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 9, 10, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[DECIMAL_LEN_MAX];
        const struct text written = {text, (size_t)(decimal_put_unsigned(text, values[i]) - text)};
        uint64_t value = 42;
        assert_true(decimal_parse_unsigned(written, UINT64_MAX, &value));
        assert_true(value == values[i]);
    }
    uint64_t value = 42;
    assert_false(decimal_parse_unsigned(TEXT("18446744073709551616"), UINT64_MAX, &value));
    assert_false(decimal_parse_unsigned(TEXT("11"), 10, &value));
    assert_false(decimal_parse_unsigned(TEXT("4"), 3, &value)); /* a digit that is more than max */
    assert_false(decimal_parse_unsigned(TEXT("-1"), UINT64_MAX, &value));
    assert_false(decimal_parse_unsigned(TEXT(""), UINT64_MAX, &value));
    assert_true(value == 42);
    assert_true(decimal_parse_unsigned(TEXT("10"), 10, &value) && value == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_written_in_full),
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_all_else_is_refused),
        cmocka_unit_test(test_unsigned_numbers_go_to_their_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
