#include "common/http/http_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A turn in whose runs so many see progress, from the first on. Returns how many runs it took. */
static unsigned turn(struct http_progress *progress, unsigned runs_with_progress)
{
    unsigned runs = 0;
    http_progress_begin_turn(progress);
    while (http_progress_begin_run(progress)) {
        progress->ended = runs < runs_with_progress;
        runs++;
        http_progress_end_run(progress);
    }
    return runs;
}

static void test_a_turn_ends_with_the_first_run_without_progress(void **state)
{
    (void)state;
    struct http_progress progress = {0};
    assert_int_equal(turn(&progress, 0), 1);
    assert_int_equal(turn(&progress, 1), 2);
    assert_int_equal(http_progress_sleep_ms(&progress), -1);
    assert_int_equal(progress.run, 3);
}

static void test_a_response_on_its_way_takes_one_run_more(void **state)
{
    (void)state;
    struct http_progress progress = {.sending = 1};
    assert_int_equal(turn(&progress, 0), 2);
    assert_int_equal(turn(&progress, 1), 3);
}

static void test_a_turn_that_is_not_settled_is_followed_at_once(void **state)
{
    (void)state;
    struct http_progress progress = {0};
    assert_int_equal(turn(&progress, 10), HTTP_PROGRESS_RUNS_A_TURN_MAX);
    assert_int_equal(http_progress_sleep_ms(&progress), 0);
    turn(&progress, 0);
    progress.answered = 1;
    assert_int_equal(http_progress_sleep_ms(&progress), 0);
}

static void test_bytes_that_arrive_are_progress(void **state)
{
    (void)state;
    struct http_progress progress = {0};
    http_progress_begin_turn(&progress);
    assert_true(http_progress_begin_run(&progress));
    progress.arriving = 1;
    http_progress_end_run(&progress);
    assert_true(http_progress_begin_run(&progress));
    assert_int_equal(progress.arriving, 0);
    http_progress_end_run(&progress);
    assert_false(http_progress_begin_run(&progress));
}

static void test_while_a_request_waits_it_looks_each_millisecond_and_then_more_rarely(void **state)
{
    (void)state;
    struct http_progress progress = {.waiting = 1};
    turn(&progress, 0);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(http_progress_sleep_ms(&progress), 1);
        http_progress_slept(&progress, false);
    }
    assert_int_equal(http_progress_sleep_ms(&progress), 10);
    http_progress_slept(&progress, true);
    assert_int_equal(http_progress_sleep_ms(&progress), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_ends_with_the_first_run_without_progress),
        cmocka_unit_test(test_a_response_on_its_way_takes_one_run_more),
        cmocka_unit_test(test_a_turn_that_is_not_settled_is_followed_at_once),
        cmocka_unit_test(test_bytes_that_arrive_are_progress),
        cmocka_unit_test(test_while_a_request_waits_it_looks_each_millisecond_and_then_more_rarely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
