#include "common/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_waits_are_spread_up_to_a_bound_that_doubles(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff);
    for (int run = 0; run < 200; run++) {
        int bound_ms = 2 * BACKOFF_MIN_MS;
        for (int i = 0; i < 10; i++) {
            const int wait_ms = backoff_next_ms(&backoff);
            assert_in_range(wait_ms, BACKOFF_MIN_MS, bound_ms);
            bound_ms = bound_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : bound_ms * 2;
        }
        assert_int_equal(backoff.bound_ms, BACKOFF_MAX_MS);
        backoff_reset(&backoff);
    }
}

static void test_two_do_not_wait_alike(void **state)
{
    (void)state;
    struct backoff one;
    struct backoff other;
    backoff_init(&one);
    backoff_init(&other);
    int alike = 0;
    for (int i = 0; i < 100; i++) {
        alike += backoff_next_ms(&one) == backoff_next_ms(&other);
    }
    assert_true(alike < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_are_spread_up_to_a_bound_that_doubles),
        cmocka_unit_test(test_two_do_not_wait_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
