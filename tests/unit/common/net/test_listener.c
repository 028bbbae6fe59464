#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/listener.h"

static struct listeners open_fine(const char *host, int port, enum listener_sharing sharing)
{
    struct listeners listeners;
    struct error error = {.message = ""};
    assert_int_equal(listeners_open(host, port, sharing, &listeners, &error), 0);
    assert_true(listeners.count >= 1);
    return listeners;
}

static void expect_in_use(const char *host, int port, enum listener_sharing sharing)
{
    struct listeners listeners;
    struct error error = {.message = ""};
    assert_int_equal(listeners_open(host, port, sharing, &listeners, &error), -1);
    assert_non_null(strstr(error.message, "Address already in use"));
}

static void test_a_port_is_had_by_one(void **state)
{
    (void)state;
    struct listeners first = open_fine("127.0.0.1", 0, LISTENER_ALONE);
    const int port = listener_port(first.fds[0]);
    expect_in_use("127.0.0.1", port, LISTENER_ALONE);
    expect_in_use("127.0.0.1", port, LISTENER_FIRST);
    expect_in_use("0.0.0.0", port, LISTENER_FIRST);
    listeners_close(&first);
    first = open_fine("127.0.0.1", port, LISTENER_ALONE);
    listeners_close(&first);
}

static void test_loops_share_a_port_and_another_process_does_not(void **state)
{
    (void)state;
    struct listeners first = open_fine("127.0.0.1", 0, LISTENER_FIRST);
    const int port = listener_port(first.fds[0]);
    struct listeners second = open_fine("127.0.0.1", port, LISTENER_JOINS);
    struct listeners third = open_fine("127.0.0.1", port, LISTENER_JOINS);
    assert_int_equal(listener_port(third.fds[0]), port);
    expect_in_use("127.0.0.1", port, LISTENER_FIRST);
    expect_in_use("127.0.0.1", port, LISTENER_ALONE);
    listeners_close(&first);
    expect_in_use("127.0.0.1", port, LISTENER_FIRST);
    listeners_close(&second);
    listeners_close(&third);
}

/* Returns whether somebody accepts there. */
static bool is_listening(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    close(fd);
    return connected;
}

static void test_the_kernel_shares_the_connections_out(void **state)
{
    (void)state;
    struct listeners loops[2];
    loops[0] = open_fine("127.0.0.1", 0, LISTENER_FIRST);
    const int port = listener_port(loops[0].fds[0]);
    loops[1] = open_fine("127.0.0.1", port, LISTENER_JOINS);
    int accepted[2] = {0};
    for (int i = 0; i < 200; i++) {
        assert_true(is_listening(port));
        for (int loop = 0; loop < 2; loop++) {
            const int fd = accept4(loops[loop].fds[0], NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                accepted[loop]++;
                close(fd);
            }
        }
    }
    assert_int_equal(accepted[0] + accepted[1], 200);
    assert_true(accepted[0] > 20 && accepted[1] > 20);
    listeners_close(&loops[0]);
    listeners_close(&loops[1]);
}

static void test_what_cannot_be_listened_on_is_said(void **state)
{
    struct listeners listeners;
    struct error error = {.message = ""};
    (void)state;
    assert_int_equal(listeners_open("192.0.2.1", 0, LISTENER_ALONE, &listeners, &error), -1);
    assert_non_null(strstr(error.message, "cannot listen on 192.0.2.1:0: "));
    assert_int_equal(listeners_open("no such host", 0, LISTENER_ALONE, &listeners, &error), -1);
    assert_non_null(strstr(error.message, "cannot listen on no such host:0: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_is_had_by_one),
        cmocka_unit_test(test_loops_share_a_port_and_another_process_does_not),
        cmocka_unit_test(test_the_kernel_shares_the_connections_out),
        cmocka_unit_test(test_what_cannot_be_listened_on_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
