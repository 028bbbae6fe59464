#include "gateway/pool/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FAILURES_MAX = 3, OPEN_FOR_US = 1000, NOW_US = 50000 };

static struct breaker new_breaker(void)
{
    struct breaker breaker;
    breaker_init(&breaker, FAILURES_MAX, OPEN_FOR_US);
    return breaker;
}

/* One that failed at NOW_US, so often that it opened. */
static struct breaker open_breaker(void)
{
    struct breaker breaker = new_breaker();
    for (int i = 0; i < FAILURES_MAX; i++) {
        breaker_on_end(&breaker, CALL_FAILED, NOW_US);
    }
    assert_int_equal(breaker.state, BREAKER_OPEN);
    return breaker;
}

/* One whose probe left at NOW_US + OPEN_FOR_US. */
static struct breaker half_open_breaker(void)
{
    struct breaker breaker = open_breaker();
    assert_true(breaker_allows(&breaker, NOW_US + OPEN_FOR_US));
    assert_true(breaker_on_call(&breaker));
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    return breaker;
}

/* --- closed ------------------------------------------------------------------------------------------------------- */

static void test_a_new_one_is_closed(void **state)
{
    (void)state;
    struct breaker breaker = new_breaker();
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_true(breaker_allows(&breaker, 0));
    assert_false(breaker_on_call(&breaker));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_it_opens_at_the_last_of_the_failures_in_a_row(void **state)
{
    (void)state;
    struct breaker breaker = new_breaker();
    for (int i = 1; i < FAILURES_MAX; i++) {
        assert_false(breaker_on_end(&breaker, CALL_FAILED, NOW_US));
        assert_true(breaker_allows(&breaker, NOW_US));
    }
    assert_true(breaker_on_end(&breaker, CALL_FAILED, NOW_US));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void test_an_answer_starts_the_count_anew(void **state)
{
    (void)state;
    struct breaker breaker = new_breaker();
    for (int round = 0; round < 5; round++) {
        for (int i = 1; i < FAILURES_MAX; i++) {
            assert_false(breaker_on_end(&breaker, CALL_FAILED, NOW_US));
        }
        assert_false(breaker_on_end(&breaker, CALL_ANSWERED, NOW_US));
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_a_call_given_up_neither_counts_nor_starts_the_count_anew(void **state)
{
    (void)state;
    struct breaker breaker = new_breaker();
    for (int i = 1; i < FAILURES_MAX; i++) {
        breaker_on_end(&breaker, CALL_FAILED, NOW_US);
        for (int j = 0; j < 10; j++) {
            assert_false(breaker_on_end(&breaker, CALL_SAYS_NOTHING, NOW_US));
        }
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_true(breaker_on_end(&breaker, CALL_FAILED, NOW_US));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void test_one_failure_may_be_enough(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 1, OPEN_FOR_US);
    assert_true(breaker_on_end(&breaker, CALL_FAILED, NOW_US));
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

/* --- open --------------------------------------------------------------------------------------------------------- */

static void test_while_open_no_call_is_allowed(void **state)
{
    (void)state;
    struct breaker breaker = open_breaker();
    assert_false(breaker_allows(&breaker, NOW_US));
    assert_false(breaker_allows(&breaker, NOW_US + OPEN_FOR_US - 1));
    assert_true(breaker_allows(&breaker, NOW_US + OPEN_FOR_US));
}

static void test_asking_alone_changes_nothing(void **state)
{
    (void)state;
    struct breaker breaker = open_breaker();
    for (int i = 0; i < 3; i++) {
        assert_true(breaker_allows(&breaker, NOW_US + OPEN_FOR_US));
        assert_int_equal(breaker.state, BREAKER_OPEN);
    }
}

static void test_a_late_failure_does_not_keep_it_open_for_longer(void **state)
{
    (void)state;
    struct breaker breaker = open_breaker();
    assert_false(breaker_on_end(&breaker, CALL_FAILED, NOW_US + OPEN_FOR_US / 2));
    assert_true(breaker_allows(&breaker, NOW_US + OPEN_FOR_US));
}

static void test_a_late_call_given_up_leaves_it_open(void **state)
{
    (void)state;
    struct breaker breaker = open_breaker();
    assert_false(breaker_on_end(&breaker, CALL_SAYS_NOTHING, NOW_US + 1));
    assert_false(breaker_allows(&breaker, NOW_US + OPEN_FOR_US - 1));
}

static void test_a_late_answer_closes_it(void **state)
{
    (void)state;
    struct breaker breaker = open_breaker();
    assert_true(breaker_on_end(&breaker, CALL_ANSWERED, NOW_US + 1));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_true(breaker_allows(&breaker, NOW_US + 1));
}

/* --- half open ---------------------------------------------------------------------------------------------------- */

static void test_while_the_probe_is_out_no_other_call_is_allowed(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    assert_false(breaker_allows(&breaker, NOW_US + OPEN_FOR_US));
    assert_false(breaker_allows(&breaker, NOW_US + 1000 * OPEN_FOR_US));
}

static void test_a_probe_that_is_answered_closes_it(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    assert_true(breaker_on_end(&breaker, CALL_ANSWERED, NOW_US + OPEN_FOR_US));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_false(breaker_on_call(&breaker));
    for (int i = 1; i < FAILURES_MAX; i++) { /* the failures of before are forgotten */
        assert_false(breaker_on_end(&breaker, CALL_FAILED, NOW_US + OPEN_FOR_US));
    }
}

static void test_a_probe_that_fails_opens_it_for_as_long_again(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    const int64_t failed_us = NOW_US + 5 * OPEN_FOR_US;
    assert_true(breaker_on_end(&breaker, CALL_FAILED, failed_us));
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_false(breaker_allows(&breaker, failed_us + OPEN_FOR_US - 1));
    assert_true(breaker_allows(&breaker, failed_us + OPEN_FOR_US));
}

static void test_after_a_probe_given_up_the_next_call_is_the_probe_at_once(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    const int64_t given_up_us = NOW_US + OPEN_FOR_US + 1;
    assert_true(breaker_on_end(&breaker, CALL_SAYS_NOTHING, given_up_us));
    assert_true(breaker_allows(&breaker, given_up_us));
    assert_true(breaker_on_call(&breaker));
    assert_false(breaker_allows(&breaker, given_up_us));
    assert_true(breaker_on_end(&breaker, CALL_ANSWERED, given_up_us));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_a_late_answer_closes_it_while_the_probe_is_out(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    assert_true(breaker_on_end(&breaker, CALL_ANSWERED, NOW_US + OPEN_FOR_US));
    /* The probe itself is one call of many then. */
    assert_false(breaker_on_end(&breaker, CALL_FAILED, NOW_US + OPEN_FOR_US + 1));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_a_late_failure_while_the_probe_is_out_opens_it_and_the_probe_still_may_close_it(void **state)
{
    (void)state;
    struct breaker breaker = half_open_breaker();
    const int64_t failed_us = NOW_US + OPEN_FOR_US + 1;
    assert_true(breaker_on_end(&breaker, CALL_FAILED, failed_us));
    assert_false(breaker_allows(&breaker, failed_us + OPEN_FOR_US - 1));
    assert_true(breaker_on_end(&breaker, CALL_ANSWERED, failed_us + 1));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_every_state_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(breaker_state_name(BREAKER_CLOSED), "closed");
    assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
    assert_string_equal(breaker_state_name(BREAKER_OPEN), "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_is_closed),
        cmocka_unit_test(test_it_opens_at_the_last_of_the_failures_in_a_row),
        cmocka_unit_test(test_an_answer_starts_the_count_anew),
        cmocka_unit_test(test_a_call_given_up_neither_counts_nor_starts_the_count_anew),
        cmocka_unit_test(test_one_failure_may_be_enough),
        cmocka_unit_test(test_while_open_no_call_is_allowed),
        cmocka_unit_test(test_asking_alone_changes_nothing),
        cmocka_unit_test(test_a_late_failure_does_not_keep_it_open_for_longer),
        cmocka_unit_test(test_a_late_call_given_up_leaves_it_open),
        cmocka_unit_test(test_a_late_answer_closes_it),
        cmocka_unit_test(test_while_the_probe_is_out_no_other_call_is_allowed),
        cmocka_unit_test(test_a_probe_that_is_answered_closes_it),
        cmocka_unit_test(test_a_probe_that_fails_opens_it_for_as_long_again),
        cmocka_unit_test(test_after_a_probe_given_up_the_next_call_is_the_probe_at_once),
        cmocka_unit_test(test_a_late_answer_closes_it_while_the_probe_is_out),
        cmocka_unit_test(test_a_late_failure_while_the_probe_is_out_opens_it_and_the_probe_still_may_close_it),
        cmocka_unit_test(test_every_state_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
