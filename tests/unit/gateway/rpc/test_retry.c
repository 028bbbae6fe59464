#include "gateway/rpc/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned tokens_left(struct retry_budget *budget)
{
    unsigned taken = 0;
    while (retry_budget_take(budget)) {
        taken++;
    }
    return taken;
}

static void test_a_new_budget_has_100_tokens(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    assert_int_equal(tokens_left(&budget), 100);
}

static void test_an_empty_budget_stays_empty(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    tokens_left(&budget);
    assert_false(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
}

static void test_ten_first_attempts_earn_one_re_send(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    tokens_left(&budget);
    for (int i = 0; i < 9; i++) {
        retry_budget_on_first_attempt(&budget);
        assert_false(retry_budget_take(&budget));
    }
    retry_budget_on_first_attempt(&budget);
    assert_true(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
}

static void test_a_full_budget_does_not_grow(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    for (int i = 0; i < 1000; i++) {
        retry_budget_on_first_attempt(&budget);
    }
    assert_int_equal(tokens_left(&budget), 100);
}

static void test_a_budget_never_exceeds_100_after_a_partly_spent_token(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    assert_true(retry_budget_take(&budget));
    for (int i = 0; i < 15; i++) {
        retry_budget_on_first_attempt(&budget);
    }
    assert_int_equal(tokens_left(&budget), 100);
}

static void test_under_a_total_failure_re_sends_are_a_tenth_of_the_calls(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget);
    unsigned re_sends = 0;
    for (int i = 0; i < 10000; i++) {
        retry_budget_on_first_attempt(&budget);
        re_sends += retry_budget_take(&budget);
    }
    assert_in_range(re_sends, 1000, 1100);
}

static void test_the_longest_wait_doubles_from_5_to_50_ms(void **state)
{
    (void)state;
    static const int64_t longest_us[] = {5000, 10000, 20000, 40000, 50000, 50000};
    for (unsigned attempt = 1; attempt <= 6; attempt++) {
        assert_int_equal(retry_backoff_us(attempt, UINT32_MAX), longest_us[attempt - 1]);
    }
    assert_int_equal(retry_backoff_us(UINT32_MAX, UINT32_MAX), 50000);
}

static void test_the_wait_is_spread_evenly_from_0(void **state)
{
    (void)state;
    assert_int_equal(retry_backoff_us(1, 0), 0);
    assert_int_equal(retry_backoff_us(1, UINT32_C(1) << 31), 2500);
    assert_int_equal(retry_backoff_us(100, 0), 0);
    assert_int_equal(retry_backoff_us(100, UINT32_C(1) << 30), 12500);
    assert_int_equal(retry_backoff_us(100, UINT32_C(3) << 30), 37500);
}

static void test_attempt_0_waits_like_the_first(void **state)
{
    (void)state;
    assert_int_equal(retry_backoff_us(0, UINT32_MAX), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_budget_has_100_tokens),
        cmocka_unit_test(test_an_empty_budget_stays_empty),
        cmocka_unit_test(test_ten_first_attempts_earn_one_re_send),
        cmocka_unit_test(test_a_full_budget_does_not_grow),
        cmocka_unit_test(test_a_budget_never_exceeds_100_after_a_partly_spent_token),
        cmocka_unit_test(test_under_a_total_failure_re_sends_are_a_tenth_of_the_calls),
        cmocka_unit_test(test_the_longest_wait_doubles_from_5_to_50_ms),
        cmocka_unit_test(test_the_wait_is_spread_evenly_from_0),
        cmocka_unit_test(test_attempt_0_waits_like_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
