/* Against a manager of the test's own: a socket that it reads. */
#include "common/process/watchdog.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { PATIENCE_MS = 10000, PERIOD_MS = 100 };

static int listen_as_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int len = snprintf(address.sun_path, sizeof(address.sun_path), "@tally-watchdog-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "200000", 1);
    address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
        0);
    return fd;
}

/* Whether a message comes, within timeout_ms. */
static bool is_told(int fd, int timeout_ms)
{
    char text[64];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, timeout_ms) != 1) {
        return false;
    }
    assert_int_equal(recv(fd, text, sizeof(text), 0), strlen("WATCHDOG=1"));
    assert_memory_equal(text, "WATCHDOG=1", strlen("WATCHDOG=1"));
    return true;
}

static struct watchdog *start(const struct heartbeat *heartbeat)
{
    struct heartbeats heartbeats = {.count = 0};
    struct watchdog *watchdog = NULL;
    struct error error;
    heartbeats_add(&heartbeats, "loop", 0, heartbeat);
    assert_int_equal(watchdog_start(&heartbeats, "test", &watchdog, &error), 0);
    return watchdog;
}

static void test_the_manager_is_told_as_long_as_the_thread_turns(void **state)
{
    (void)state;
    struct heartbeat heartbeat = {.turns = 0};
    const int fd = listen_as_manager();
    struct watchdog *watchdog = start(&heartbeat);
    assert_non_null(watchdog);
    for (int i = 0; i < 5; i++) {
        heartbeat_turn(&heartbeat);
        assert_true(is_told(fd, PATIENCE_MS));
    }
    /* It is stuck: what it was well for is told for 5 s more, then nothing. */
    const int64_t start_us = clock_monotonic_us();
    while (is_told(fd, 10 * PERIOD_MS)) {
        assert_true(clock_monotonic_us() - start_us < PATIENCE_MS * 1000);
    }
    heartbeat_turn(&heartbeat);
    assert_true(is_told(fd, PATIENCE_MS));
    watchdog_stop(watchdog);
    close(fd);
}

static void test_without_a_manager_that_watches_there_is_none(void **state)
{
    (void)state;
    struct heartbeat heartbeat = {.turns = 0};
    unsetenv("WATCHDOG_USEC");
    assert_null(start(&heartbeat));
    watchdog_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_manager_is_told_as_long_as_the_thread_turns),
        cmocka_unit_test(test_without_a_manager_that_watches_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
