#include "common/base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MIN_MS = 100, MAX_MS = 5000 };

static void test_waits_are_spread_up_to_a_bound_that_doubles(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, MIN_MS, MAX_MS);
    for (int run = 0; run < 200; run++) {
        int bound_ms = 2 * MIN_MS;
        for (int i = 0; i < 10; i++) {
            const int wait_ms = backoff_next_ms(&backoff);
            assert_in_range(wait_ms, MIN_MS, bound_ms);
            bound_ms = bound_ms * 2 > MAX_MS ? MAX_MS : bound_ms * 2;
        }
        assert_int_equal(backoff.bound_ms, MAX_MS);
        backoff_reset(&backoff);
    }
}

static void test_two_do_not_wait_alike(void **state)
{
    (void)state;
    struct backoff one;
    struct backoff other;
    backoff_init(&one, MIN_MS, MAX_MS);
    backoff_init(&other, MIN_MS, MAX_MS);
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
