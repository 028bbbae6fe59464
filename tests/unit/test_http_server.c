/* The server over real sockets, with an application that answers at once, later, or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_server.h"

enum { ANSWER_TIMEOUT_MS = 5000, BODY_MAX = 100, LARGE_BODY_MAX = 64 * 1024, WAITING_MAX = 256 };

/* Paths: /now is answered at once, /large too and takes larger bodies, /later when `release` is set, anything else with
 * 404. */
struct fixture {
    struct http_loop *loop;
    struct http_request *waiting[WAITING_MAX];
    size_t waiting_count;
    atomic_bool release;
    atomic_uint seen;
    atomic_uint gone;
};

static void answer(struct http_request *request, int status)
{
    buffer_append(&request->reply, request->body, request->refusal == HTTP_NOT_REFUSED ? request->body_len : 0);
    const struct http_response response = {
        .status = status,
        .content_type = "text/plain",
        .body = {request->reply.data, request->reply.len},
        .headers = {{"X-Test", "yes"}},
        .header_count = 1,
    };
    http_reply(request, &response);
}

static size_t body_max(void *ctx, struct http_request *request)
{
    (void)ctx;
    return text_equal(request->path, TEXT("/large")) ? LARGE_BODY_MAX : BODY_MAX;
}

static void on_request(void *ctx, struct http_request *request)
{
    struct fixture *fixture = ctx;
    atomic_fetch_add(&fixture->seen, 1);
    if (request->refusal != HTTP_NOT_REFUSED) {
        answer(request, request->refusal == HTTP_BAD_FRAMING ? 400 : 413);
    } else if (text_equal(request->path, TEXT("/later"))) {
        fixture->waiting[fixture->waiting_count++] = request;
    } else {
        const bool known = text_equal(request->path, TEXT("/now")) || text_equal(request->path, TEXT("/large"));
        answer(request, known ? 200 : 404);
    }
}

static void on_gone(void *ctx, struct http_request *request)
{
    struct fixture *fixture = ctx;
    for (size_t i = 0; i < fixture->waiting_count; i++) {
        if (fixture->waiting[i] == request) {
            fixture->waiting[i] = fixture->waiting[--fixture->waiting_count];
            break;
        }
    }
    atomic_fetch_add(&fixture->gone, 1);
    http_request_release(request);
}

static void on_wake(void *ctx)
{
    struct fixture *fixture = ctx;
    while (atomic_load(&fixture->release) && fixture->waiting_count > 0) {
        answer(fixture->waiting[--fixture->waiting_count], 200);
    }
}

/* Answers that are made at the end of a turn must leave without a further event. */
static int64_t on_turn_end(void *ctx)
{
    on_wake(ctx);
    return INT64_MAX;
}

static int start(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    const struct http_loop_options options = {
        .host = "127.0.0.1",
        .max_connections = 200,
        .idle_timeout_ms = 60000,
        .read_timeout_ms = 400,
        .thread_name = "http-test",
    };
    const struct http_application application = {
        .ctx = fixture,
        .request_state_size = 8,
        .body_max = body_max,
        .on_request = on_request,
        .on_gone = on_gone,
        .on_wake = on_wake,
        .on_turn_end = on_turn_end,
    };
    struct error error;
    fixture->loop = http_loop_create(&options, &application, &error);
    assert_non_null(fixture->loop);
    assert_int_equal(http_loop_start(fixture->loop, &error), 0);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;
    http_loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static int connect_to(const struct fixture *fixture)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)http_loop_port(fixture->loop)),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    const size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

static size_t count_of(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted)) {
        count++;
    }
    return count;
}

/* Reads until `wanted` was seen `times` times, or the connection ended, or time is up. NUL-terminates. Returns how
 * often. */
static size_t read_until(int fd, char *text, size_t size, const char *wanted, size_t times)
{
    const int64_t end_us = clock_monotonic_us() + (int64_t)ANSWER_TIMEOUT_MS * 1000;
    size_t len = 0;
    text[0] = '\0';
    while (count_of(text, wanted) < times && clock_monotonic_us() < end_us) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, 100) == 0) {
            continue;
        }
        ssize_t got = recv(fd, text + len, size - len - 1, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
    }
    return count_of(text, wanted);
}

