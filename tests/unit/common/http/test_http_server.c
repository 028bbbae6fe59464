/* Requests and their answers over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/fakes/http_fixture.h"
#include "tests/fakes/wait_for.h"

/* Sends one request on a connection of its own and expects this status line; the connection must then be closed. */
static void expect_refusal(const struct http_fixture *fixture, const char *request, const char *status)
{
    char text[2048];
    int fd = http_fixture_connect(fixture);
    http_fixture_send(fd, request);
    http_fixture_read(fd, text, sizeof(text), "never", 1);
    assert_int_equal(http_fixture_count(text, status), 1);
    assert_int_equal(http_fixture_count(text, "HTTP/1.1 "), 1);
    close(fd);
}

static void test_a_request_is_answered_with_its_body_and_headers(void **state)
{
    char text[1024];
    int fd = http_fixture_connect(*state);
    http_fixture_send(fd, POST("/now", "5") "hello");
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "\r\n\r\nhello", 1), 1);
    assert_int_equal(http_fixture_count(text, "HTTP/1.1 200 OK"), 1);
    assert_int_equal(http_fixture_count(text, "X-Test: yes"), 1);
    close(fd);
}

static void test_a_hundred_pipelined_requests_are_answered_in_order_without_a_stall(void **state)
{
    static char text[64 * 1024];
    char request[200];
    int fd = http_fixture_connect(*state);
    const int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof(request), POST("/now", "8") "<num-%02d>", i);
        http_fixture_send(fd, request);
    }
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 100), 100);
    http_fixture_read(fd, text + strlen(text), sizeof(text) - strlen(text), "<num-99>",
                      http_fixture_count(text, "<num-99>") == 0);
    const char *at = text;
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof(request), "<num-%02d>", i);
        at = strstr(at, request);
        assert_non_null(at);
    }
    assert_true(clock_monotonic_us() - start_us < WAIT_FOR_MAX_US); /* a stall lasts until a sweep, each */
    close(fd);
}

static void test_waiting_requests_are_answered_when_their_answers_come(void **state)
{
    struct http_fixture *fixture = *state;
    char text[4096];
    int fds[20];
    for (size_t i = 0; i < 20; i++) {
        fds[i] = http_fixture_connect(fixture);
        http_fixture_send(fds[i], POST("/later", "1") "x");
    }
    WAIT_FOR(atomic_load(&fixture->seen) == 20);
    assert_int_equal(http_loop_requests_in_flight(fixture->loop), 20);
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(http_fixture_read(fds[i], text, sizeof(text), "HTTP/1.1 200", 1), 1);
        close(fds[i]);
    }
}

static void expect_answer(struct http_fixture *fixture, const char *head, size_t filling, const char *tail,
                          const char *status)
{
    static char text[HTTP_FIXTURE_LARGE_BODY_MAX + 2048];
    const size_t len = (size_t)snprintf(text, sizeof(text), "%s", head);
    memset(text + len, 'x', filling);
    snprintf(text + len + filling, sizeof(text) - len - filling, "%s", tail);
    int fd = http_fixture_connect(fixture);
    http_fixture_send(fd, text);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), status, 1), 1);
    close(fd);
}

static void expect_answers_to_all_sizes(struct http_fixture *fixture)
{
    const size_t sizes[] = {4000, 4400, 8000, 8192, 18000, HTTP_FIXTURE_LARGE_BODY_MAX};
    char head[200];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(head, sizeof(head), "POST /large HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
        expect_answer(fixture, head, sizes[i], "", "HTTP/1.1 200");
    }
    expect_answer(fixture, "GET /now HTTP/1.1\r\nHost: t\r\nX-Long: ", 6000, "\r\n\r\n", "HTTP/1.1 200");
    expect_answer(fixture, "GET /now HTTP/1.1\r\nHost: t\r\nX-Long: ", 20000, "\r\n\r\n", "HTTP/1.1 431");
    expect_answer(fixture, "GET /", 20000, " HTTP/1.1\r\nHost: t\r\n\r\n", "HTTP/1.1 414");
}

