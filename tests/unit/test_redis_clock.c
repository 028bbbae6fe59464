#include "counter-service/redis_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_time_passes_alike_on_both_clocks(void **state)
{
    (void)state;
    const struct redis_clock clock = {.redis_us = INT64_C(1700000000000000), .sampled_us = 5000};
    assert_true(redis_clock_time(clock, 5000) == INT64_C(1700000000000000));
    assert_true(redis_clock_time(clock, 2005000) == INT64_C(1700000002000000));
    assert_true(redis_clock_time(clock, 4000) == INT64_C(1699999999999000));
}

/* Redis read its clock somewhere between our request and our reading of the reply. Wherever that was, a deadline must
 * not come out later than it is. */
static void test_a_deadline_is_never_too_late(void **state)
{
    (void)state;
    const int64_t sent_us = 1000;
    const int64_t read_us = 9000;
    const int64_t deadline_us = 50000;
    for (int64_t asked_us = sent_us; asked_us <= read_us; asked_us += 1000) {
        const int64_t redis_at_ask_us = INT64_C(1700000000000000);
        const struct redis_clock clock = {.redis_us = redis_at_ask_us, .sampled_us = read_us};
        const int64_t true_deadline_us = redis_at_ask_us + (deadline_us - asked_us);
        const int64_t computed_us = redis_clock_time(clock, deadline_us);
        assert_true(computed_us <= true_deadline_us);
        assert_true(computed_us >= true_deadline_us - (read_us - sent_us));
    }
}

static void test_an_answer_to_time_is_read(void **state)
{
    (void)state;
    int64_t time_us = 0;
    assert_true(redis_time_parse(TEXT("1700000000"), TEXT("123456"), &time_us));
    assert_true(time_us == INT64_C(1700000000123456));
    assert_true(redis_time_parse(TEXT("1700000000"), TEXT("0"), &time_us));
}

static void test_another_answer_is_refused(void **state)
{
    (void)state;
    int64_t time_us = 7;
    assert_false(redis_time_parse(TEXT("1700000000"), TEXT("1000000"), &time_us));
    assert_false(redis_time_parse(TEXT("1700000000"), TEXT("-1"), &time_us));
    assert_false(redis_time_parse(TEXT("1700000000"), TEXT(""), &time_us));
    assert_false(redis_time_parse(TEXT("0"), TEXT("1"), &time_us));
    assert_false(redis_time_parse(TEXT("9223372036854775807"), TEXT("1"), &time_us));
    assert_false(redis_time_parse(TEXT("x"), TEXT("1"), &time_us));
    assert_int_equal(time_us, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_passes_alike_on_both_clocks),
        cmocka_unit_test(test_a_deadline_is_never_too_late),
        cmocka_unit_test(test_an_answer_to_time_is_read),
        cmocka_unit_test(test_another_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
