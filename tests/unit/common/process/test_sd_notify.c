#include "common/process/sd_notify.h"

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

/* A receiver at that address, which is written as NOTIFY_SOCKET has it. */
static int receive_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_arrives(int fd, const char *assignments)
{
    char text[256];
    struct error error = {.message = ""};
    assert_int_equal(sd_notify_send(assignments, &error), 0);
    const ssize_t len = recv(fd, text, sizeof(text), 0);
    assert_int_equal(len, strlen(assignments));
    assert_memory_equal(text, assignments, (size_t)len);
}

static void test_assignments_arrive_at_a_path(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/tally-notify-%d", (int)getpid());
    const int fd = receive_at(path);
    assert_arrives(fd, "READY=1\nSTATUS=serving");
    assert_arrives(fd, "WATCHDOG=1");
    close(fd);
    unlink(path);
}

static void test_assignments_arrive_at_an_abstract_name(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof(name), "@tally-notify-%d", (int)getpid());
    const int fd = receive_at(name);
    assert_arrives(fd, "STOPPING=1");
    close(fd);
}

static void test_without_a_manager_nothing_is_sent(void **state)
{
    (void)state;
    struct error error;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(sd_notify_send("READY=1", &error), 0);
}

static void assert_refused(const char *name, const char *reason)
{
    struct error error = {.message = ""};
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(sd_notify_send("READY=1", &error), -1);
    assert_non_null(strstr(error.message, reason));
}

static void test_a_manager_that_cannot_be_reached_is_an_error(void **state)
{
    (void)state;
    char long_name[200];
    memset(long_name, 'x', sizeof(long_name));
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    assert_refused("/nonexistent/notify", "/nonexistent/notify: No such file or directory");
    assert_refused("@tally-nobody-is-here", "Connection refused");
    assert_refused("relative", "must be a path");
    assert_refused("", "must be a path");
    assert_refused("@", "must be a path");
    assert_refused(long_name, "must be a path");
}

/* NULL: not set. */
static int64_t watchdog_us(const char *usec, const char *pid)
{
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (usec != NULL) {
        setenv("WATCHDOG_USEC", usec, 1);
    }
    if (pid != NULL) {
        setenv("WATCHDOG_PID", pid, 1);
    }
    return sd_notify_watchdog_us(17);
}

static void test_the_watchdog_is_for_the_process_that_it_names(void **state)
{
    (void)state;
    assert_int_equal(watchdog_us(NULL, NULL), 0);
    assert_int_equal(watchdog_us(NULL, "17"), 0);
    assert_int_equal(watchdog_us("30000000", NULL), 30000000);
    assert_int_equal(watchdog_us("30000000", "17"), 30000000);
    assert_int_equal(watchdog_us("30000000", "18"), 0);
    assert_int_equal(watchdog_us("30000000", ""), 0);
    assert_int_equal(watchdog_us("", NULL), 0);
    assert_int_equal(watchdog_us("0", NULL), 0);
    assert_int_equal(watchdog_us("-1", NULL), 0);
    assert_int_equal(watchdog_us("30s", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignments_arrive_at_a_path),
        cmocka_unit_test(test_assignments_arrive_at_an_abstract_name),
        cmocka_unit_test(test_without_a_manager_nothing_is_sent),
        cmocka_unit_test(test_a_manager_that_cannot_be_reached_is_an_error),
        cmocka_unit_test(test_the_watchdog_is_for_the_process_that_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
