#include "common/config/config_units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { UNTOUCHED = -7 };

static int64_t parse(enum config_unit unit, const char *text)
{
    int64_t number = UNTOUCHED;
    return config_units_parse(unit, text, &number) == 0 ? number : -1;
}

static void test_a_count_is_digits(void **state)
{
    (void)state;
    assert_int_equal(parse(CONFIG_UNIT_NONE, "0"), 0);
    assert_int_equal(parse(CONFIG_UNIT_NONE, "8080"), 8080);
    assert_int_equal(parse(CONFIG_UNIT_NONE, "9223372036854775807"), INT64_MAX);
}

static void test_a_duration_needs_its_unit(void **state)
{
    (void)state;
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "250ms"), 250);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "30s"), 30 * 1000);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "5m"), 5 * 60 * 1000);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "24h"), 24 * 60 * 60 * 1000);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "30"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "1d"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "30S"), -1);
}

static void test_a_size_may_be_plain_bytes(void **state)
{
    (void)state;
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "4096"), 4096);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "64KiB"), 64 * 1024);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "1MiB"), 1024 * 1024);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "2GiB"), INT64_C(2) * 1024 * 1024 * 1024);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "64KB"), -1);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "64k"), -1);
}

static void test_anything_but_a_whole_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "-1",  "+1", " 1",  "1 ",    "1.5", "1e3",
                                        "0x10", "010", "00", "ten", "1_000", "1,0", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(CONFIG_UNIT_NONE, texts[i]), -1);
    }
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "1.5s"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "s"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "1 s"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "1m30s"), -1);
}

static void test_a_number_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse(CONFIG_UNIT_NONE, "9223372036854775808"), -1);
    assert_int_equal(parse(CONFIG_UNIT_NONE, "99999999999999999999999"), -1);
    assert_int_equal(parse(CONFIG_UNIT_DURATION, "9223372036854775807h"), -1);
    assert_int_equal(parse(CONFIG_UNIT_SIZE, "9007199254740992KiB"), -1);
}

static void test_a_ratio_is_a_decimal_number(void **state)
{
    (void)state;
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "0"), 0);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "1"), CONFIG_RATIO_ONE);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "1.0"), CONFIG_RATIO_ONE);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "0.01"), CONFIG_RATIO_ONE / 100);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "0.000000001"), 1);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "0.250000000"), CONFIG_RATIO_ONE / 4);
    static const char *const texts[] = {"",       ".",  ".5",   "1.",   "-0.1", "+0.1", "0,5", "1e-2", "0.0000000001",
                                        "0.5 ",   "5%", "00.5", "0.5.", "nan",  "inf",  "0x1", " 1",   "0.-1",
                                        "0.5000x"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(CONFIG_UNIT_RATIO, texts[i]), -1);
    }
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "9223372036854775807"), -1);
    assert_int_equal(parse(CONFIG_UNIT_RATIO, "9223372036854775807.5"), -1);
}

static void test_a_refused_number_writes_nothing(void **state)
{
    (void)state;
    int64_t number = UNTOUCHED;
    assert_int_equal(config_units_parse(CONFIG_UNIT_DURATION, "9223372036854775807h", &number), -1);
    assert_int_equal(number, UNTOUCHED);
}

static void assert_format(enum config_unit unit, int64_t number, const char *expected)
{
    char text[CONFIG_NUMBER_SIZE];
    config_units_format(unit, number, text);
    assert_string_equal(text, expected);
}

static void test_numbers_are_written_with_the_largest_whole_unit(void **state)
{
    (void)state;
    assert_format(CONFIG_UNIT_NONE, 8080, "8080");
    assert_format(CONFIG_UNIT_DURATION, 0, "0ms");
    assert_format(CONFIG_UNIT_DURATION, 1500, "1500ms");
    assert_format(CONFIG_UNIT_DURATION, 90 * 1000, "90s");
    assert_format(CONFIG_UNIT_DURATION, 60 * 1000, "1m");
    assert_format(CONFIG_UNIT_DURATION, 24 * 60 * 60 * 1000, "24h");
    assert_format(CONFIG_UNIT_SIZE, 65536, "64KiB");
    assert_format(CONFIG_UNIT_SIZE, 65537, "65537");
    assert_format(CONFIG_UNIT_RATIO, 0, "0");
    assert_format(CONFIG_UNIT_RATIO, CONFIG_RATIO_ONE, "1");
    assert_format(CONFIG_UNIT_RATIO, CONFIG_RATIO_ONE / 100, "0.01");
    assert_format(CONFIG_UNIT_RATIO, 1, "0.000000001");
    assert_format(CONFIG_UNIT_NONE, INT64_MAX, "9223372036854775807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_count_is_digits),
        cmocka_unit_test(test_a_duration_needs_its_unit),
        cmocka_unit_test(test_a_size_may_be_plain_bytes),
        cmocka_unit_test(test_anything_but_a_whole_number_is_refused),
        cmocka_unit_test(test_a_number_that_does_not_fit_is_refused),
        cmocka_unit_test(test_a_ratio_is_a_decimal_number),
        cmocka_unit_test(test_a_refused_number_writes_nothing),
        cmocka_unit_test(test_numbers_are_written_with_the_largest_whole_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
