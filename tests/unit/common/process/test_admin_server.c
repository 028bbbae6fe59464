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

#include "common/metrics/metrics.h"

static const struct metric_family family = {.name = "tally_test_total", .help = "A test's.", .type = METRIC_COUNTER};

static struct admin_server *server;
static atomic_int health_status = 200; /* the health callback's answer: set between requests */

static int write_health(void *ctx, struct buffer *out)
{
    assert_ptr_equal(ctx, &health_status);
    buffer_append_text(out, health_status == 200 ? TEXT("{\"status\":\"ok\"}") : TEXT("{\"status\":\"down\"}"));
    return health_status;
}

static int start_server(void **state)
{
    (void)state;
    struct error error;
    metrics_add(metrics_register(&family, NULL), 7);
    server = admin_server_create("127.0.0.1", 0, write_health, &health_status, &error);
    return server != NULL ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    admin_server_free(server);
    return 0;
}

/* Sends the request and reads until the server closes: the request must ask for that. NUL-terminated, static. */
static const char *exchange(const char *request)
{
    static char answer[65536];
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)admin_server_port(server)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    size_t len = 0;
    ssize_t more;
    while ((more = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0) {
        len += (size_t)more;
    }
    close(fd);
    answer[len] = '\0';
    return answer;
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
    assert_contains(answer, "\ntally_test_total 7\n");
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

static void test_a_port_in_use_is_said_in_words(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(admin_server_create("127.0.0.1", admin_server_port(server), write_health, NULL, &error));
    assert_true(strlen(error.message) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_is_what_the_program_says),
        cmocka_unit_test(test_metrics_are_exposed),
        cmocka_unit_test(test_head_answers_without_a_body),
        cmocka_unit_test(test_an_unknown_path_is_a_problem_404),
        cmocka_unit_test(test_another_method_is_a_problem_405_with_allow),
        cmocka_unit_test(test_a_body_is_a_problem_413_and_the_next_request_is_fine),
        cmocka_unit_test(test_two_lengths_are_a_problem_400),
        cmocka_unit_test(test_a_port_in_use_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
