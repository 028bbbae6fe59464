/* Connections that end early, late or not at all, and the limit of their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/fakes/http_fixture.h"

static void test_a_request_that_does_not_get_complete_is_ended(void **state)
{
    char text[1024];
    int in_headers = http_fixture_connect(*state);
    int in_body = http_fixture_connect(*state);
    usleep(50 * 1000);
    http_fixture_send(in_headers, "POST /now HT");
    http_fixture_send(in_body, POST("/now", "50") "x");
    const int64_t end_us = clock_monotonic_us() + (int64_t)HTTP_FIXTURE_TIMEOUT_MS * 1000;
    int alive = 2;
    while (alive > 0 && clock_monotonic_us() < end_us) {
        usleep(100 * 1000);
        /* Bytes keep coming: this is not about idle connections. */
        alive = (send(in_headers, "T", 1, MSG_NOSIGNAL) == 1) + (send(in_body, "x", 1, MSG_NOSIGNAL) == 1);
    }
    assert_int_equal(alive, 0);
    int fd = http_fixture_connect(*state);
    http_fixture_send(fd, POST("/now", "1") "x");
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    close(fd);
    close(in_headers);
    close(in_body);
}

static void test_an_idle_connection_is_ended(void **state)
{
    char text[1024];
    int silent = http_fixture_connect(*state);
    int answered = http_fixture_connect(*state);
    http_fixture_send(answered, POST("/now", "1") "x");
    assert_int_equal(http_fixture_read(answered, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    assert_int_equal(http_fixture_read(answered, text, sizeof(text), "x", 1), 0);
    assert_int_equal(http_fixture_read(silent, text, sizeof(text), "x", 1), 0);
    close(silent);
    close(answered);
}

static void test_one_that_waits_for_its_answer_is_not_idle(void **state)
{
    struct http_fixture *fixture = *state;
    char text[1024];
    int fd = http_fixture_keep_one_waiting(fixture);
    usleep(6 * HTTP_FIXTURE_IDLE_MS * 1000);
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    close(fd);
}

static void test_one_whose_body_pauses_is_not_idle(void **state)
{
    char text[1024];
    int fd = http_fixture_connect(*state);
    http_fixture_send(fd, POST("/now", "5") "he");
    usleep(6 * HTTP_FIXTURE_IDLE_MS * 1000);
    http_fixture_send(fd, "llo");
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "\r\n\r\nhello", 1), 1);
    close(fd);
}

static void expect_no_connection(const struct http_fixture *fixture)
{
    for (int i = 0; i < HTTP_FIXTURE_TIMEOUT_MS / 10 && http_loop_connections(fixture->loop) > 0; i++) {
        usleep(10 * 1000);
    }
    assert_int_equal(http_loop_connections(fixture->loop), 0);
    assert_int_equal(http_loop_requests_in_flight(fixture->loop), 0);
}

/* The end of the stream comes with the last bytes: the library, told of both at once, reads only the bytes. */
static void test_clients_that_end_with_their_last_bytes_are_forgotten(void **state)
{
    static const char *const starts[] = {"POST /now HT", POST("/now", "5") "hell", POST("/now", "5"), "",
                                         "GET /now HTTP/1.1\r\nHost: t\r\n"};
    char text[1024];
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int fd = http_fixture_connect(*state);
        send(fd, starts[i], strlen(starts[i]), MSG_NOSIGNAL | MSG_MORE); /* kept back: sent with the end */
        close(fd);
    }
    int last = http_fixture_connect(*state); /* once it is answered, those before it were accepted */
    http_fixture_send(last, POST("/now", "1") "x");
    assert_int_equal(http_fixture_read(last, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    close(last);
    expect_no_connection(*state);
}

static void test_a_half_closed_client_gets_its_answers_and_is_then_forgotten(void **state)
{
    char text[8192];
    int fd = http_fixture_connect(*state);
    for (int i = 0; i < 30; i++) {
        http_fixture_send(fd, POST("/now", "5") "hello");
    }
    shutdown(fd, SHUT_WR);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "\r\n\r\nhello", 30), 30);
    expect_no_connection(*state);
    close(fd);
}

static void test_a_half_closed_client_that_waits_is_not_cut_off(void **state)
{
    struct http_fixture *fixture = *state;
    char text[1024];
    int fd = http_fixture_keep_one_waiting(fixture);
    shutdown(fd, SHUT_WR);
    usleep(1500 * 1000); /* longer than between two looks for ended connections */
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    expect_no_connection(fixture);
    close(fd);
}

