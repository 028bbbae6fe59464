#include "common/process/admin_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/http/http_peer.h"
#include "common/metrics/metrics.h"

static const struct metric_family family = {.name = "tally_test_total", .help = "A test's.", .type = METRIC_COUNTER};

static struct admin_server *server;
static atomic_int health_status = 200; /* the health callback's answer: set between requests */

static int write_health(void *ctx, struct operator_answer *answer)
{
    assert_ptr_equal(ctx, &health_status);
    buffer_append_text(&answer->body,
                       health_status == 200 ? TEXT("{\"status\":\"ok\"}") : TEXT("{\"status\":\"down\"}"));
    return health_status;
}

/* One at a time: its answer comes from the thread of the test. */
static _Atomic(struct operator_answer *) slow;

static int write_slow(void *ctx, struct operator_answer *answer)
{
    char query[64] = "";
    (void)ctx;
    if (atomic_load(&slow) != NULL) {
        return operator_answer_problem(answer, 409, "busy", "Busy", "one is being written");
    }
    assert_true(http_request_query(answer->request, query, sizeof(query) - 1) >= 0);
    buffer_append_format(&answer->body, "%s, %s", query,
                         http_request_peer(answer->request).is_loopback ? "from here" : "from afar");
    atomic_store(&slow, answer);
    return OPERATOR_LATER;
}

static const struct operator_endpoint endpoints[] = {
    {"/health", "application/json", false, write_health},
    {"/metrics", METRICS_CONTENT_TYPE, false, operator_write_metrics},
    {"/slow", "text/plain", true, write_slow},
};
enum { ENDPOINTS = sizeof(endpoints) / sizeof(endpoints[0]) };

static int start_server(void **state)
{
    (void)state;
    struct error error;
    metrics_add(metrics_register(&family, NULL), 7);
    server = admin_server_create("127.0.0.1", 0, endpoints, ENDPOINTS, &health_status, &error);
    return server != NULL ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    admin_server_free(server);
    return 0;
}

/* Sends a request on a connection of its own, which is returned. */
static int send_request(const char *request)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)admin_server_port(server)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

