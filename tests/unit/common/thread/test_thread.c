#include "common/thread/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void *read_mask(void *ctx)
{
    pthread_sigmask(SIG_BLOCK, NULL, ctx);
    return NULL;
}

static void test_it_takes_no_signals_and_its_starter_still_does(void **state)
{
    (void)state;
    pthread_t thread;
    sigset_t of_thread;
    sigset_t own;
    struct error error;
    assert_int_equal(thread_start(&thread, "no-signals", read_mask, &of_thread, &error), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_BLOCK, NULL, &own);
    assert_int_equal(sigismember(&of_thread, SIGTERM), 1);
    assert_int_equal(sigismember(&of_thread, SIGHUP), 1);
    assert_int_equal(sigismember(&own, SIGTERM), 0);
    assert_int_equal(sigismember(&own, SIGHUP), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_takes_no_signals_and_its_starter_still_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