static void expect_answered(int fd)
{
    char text[1024];
    http_fixture_send(fd, POST("/now", "1") "x");
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 1), 1);
}

static void expect_ended(int fd)
{
    char text[1024];
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "x", 1), 0);
    assert_int_equal(recv(fd, text, 1, MSG_DONTWAIT), 0);
    close(fd);
}

static void test_over_the_connection_limit_the_one_longest_idle_is_ended(void **state)
{
    int fds[HTTP_FIXTURE_CONNECTIONS_FEW];
    for (int i = 0; i < HTTP_FIXTURE_CONNECTIONS_FEW; i++) {
        fds[i] = http_fixture_connect(*state);
        expect_answered(fds[i]);
    }
    expect_answered(fds[0]);
    int late = http_fixture_connect(*state);
    expect_answered(late);
    expect_ended(fds[1]);
    expect_answered(fds[0]);
    /* Again and again, so that it cannot be a look from time to time that does it. */
    for (int i = 2; i < HTTP_FIXTURE_CONNECTIONS_FEW; i++) {
        int fd = http_fixture_connect(*state);
        expect_answered(fd);
        expect_ended(fds[i]);
        close(fd);
        usleep(1000);
        fds[i] = http_fixture_connect(*state);
        expect_answered(fds[i]);
    }
    for (int i = 2; i < HTTP_FIXTURE_CONNECTIONS_FEW; i++) {
        close(fds[i]);
    }
    close(fds[0]);
    close(late);
}

static void test_over_the_connection_limit_a_request_is_not_cut_off_for_an_idle_one(void **state)
{
    struct http_fixture *fixture = *state;
    char text[1024];
    int arriving = http_fixture_connect(fixture);
    http_fixture_send(arriving, POST("/now", "2") "x");
    int waiting = http_fixture_keep_one_waiting(fixture);
    int crowd[3 * HTTP_FIXTURE_CONNECTIONS_FEW];
    for (int i = 0; i < 3 * HTTP_FIXTURE_CONNECTIONS_FEW; i++) {
        crowd[i] = http_fixture_connect(fixture);
        expect_answered(crowd[i]);
    }
    http_fixture_send(arriving, "x");
    assert_int_equal(http_fixture_read(arriving, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
    assert_int_equal(http_fixture_read(waiting, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    for (int i = 0; i < 3 * HTTP_FIXTURE_CONNECTIONS_FEW; i++) {
        close(crowd[i]);
    }
    close(arriving);
    close(waiting);
}

static void test_shutdown_announces_itself_then_ends_idle_connections(void **state)
{
    struct http_fixture *fixture = *state;
    char text[1024];
    int busy = http_fixture_connect(fixture);
    int idle = http_fixture_connect(fixture);
    http_loop_announce_close(fixture->loop);
    http_fixture_send(busy, POST("/now", "1") "x");
    http_fixture_read(busy, text, sizeof(text), "never", 1);
    assert_int_equal(http_fixture_count(text, "HTTP/1.1 200"), 1);
    assert_int_equal(http_fixture_count(text, "Connection: close"), 1);
    http_loop_stop_accepting(fixture->loop);
    assert_int_equal(http_fixture_read(idle, text, sizeof(text), "x", 1), 0);
    expect_no_connection(fixture);
    close(busy);
    close(idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_that_does_not_get_complete_is_ended, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_an_idle_connection_is_ended, http_fixture_start_tidy, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_one_that_waits_for_its_answer_is_not_idle, http_fixture_start_tidy,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_one_whose_body_pauses_is_not_idle, http_fixture_start_tidy,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_clients_that_end_with_their_last_bytes_are_forgotten,
                                        http_fixture_start_patient, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_half_closed_client_gets_its_answers_and_is_then_forgotten,
                                        http_fixture_start_patient, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_half_closed_client_that_waits_is_not_cut_off, http_fixture_start_patient,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_over_the_connection_limit_the_one_longest_idle_is_ended,
                                        http_fixture_start_patient, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_over_the_connection_limit_a_request_is_not_cut_off_for_an_idle_one,
                                        http_fixture_start_patient, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_shutdown_announces_itself_then_ends_idle_connections, http_fixture_start,
                                        http_fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