/* Reads until the server closes: the request must ask for that. NUL-terminated, static. */
static const char *receive(int fd)
{
    static char answer[65536];
    size_t len = 0;
    ssize_t more;
    while ((more = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0) {
        len += (size_t)more;
    }
    close(fd);
    answer[len] = '\0';
    return answer;
}

static const char *exchange(const char *request)
{
    return receive(send_request(request));
}

static const char *ask(const char *method, const char *path)
{
    char request[256];
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", method, path);
    return exchange(request);
}

static void assert_contains(const char *answer, const char *part)
{
    if (strstr(answer, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, answer);
    }
}

static void test_health_is_what_the_program_says(void **state)
{
    (void)state;
    health_status = 200;
    const char *answer = ask("GET", "/health");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Type: application/json\r\n");
    assert_contains(answer, "\r\n\r\n{\"status\":\"ok\"}");
    health_status = 503;
    answer = ask("GET", "/health");
    assert_contains(answer, "HTTP/1.1 503 ");
    assert_contains(answer, "\r\n\r\n{\"status\":\"down\"}");
}

static void test_metrics_are_exposed(void **state)
{
    (void)state;
    const char *answer = ask("GET", "/metrics");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_contains(answer, "Vary: Accept\r\n");
    assert_contains(answer, "\ntally_test_total 7\n");
    assert_null(strstr(ask("GET", "/health"), "Vary"));
}

static void test_metrics_are_exposed_as_openmetrics_to_who_wants_that_more(void **state)
{
    (void)state;
    const char *answer = exchange("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                                  "accept: text/plain;q=0.5, */*;q=0.1\r\nX-Accept: a\r\n"
                                  "ACCEPT:application/openmetrics-text; version=1.0.0\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
    assert_contains(answer, "Vary: Accept\r\n");
    assert_contains(answer, "# TYPE tally_test counter\n");
    assert_contains(answer, "\ntally_test_total 7\n");
    assert_string_equal(strstr(answer, "# EOF"), "# EOF\n");
    answer = exchange("HEAD /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                      "Accept: application/openmetrics-text\r\n\r\n");
    assert_contains(answer, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
}

static void test_head_answers_without_a_body(void **state)
{
    (void)state;
    health_status = 200;
    const char *answer = ask("HEAD", "/health");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Length: 15\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void test_an_unknown_path_is_a_problem_404(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/healthy", "/health/", "/Health", "/metric"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *answer = ask("GET", paths[i]);
        assert_contains(answer, "HTTP/1.1 404 ");
        assert_contains(answer, "Content-Type: application/problem+json\r\n");
        assert_contains(answer, "\"type\":\"/problems/not-found\"");
        assert_contains(answer, "\"status\":404");
        assert_contains(answer, "\"There are /health, /metrics and /slow here.\"");
    }
}

static void test_another_method_is_a_problem_405_with_allow(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const char *answer = ask(methods[i], "/metrics");
        assert_contains(answer, "HTTP/1.1 405 ");
        assert_contains(answer, "Allow: GET, HEAD\r\n");
        assert_contains(answer, "\"type\":\"/problems/method-not-allowed\"");
    }
}

static void test_a_body_is_a_problem_413_and_the_next_request_is_fine(void **state)
{
    (void)state;
    const char *answer = exchange("GET /health HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc");
    assert_contains(answer, "HTTP/1.1 413 ");
    assert_contains(answer, "\"type\":\"/problems/body-too-large\"");
    assert_contains(ask("GET", "/metrics"), "HTTP/1.1 200 ");
}

static void test_two_lengths_are_a_problem_400(void **state)
{
    (void)state;
    const char *answer =
        exchange("GET /health HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n");
    assert_contains(answer, "HTTP/1.1 400 ");
    assert_contains(answer, "\"type\":\"/problems/malformed-request\"");
}

/* Returns the connection once the writer was asked. */
static int ask_slow(void)
{
    const int fd = send_request("GET /slow?seconds=30 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    while (atomic_load(&slow) == NULL) {
        clock_sleep_ms(1);
    }
    return fd;
}

static void finish_slow(void)
{
    operator_answer_finish(atomic_exchange(&slow, NULL), 200);
}

static void test_a_writer_that_answers_later_holds_nobody_up(void **state)
{
    (void)state;
    health_status = 200;
    const int fd = ask_slow();
    assert_contains(ask("GET", "/health"), "HTTP/1.1 200 ");
    const char *answer = ask("GET", "/slow");
    assert_contains(answer, "HTTP/1.1 409 ");
    assert_contains(answer, "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n");
    finish_slow();
    answer = receive(fd);
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Type: text/plain\r\n");
    assert_contains(answer, "\r\n\r\nseconds=30, from here");
    assert_null(strstr(answer, "no-store"));
}

static void test_a_client_that_leaves_before_the_answer_harms_nobody(void **state)
{
    (void)state;
    health_status = 200;
    close(ask_slow());
    assert_contains(ask("GET", "/health"), "HTTP/1.1 200 ");
    finish_slow();
    const int fd = ask_slow();
    finish_slow();
    assert_contains(receive(fd), "seconds=30, from here");
}

static void test_an_answer_may_be_finished_right_before_the_end(void **state)
{
    const int fd = ask_slow();
    finish_slow();
    stop_server(state);
    close(fd);
    assert_int_equal(start_server(state), 0);
}

static void test_a_port_in_use_is_said_in_words(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(admin_server_create("127.0.0.1", admin_server_port(server), endpoints, ENDPOINTS, NULL, &error));
    assert_true(strlen(error.message) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_is_what_the_program_says),
        cmocka_unit_test(test_metrics_are_exposed),
        cmocka_unit_test(test_metrics_are_exposed_as_openmetrics_to_who_wants_that_more),
        cmocka_unit_test(test_head_answers_without_a_body),
        cmocka_unit_test(test_an_unknown_path_is_a_problem_404),
        cmocka_unit_test(test_another_method_is_a_problem_405_with_allow),
        cmocka_unit_test(test_a_body_is_a_problem_413_and_the_next_request_is_fine),
        cmocka_unit_test(test_two_lengths_are_a_problem_400),
        cmocka_unit_test(test_a_writer_that_answers_later_holds_nobody_up),
        cmocka_unit_test(test_a_client_that_leaves_before_the_answer_harms_nobody),
        cmocka_unit_test(test_an_answer_may_be_finished_right_before_the_end),
        cmocka_unit_test(test_a_port_in_use_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