/* Sends one request on a connection of its own and expects this status line; the connection must then be closed. */
static void expect_refusal(const struct fixture *fixture, const char *request, const char *status)
{
    char text[2048];
    int fd = connect_to(fixture);
    send_text(fd, request);
    read_until(fd, text, sizeof(text), "never", 1);
    assert_int_equal(count_of(text, status), 1);
    assert_int_equal(count_of(text, "HTTP/1.1 "), 1);
    close(fd);
}

#define POST(path, body_len) "POST " path " HTTP/1.1\r\nHost: t\r\nContent-Length: " body_len "\r\n\r\n"

static void test_a_request_is_answered_with_its_body_and_headers(void **state)
{
    char text[1024];
    int fd = connect_to(*state);
    send_text(fd, POST("/now", "5") "hello");
    assert_int_equal(read_until(fd, text, sizeof(text), "\r\n\r\nhello", 1), 1);
    assert_int_equal(count_of(text, "HTTP/1.1 200 OK"), 1);
    assert_int_equal(count_of(text, "X-Test: yes"), 1);
    close(fd);
}

static void test_a_hundred_pipelined_requests_are_answered_in_order_without_a_stall(void **state)
{
    static char text[64 * 1024];
    char request[200];
    int fd = connect_to(*state);
    const int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof(request), POST("/now", "8") "<num-%02d>", i);
        send_text(fd, request);
    }
    assert_int_equal(read_until(fd, text, sizeof(text), "HTTP/1.1 200", 100), 100);
    read_until(fd, text + strlen(text), sizeof(text) - strlen(text), "<num-99>", count_of(text, "<num-99>") == 0);
    const char *at = text;
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof(request), "<num-%02d>", i);
        at = strstr(at, request);
        assert_non_null(at);
    }
    assert_true(clock_monotonic_us() - start_us < INT64_C(3) * 1000 * 1000); /* a stall lasts until a sweep, each */
    close(fd);
}

static void test_waiting_requests_are_answered_when_their_answers_come(void **state)
{
    struct fixture *fixture = *state;
    char text[4096];
    int fds[20];
    for (size_t i = 0; i < 20; i++) {
        fds[i] = connect_to(fixture);
        send_text(fds[i], POST("/later", "1") "x");
    }
    while (atomic_load(&fixture->seen) < 20) {
        usleep(1000);
    }
    assert_int_equal(http_loop_requests_in_flight(fixture->loop), 20);
    atomic_store(&fixture->release, true);
    http_loop_wake(fixture->loop);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(read_until(fds[i], text, sizeof(text), "HTTP/1.1 200", 1), 1);
        close(fds[i]);
    }
}

/* Leaves a request waiting, so that the library cannot say whether it has something to do. Returns its connection. */
static int keep_one_waiting(struct fixture *fixture)
{
    int fd = connect_to(fixture);
    send_text(fd, POST("/later", "1") "x");
    while (atomic_load(&fixture->seen) < 1) {
        usleep(1000);
    }
    return fd;
}

/* Sends `head`, `filling` bytes and `tail` at once and expects an answer with this status. */
static void expect_answer(struct fixture *fixture, const char *head, size_t filling, const char *tail,
                          const char *status)
{
    static char text[LARGE_BODY_MAX + 2048];
    const size_t len = (size_t)snprintf(text, sizeof(text), "%s", head);
    memset(text + len, 'x', filling);
    snprintf(text + len + filling, sizeof(text) - len - filling, "%s", tail);
    int fd = connect_to(fixture);
    send_text(fd, text);
    assert_int_equal(read_until(fd, text, sizeof(text), status, 1), 1);
    close(fd);
}

static void expect_answers_to_all_sizes(struct fixture *fixture)
{
    const size_t sizes[] = {4000, 4400, 8000, 8192, 18000, LARGE_BODY_MAX};
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
    int waiting = keep_one_waiting(*state);
    expect_answers_to_all_sizes(*state);
    close(waiting);
}

