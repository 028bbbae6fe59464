#include "common/base/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_times_are_rfc_3339_in_utc(void **state)
{
    (void)state;
    char text[TIMESTAMP_SIZE];
    timestamp_write(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    timestamp_write(INT64_C(1795419031654321), text);
    assert_string_equal(text, "2026-11-23T07:30:31.654Z");
}

static void test_the_last_time_fits(void **state)
{
    (void)state;
    char text[TIMESTAMP_SIZE];
    timestamp_write(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_rfc_3339_in_utc),
        cmocka_unit_test(test_the_last_time_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
