#include "common/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The first outputs of the authors' own SplitMix64 for this seed. */
static void test_numbers_are_those_of_splitmix64(void **state)
{
    (void)state;
    struct prng prng = {.state = 1234567};
    assert_true(prng_next(&prng) == UINT64_C(6457827717110365317));
    assert_true(prng_next(&prng) == UINT64_C(3203168211198807973));
    assert_true(prng_next(&prng) == UINT64_C(9817491932198370423));
}

static void test_two_start_apart(void **state)
{
    (void)state;
    struct prng one;
    struct prng other;
    prng_init(&one);
    prng_init(&other);
    assert_true(one.state != other.state);
}

static void test_a_bound_is_kept_and_reached(void **state)
{
    (void)state;
    struct prng prng = {.state = 1};
    unsigned seen[4] = {0};
    for (int i = 0; i < 1000; i++) {
        const uint32_t number = prng_up_to(&prng, 3);
        assert_in_range(number, 0, 3);
        seen[number]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(seen[i], 150, 350);
    }
    assert_int_equal(prng_up_to(&prng, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_those_of_splitmix64),
        cmocka_unit_test(test_two_start_apart),
        cmocka_unit_test(test_a_bound_is_kept_and_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
