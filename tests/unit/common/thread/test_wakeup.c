#include "common/thread/wakeup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static bool is_readable(const struct wakeup *wakeup)
{
    struct pollfd fd = {.fd = wakeup->fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void test_many_wakes_are_one_until_they_are_taken(void **state)
{
    (void)state;
    struct wakeup wakeup;
    assert_int_equal(wakeup_init(&wakeup), 0);
    assert_false(wakeup_take(&wakeup));
    for (int round = 0; round < 3; round++) {
        wakeup_signal(&wakeup);
        wakeup_signal(&wakeup);
        assert_true(is_readable(&wakeup));
        assert_true(wakeup_take(&wakeup));
        assert_false(is_readable(&wakeup));
        assert_false(wakeup_take(&wakeup));
    }
    wakeup_done(&wakeup);
}

/* The waker was stopped between its two steps; the wake is taken, and its write comes late. */
static void test_a_late_write_does_not_keep_the_thread_awake(void **state)
{
    (void)state;
    struct wakeup wakeup;
    assert_int_equal(wakeup_init(&wakeup), 0);
    atomic_store(&wakeup.asked, true);
    assert_true(wakeup_take(&wakeup));
    assert_false(wakeup_take(&wakeup));
    const uint64_t one = 1;
    assert_int_equal(write(wakeup.fd, &one, sizeof(one)), sizeof(one));
    assert_false(wakeup_take(&wakeup));
    assert_false(is_readable(&wakeup));
    wakeup_signal(&wakeup);
    assert_true(is_readable(&wakeup));
    assert_true(wakeup_take(&wakeup));
    assert_false(is_readable(&wakeup));
    wakeup_done(&wakeup);
}

enum { WAKES = 100000 };

struct stress {
    struct wakeup wakeup;
    atomic_int sent;
};

static void *send_wakes(void *arg)
{
    struct stress *stress = arg;
    for (int i = 1; i <= WAKES; i++) {
        atomic_store(&stress->sent, i);
        wakeup_signal(&stress->wakeup);
    }
    return NULL;
}

static void test_no_wake_is_lost(void **state)
{
    (void)state;
    struct stress stress = {.sent = 0};
    assert_int_equal(wakeup_init(&stress.wakeup), 0);
    pthread_t waker;
    assert_int_equal(pthread_create(&waker, NULL, send_wakes, &stress), 0);
    int seen = 0;
    while (seen < WAKES) {
        struct pollfd fd = {.fd = stress.wakeup.fd, .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 20 * 1000), 1);
        if (wakeup_take(&stress.wakeup)) {
            seen = atomic_load(&stress.sent);
        }
    }
    pthread_join(waker, NULL);
    wakeup_take(&stress.wakeup);
    wakeup_take(&stress.wakeup);
    assert_false(is_readable(&stress.wakeup));
    wakeup_done(&stress.wakeup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_wakes_are_one_until_they_are_taken),
        cmocka_unit_test(test_a_late_write_does_not_keep_the_thread_awake),
        cmocka_unit_test(test_no_wake_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
