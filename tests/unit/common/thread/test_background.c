#include "common/thread/background.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/wait_for.h"

struct rounds {
    struct background background;
    int pause_ms;
    atomic_int count;
};

static void count_rounds(void *ctx)
{
    struct rounds *rounds = ctx;
    while (background_pause(&rounds->background, rounds->pause_ms)) {
        atomic_fetch_add(&rounds->count, 1);
    }
}

static void start(struct rounds *rounds)
{
    struct error error = {.message = ""};
    atomic_init(&rounds->count, 0);
    assert_int_equal(background_start(&rounds->background, "test-rounds", count_rounds, rounds, &error), 0);
}

static void test_rounds_go_on_until_it_is_asked_to_stop(void **state)
{
    (void)state;
    struct rounds rounds = {.pause_ms = 1};
    start(&rounds);
    WAIT_FOR(atomic_load(&rounds.count) >= 3);
    assert_false(background_wait_end(&rounds.background, 0));
    background_ask_to_stop(&rounds.background);
    assert_true(background_wait_end(&rounds.background, 20 * 1000));
    assert_true(background_is_stopping(&rounds.background));
    background_join(&rounds.background);
    background_join(&rounds.background); /* nothing */
}

static void test_a_long_pause_ends_when_it_is_asked_to_stop(void **state)
{
    (void)state;
    struct rounds rounds = {.pause_ms = 3600 * 1000};
    const int64_t start_us = clock_monotonic_us();
    start(&rounds);
    background_join(&rounds.background);
    assert_int_equal(atomic_load(&rounds.count), 0);
    assert_true(clock_monotonic_us() - start_us < INT64_C(20) * 1000 * 1000);
}

static void test_one_that_was_never_started_is_joined_at_once(void **state)
{
    (void)state;
    struct background background = {.started = false};
    background_join(&background);
}

static void look_at_signals(void *ctx)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    *(int *)ctx = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGHUP) == 1;
}

static void test_it_takes_no_signals(void **state)
{
    (void)state;
    struct background background;
    struct error error;
    int blocks = 0;
    assert_int_equal(background_start(&background, "test-signals", look_at_signals, &blocks, &error), 0);
    background_join(&background);
    assert_true(blocks);
}

static void test_a_wake_ends_a_pause_or_the_next_one(void **state)
{
    (void)state;
    struct rounds rounds = {.pause_ms = 3600 * 1000};
    start(&rounds);
    for (int i = 1; i <= 3; i++) {
        background_wake(&rounds.background);
        WAIT_FOR(atomic_load(&rounds.count) == i);
    }
    background_join(&rounds.background);
    assert_int_equal(atomic_load(&rounds.count), 3);
}

struct rests {
    struct background background;
    int64_t rest_us; /* how long it took */
    bool was_woken_after;
    atomic_bool rests;
};

static void rest_and_pause(void *ctx)
{
    struct rests *rests = ctx;
    const int64_t start_us = clock_monotonic_us();
    atomic_store(&rests->rests, true);
    const bool goes_on = background_rest(&rests->background, 200);
    rests->rest_us = clock_monotonic_us() - start_us;
    rests->was_woken_after = goes_on && background_pause(&rests->background, 3600 * 1000);
}

static void test_a_wake_waits_for_the_end_of_a_rest(void **state)
{
    (void)state;
    struct error error;
    struct rests rests = {.rest_us = 0};
    atomic_init(&rests.rests, false);
    assert_int_equal(background_start(&rests.background, "test-rests", rest_and_pause, &rests, &error), 0);
    WAIT_FOR(atomic_load(&rests.rests));
    background_wake(&rests.background);
    background_wake(&rests.background);
    assert_true(background_wait_end(&rests.background, 20 * 1000));
    background_join(&rests.background);
    assert_true(rests.rest_us >= 200 * 1000);
    assert_true(rests.was_woken_after);
}

static void long_rest(void *ctx)
{
    struct rests *rests = ctx;
    rests->was_woken_after = background_rest(&rests->background, 3600 * 1000);
}

static void test_a_rest_ends_when_it_is_asked_to_stop(void **state)
{
    (void)state;
    struct error error;
    struct rests rests = {.was_woken_after = true};
    assert_int_equal(background_start(&rests.background, "test-rests", long_rest, &rests, &error), 0);
    background_join(&rests.background);
    assert_false(rests.was_woken_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_go_on_until_it_is_asked_to_stop),
        cmocka_unit_test(test_a_long_pause_ends_when_it_is_asked_to_stop),
        cmocka_unit_test(test_one_that_was_never_started_is_joined_at_once),
        cmocka_unit_test(test_it_takes_no_signals),
        cmocka_unit_test(test_a_wake_ends_a_pause_or_the_next_one),
        cmocka_unit_test(test_a_wake_waits_for_the_end_of_a_rest),
        cmocka_unit_test(test_a_rest_ends_when_it_is_asked_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
