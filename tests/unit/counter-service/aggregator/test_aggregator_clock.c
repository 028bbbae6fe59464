/* How far Redis's clock is believed. */
#include "counter-service/aggregator/aggregator_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const int64_t start_ms = INT64_C(1795602030400);

/* So long after the beginning by this machine's clock. */
static int64_t believe(struct aggregator_clock *clock, int64_t redis_ms, int64_t after_ms)
{
    return aggregator_clock_believe(clock, redis_ms, 0, (after_ms + 5) * 1000) - start_ms;
}

static void test_it_is_believed_while_it_goes_like_ours(void **state)
{
    (void)state;
    struct aggregator_clock clock = {0};
    for (int64_t ms = 0; ms < 24 * HOUR; ms += 20 * SECOND) {
        assert_int_equal(believe(&clock, start_ms + ms + ms / 20, ms), ms + ms / 20); /* a little fast */
    }
}

static void test_a_step_forward_is_not_believed(void **state)
{
    (void)state;
    struct aggregator_clock clock = {0};
    assert_int_equal(believe(&clock, start_ms, 0), 0);
    for (int64_t ms = 0; ms < HOUR; ms += 20) {
        assert_in_range(believe(&clock, start_ms + 24 * HOUR + ms, ms), ms, ms + 2 * SECOND);
    }
    /* It is back. */
    assert_int_equal(believe(&clock, start_ms + HOUR, HOUR), HOUR);
    assert_int_equal(believe(&clock, start_ms + HOUR + 1, HOUR + 1), HOUR + 1);
}

static void test_a_step_back_is_believed(void **state)
{
    (void)state;
    struct aggregator_clock clock = {0};
    assert_int_equal(believe(&clock, start_ms, 0), 0);
    assert_int_equal(believe(&clock, start_ms - HOUR, 10), -HOUR);
    assert_in_range(believe(&clock, start_ms, 20) + HOUR, 10, 10 + 2 * SECOND);
}

static void test_an_event_tells_that_a_step_was_right(void **state)
{
    (void)state;
    struct aggregator_clock clock = {0};
    assert_int_equal(believe(&clock, start_ms, 0), 0);
    assert_in_range(believe(&clock, start_ms + HOUR, 10), 0, 3 * SECOND);
    const int64_t now_ms =
        aggregator_clock_believe(&clock, start_ms + HOUR + 10, start_ms + HOUR + 5, INT64_C(25) * 1000);
    assert_int_equal(now_ms - start_ms, HOUR + 10);
    assert_int_equal(believe(&clock, start_ms + HOUR + 30, 40), HOUR + 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_believed_while_it_goes_like_ours),
        cmocka_unit_test(test_a_step_forward_is_not_believed),
        cmocka_unit_test(test_a_step_back_is_believed),
        cmocka_unit_test(test_an_event_tells_that_a_step_was_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
