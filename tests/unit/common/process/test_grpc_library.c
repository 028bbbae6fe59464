/* The end of the gRPC library is waited for, also when a thread of somebody else has the last hold on it. */
#include "common/process/grpc_library.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/grpc.h>
#include <cmocka.h>

#include "common/base/clock.h"

enum { SHORT_MS = 20, LONG_MS = 10000 };

static atomic_bool let_go;

static void *hold_for_a_while(void *arg)
{
    clock_sleep_ms(SHORT_MS);
    atomic_store(&let_go, true);
    grpc_shutdown();
    return arg;
}

static void test_a_library_that_nobody_uses_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(grpc_library_wait_for_end(0));
}

static void test_it_is_waited_for_whoever_has_the_last_hold(void **state)
{
    (void)state;
    pthread_t thread;
    grpc_init();
    assert_int_equal(pthread_create(&thread, NULL, hold_for_a_while, NULL), 0);
    assert_true(grpc_library_wait_for_end(LONG_MS));
    assert_true(atomic_load(&let_go));
    pthread_join(thread, NULL);
}

static void test_but_not_for_ever(void **state)
{
    (void)state;
    grpc_init();
    assert_false(grpc_library_wait_for_end(SHORT_MS));
    grpc_shutdown();
    assert_true(grpc_library_wait_for_end(LONG_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_library_that_nobody_uses_is_not_waited_for),
        cmocka_unit_test(test_it_is_waited_for_whoever_has_the_last_hold),
        cmocka_unit_test(test_but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
