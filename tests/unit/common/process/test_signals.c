/* Each test forks: the signals are those of a whole process. */
#include "common/process/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { CHILD_FINE = 40, CHILD_FAILED = 41 };

static void child_is(int condition)
{
    if (!condition) {
        _exit(CHILD_FAILED);
    }
}

/* Runs body in a process of its own whose signals are set up; returns its exit status. */
static int run_child(void (*body)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error error;
        child_is(signals_block(&error) == 0);
        body();
        _exit(CHILD_FINE);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wait_for_a_pending_one(void)
{
    raise(SIGTERM);
    child_is(signals_wait(-1) == SIGTERM);
}

static void test_the_first_signal_is_returned(void **state)
{
    (void)state;
    assert_int_equal(run_child(wait_for_a_pending_one), CHILD_FINE);
}

static void wait_in_vain(void)
{
    const int64_t start_us = clock_monotonic_us();
    child_is(signals_wait(50) == 0);
    child_is(clock_monotonic_us() - start_us >= 49 * 1000);
    child_is(signals_wait(0) == 0);
    raise(SIGINT);
    child_is(signals_wait(0) == SIGINT);
}

static void test_waiting_ends_in_time(void **state)
{
    (void)state;
    assert_int_equal(run_child(wait_in_vain), CHILD_FINE);
}

static void take_a_second_one(void)
{
    raise(SIGTERM);
    child_is(signals_wait(-1) == SIGTERM);
    raise(SIGINT);
}

static void test_the_second_signal_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(run_child(take_a_second_one), 128 + SIGINT);
}

static void take_two_pending_ones(void)
{
    raise(SIGTERM);
    raise(SIGINT);
    (void)signals_wait(-1);
}

static void test_a_second_signal_that_was_pending_counts(void **state)
{
    (void)state;
    const int status = run_child(take_two_pending_ones);
    assert_true(status == 128 + SIGINT || status == 128 + SIGTERM);
}

static void take_quit_and_then_another(void)
{
    raise(SIGQUIT);
    child_is(signals_wait(-1) == SIGQUIT);
    raise(SIGQUIT);
}

static void test_quit_is_a_stop_too(void **state)
{
    (void)state;
    assert_int_equal(run_child(take_quit_and_then_another), 128 + SIGQUIT);
}

static void hang_up_again_and_again(void)
{
    for (int i = 0; i < 3; i++) {
        raise(SIGHUP);
        child_is(signals_wait(0) == SIGHUP);
    }
    raise(SIGTERM);
    child_is(signals_wait(0) == SIGTERM);
    raise(SIGHUP); /* while it drains: nothing */
}

static void test_a_hang_up_is_no_stop(void **state)
{
    (void)state;
    assert_int_equal(run_child(hang_up_again_and_again), CHILD_FINE);
}

static void hang_up_although_the_parent_ignored_it(void)
{
    signal(SIGHUP, SIG_IGN);
    raise(SIGHUP);
    child_is(signals_wait(0) == SIGHUP);
}

static void test_a_hang_up_is_waited_for_under_nohup(void **state)
{
    (void)state;
    assert_int_equal(run_child(hang_up_although_the_parent_ignored_it), CHILD_FINE);
}

static void send_users(void)
{
    raise(SIGUSR1);
    raise(SIGUSR2);
    child_is(signals_wait(0) == 0);
}

static void test_the_users_signals_do_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_child(send_users), CHILD_FINE);
}

static void write_to_nobody(void)
{
    int ends[2];
    child_is(pipe(ends) == 0);
    close(ends[0]);
    child_is(write(ends[1], "x", 1) == -1);
}

static void test_a_broken_pipe_is_no_signal(void **state)
{
    (void)state;
    assert_int_equal(run_child(write_to_nobody), CHILD_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_signal_is_returned),
        cmocka_unit_test(test_waiting_ends_in_time),
        cmocka_unit_test(test_the_second_signal_ends_the_process),
        cmocka_unit_test(test_a_second_signal_that_was_pending_counts),
        cmocka_unit_test(test_quit_is_a_stop_too),
        cmocka_unit_test(test_a_hang_up_is_no_stop),
        cmocka_unit_test(test_a_hang_up_is_waited_for_under_nohup),
        cmocka_unit_test(test_the_users_signals_do_nothing),
        cmocka_unit_test(test_a_broken_pipe_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
