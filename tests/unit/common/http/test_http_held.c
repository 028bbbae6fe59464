/* Requests that wait for room for their body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/fakes/http_fixture.h"
#include "tests/fakes/wait_for.h"

enum { BODY_LEN = 60 * 1000 };

static void send_filling(int fd, size_t len)
{
    static char filling[BODY_LEN];
    memset(filling, 'x', sizeof(filling));
    assert_true(len <= sizeof(filling));
    assert_int_equal(send(fd, filling, len, MSG_NOSIGNAL), len);
}

/* A connection with a large request on it, of which so much of the body was sent. */
static int send_large(const struct http_fixture *fixture, const char *path, size_t sent)
{
    char head[200];
    int fd = http_fixture_connect(fixture);
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", path, BODY_LEN);
    http_fixture_send(fd, head);
    send_filling(fd, sent);
    return fd;
}

static void expect_status(int fd, const char *status)
{
    static char text[2 * BODY_LEN];
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 ", 1), 1);
    assert_int_equal(http_fixture_count(text, status), 1);
}

/* As its body comes the request takes the budget. */
static int fill_budget(struct http_fixture *fixture)
{
    int fd = send_large(fixture, "/large-later", BODY_LEN);
    WAIT_FOR(atomic_load(&fixture->seen) == 1);
    return fd;
}

static void release(struct http_fixture *fixture)
{
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
}

static void test_one_that_finds_no_room_is_served_when_there_is(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    int second = send_large(fixture, "/large", BODY_LEN);
    int third = send_large(fixture, "/large", BODY_LEN);
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 3);
    assert_int_equal(atomic_load(&fixture->seen), 1);
    assert_true(http_budget_used(&fixture->budget) <= HTTP_FIXTURE_BUDGET);
    release(fixture);
    expect_status(first, "HTTP/1.1 200");
    expect_status(second, "HTTP/1.1 200");
    expect_status(third, "HTTP/1.1 200");
    close(first);
    close(second);
    close(third);
    WAIT_FOR(http_budget_used(&fixture->budget) == 0);
}

static void test_small_ones_pass_by(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    int second = send_large(fixture, "/large", BODY_LEN);
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    int small = http_fixture_connect(fixture);
    http_fixture_send(small, POST("/now", "5") "hello");
    expect_status(small, "HTTP/1.1 200");
    assert_int_equal(atomic_load(&fixture->seen), 2);
    close(first);
    close(second);
    close(small);
}

static void test_one_that_waits_in_vain_is_refused(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    const int64_t start_us = clock_monotonic_us();
    int second = send_large(fixture, "/large", BODY_LEN);
    expect_status(second, "HTTP/1.1 503");
    assert_true(clock_monotonic_us() - start_us >= (int64_t)HTTP_FIXTURE_ANSWER_MS * 1000);
    release(fixture);
    expect_status(first, "HTTP/1.1 200");
    close(first);
    close(second);
}

static void test_a_body_that_comes_later_is_read_all_the_same(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    int second = send_large(fixture, "/large", 0);
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    release(fixture);
    expect_status(first, "HTTP/1.1 200");
    for (size_t sent = 0; sent < BODY_LEN; sent += BODY_LEN / 4) {
        send_filling(second, BODY_LEN / 4);
        usleep(10 * 1000);
    }
    expect_status(second, "HTTP/1.1 200");
    close(first);
    close(second);
}

static void test_one_that_asks_first_is_told_to_go_on_when_there_is_room(void **state)
{
    struct http_fixture *fixture = *state;
    char text[500];
    int first = fill_budget(fixture);
    int second = http_fixture_connect(fixture);
    snprintf(text, sizeof(text),
             "POST /large HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", BODY_LEN);
    http_fixture_send(second, text);
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    release(fixture);
    assert_int_equal(http_fixture_read(second, text, sizeof(text), "HTTP/1.1 100 Continue\r\n\r\n", 1), 1);
    send_filling(second, BODY_LEN);
    expect_status(second, "HTTP/1.1 200");
    close(first);
    close(second);
}

static void test_the_next_request_on_the_connection_is_served_after_it(void **state)
{
    static char text[2 * BODY_LEN];
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    int second = send_large(fixture, "/large", BODY_LEN);
    http_fixture_send(second, POST("/now", "5") "hello");
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    release(fixture);
    assert_int_equal(http_fixture_read(second, text, sizeof(text), "HTTP/1.1 200", 2), 2);
    close(first);
    close(second);
}

static void test_one_whose_client_has_left_takes_no_room(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    close(send_large(fixture, "/large", BODY_LEN / 2));
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    release(fixture);
    expect_status(first, "HTTP/1.1 200");
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 0);
    WAIT_FOR(http_budget_used(&fixture->budget) == 0);
    close(first);
}

static void test_a_loop_that_ends_lets_them_go(void **state)
{
    struct http_fixture *fixture = *state;
    int first = fill_budget(fixture);
    int second = send_large(fixture, "/large", 0);
    WAIT_FOR(http_loop_requests_in_flight(fixture->loop) == 2);
    close(first);
    close(second); /* the fixture ends the loop */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, http_fixture_start_patient, http_fixture_stop)
    const struct CMUnitTest tests[] = {
        TEST(test_one_that_finds_no_room_is_served_when_there_is),
        TEST(test_small_ones_pass_by),
        TEST(test_one_that_waits_in_vain_is_refused),
        TEST(test_a_body_that_comes_later_is_read_all_the_same),
        TEST(test_one_that_asks_first_is_told_to_go_on_when_there_is_room),
        TEST(test_the_next_request_on_the_connection_is_served_after_it),
        TEST(test_one_whose_client_has_left_takes_no_room),
        TEST(test_a_loop_that_ends_lets_them_go),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
