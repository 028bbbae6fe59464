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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_go_on_until_it_is_asked_to_stop),
        cmocka_unit_test(test_a_long_pause_ends_when_it_is_asked_to_stop),
        cmocka_unit_test(test_one_that_was_never_started_is_joined_at_once),
        cmocka_unit_test(test_it_takes_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