static void test_what_takes_many_reads_is_answered_without_a_further_event(void **state)
{
    expect_answers_to_all_sizes(*state);
}

static void test_what_takes_many_reads_is_answered_while_others_wait(void **state)
{
    int waiting = http_fixture_keep_one_waiting(*state);
    expect_answers_to_all_sizes(*state);
    close(waiting);
}

static void test_a_client_that_leaves_while_waiting_is_noticed(void **state)
{
    struct http_fixture *fixture = *state;
    int fd = http_fixture_keep_one_waiting(fixture);
    const struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    for (int i = 0; i < 500 && atomic_load(&fixture->gone) == 0; i++) {
        usleep(10 * 1000);
    }
    assert_int_equal(atomic_load(&fixture->gone), 1);
    assert_int_equal(http_loop_requests_in_flight(fixture->loop), 0);
}

static void test_framing_that_could_be_read_differently_is_refused_and_closed(void **state)
{
    expect_refusal(*state, "POST /now HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400");
    expect_refusal(*state,
                   "POST /now HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "0\r\n\r\n",
                   "400");
    expect_refusal(*state, "POST /now HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400");
}

static void test_a_body_over_the_limit_is_413(void **state)
{
    char request[1024];
    expect_refusal(*state, POST("/now", "101"), "413");
    snprintf(request, sizeof(request),
             "POST /now HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n78\r\n%0120d\r\n0\r\n\r\n", 0);
    expect_refusal(*state, request, "413");
}

/* The bodies do not come, so an answer that came after them would not come either. */
static void test_what_is_refused_at_its_headers_is_answered_before_its_body_is_there(void **state)
{
    const struct http_fixture *fixture = *state;
    expect_refusal(fixture, POST("/refused", "50"), "403");
    expect_refusal(fixture, "POST /refused HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n", "403");
    expect_refusal(fixture, "POST /refused HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n",
                   "403");
    assert_int_equal(atomic_load(&fixture->seen), 3);
}

static void test_no_body_is_read_of_what_is_refused_at_its_headers(void **state)
{
    const struct http_fixture *fixture = *state;
    expect_refusal(fixture, POST("/refused", "5") "hello" POST("/now", "5") "hello", "403");
    assert_int_equal(atomic_load(&fixture->seen), 1);
}

static void test_a_chunked_body_over_twice_the_limit_ends_the_connection(void **state)
{
    char request[1024];
    char text[1024];
    int fd = http_fixture_connect(*state);
    snprintf(request, sizeof(request),
             "POST /now HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n%0300d\r\n", 0);
    http_fixture_send(fd, request);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), "HTTP/1.1 200", 1), 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, HTTP_FIXTURE_TIMEOUT_MS), 1);
    close(fd);
}

static void test_requests_without_an_answer_are_given_up_at_the_end(void **state)
{
    struct http_fixture *fixture = *state;
    int fd = http_fixture_keep_one_waiting(fixture);
    http_loop_free(fixture->loop);
    fixture->loop = NULL;
    assert_int_equal(atomic_load(&fixture->gone), 1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_is_answered_with_its_body_and_headers, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_hundred_pipelined_requests_are_answered_in_order_without_a_stall,
                                        http_fixture_start, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_waiting_requests_are_answered_when_their_answers_come, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_what_takes_many_reads_is_answered_without_a_further_event,
                                        http_fixture_start, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_what_takes_many_reads_is_answered_while_others_wait, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_client_that_leaves_while_waiting_is_noticed, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_framing_that_could_be_read_differently_is_refused_and_closed,
                                        http_fixture_start, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_body_over_the_limit_is_413, http_fixture_start, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_what_is_refused_at_its_headers_is_answered_before_its_body_is_there,
                                        http_fixture_start_patient, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_no_body_is_read_of_what_is_refused_at_its_headers, http_fixture_start,
                                        http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_a_chunked_body_over_twice_the_limit_ends_the_connection,
                                        http_fixture_start, http_fixture_stop),
        cmocka_unit_test_setup_teardown(test_requests_without_an_answer_are_given_up_at_the_end, http_fixture_start,
                                        http_fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