static void test_a_client_that_leaves_while_waiting_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    int fd = keep_one_waiting(fixture);
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

static void test_a_chunked_body_over_twice_the_limit_ends_the_connection(void **state)
{
    char request[1024];
    char text[1024];
    int fd = connect_to(*state);
    snprintf(request, sizeof(request),
             "POST /now HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n%0300d\r\n", 0);
    send_text(fd, request);
    assert_int_equal(read_until(fd, text, sizeof(text), "HTTP/1.1 200", 1), 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, ANSWER_TIMEOUT_MS), 1);
    close(fd);
}

static void test_a_request_that_does_not_get_complete_is_ended(void **state)
{
    char text[1024];
    int in_headers = connect_to(*state);
    int in_body = connect_to(*state);
    usleep(50 * 1000);
    send_text(in_headers, "POST /now HT");
    send_text(in_body, POST("/now", "50") "x");
    const int64_t end_us = clock_monotonic_us() + (int64_t)ANSWER_TIMEOUT_MS * 1000;
    int alive = 2;
    while (alive > 0 && clock_monotonic_us() < end_us) {
        usleep(100 * 1000);
        /* Bytes keep coming: this is not about idle connections. */
        alive = (send(in_headers, "T", 1, MSG_NOSIGNAL) == 1) + (send(in_body, "x", 1, MSG_NOSIGNAL) == 1);
    }
    assert_int_equal(alive, 0);
    int fd = connect_to(*state);
    send_text(fd, POST("/now", "1") "x");
    assert_int_equal(read_until(fd, text, sizeof(text), "HTTP/1.1 200", 1), 1);
    close(fd);
    close(in_headers);
    close(in_body);
}

static void test_shutdown_announces_itself_then_ends_idle_connections(void **state)
{
    struct fixture *fixture = *state;
    char text[1024];
    int busy = connect_to(fixture);
    int idle = connect_to(fixture);
    http_loop_announce_close(fixture->loop);
    send_text(busy, POST("/now", "1") "x");
    read_until(busy, text, sizeof(text), "never", 1);
    assert_int_equal(count_of(text, "HTTP/1.1 200"), 1);
    assert_int_equal(count_of(text, "Connection: close"), 1);
    http_loop_stop_accepting(fixture->loop);
    assert_int_equal(read_until(idle, text, sizeof(text), "x", 1), 0);
    for (int i = 0; i < 500 && http_loop_connections(fixture->loop) > 0; i++) {
        usleep(10 * 1000);
    }
    assert_int_equal(http_loop_connections(fixture->loop), 0);
    close(busy);
    close(idle);
}

static void test_requests_without_an_answer_are_given_up_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    int fd = keep_one_waiting(fixture);
    http_loop_free(fixture->loop);
    fixture->loop = NULL;
    assert_int_equal(atomic_load(&fixture->gone), 1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_is_answered_with_its_body_and_headers, start, stop),
        cmocka_unit_test_setup_teardown(test_a_hundred_pipelined_requests_are_answered_in_order_without_a_stall, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_waiting_requests_are_answered_when_their_answers_come, start, stop),
        cmocka_unit_test_setup_teardown(test_what_takes_many_reads_is_answered_without_a_further_event, start, stop),
        cmocka_unit_test_setup_teardown(test_what_takes_many_reads_is_answered_while_others_wait, start, stop),
        cmocka_unit_test_setup_teardown(test_a_client_that_leaves_while_waiting_is_noticed, start, stop),
        cmocka_unit_test_setup_teardown(test_framing_that_could_be_read_differently_is_refused_and_closed, start, stop),
        cmocka_unit_test_setup_teardown(test_a_body_over_the_limit_is_413, start, stop),
        cmocka_unit_test_setup_teardown(test_a_chunked_body_over_twice_the_limit_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(test_a_request_that_does_not_get_complete_is_ended, start, stop),
        cmocka_unit_test_setup_teardown(test_shutdown_announces_itself_then_ends_idle_connections, start, stop),
        cmocka_unit_test_setup_teardown(test_requests_without_an_answer_are_given_up_at_the_end, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
