#include "common/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/fakes/canned_http.h"

struct answer {
    int result;
    int status;
    struct buffer body;
    struct error error;
};

/* One GET; bodies over 16 bytes are refused. */
static struct answer get_from(struct canned_http *server, int timeout_ms)
{
    char url[64];
    struct answer answer = {.status = -1};
    struct http_client *client = http_client_create();
    assert_non_null(client);
    assert_non_null(server);
    buffer_init(&answer.body);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/a?b=c", canned_http_port(server));
    answer.result = http_client_get(client, url, timeout_ms, 16, &answer.status, &answer.body, &answer.error);
    http_client_free(client);
    return answer;
}

static void test_status_and_body_of_an_answer_are_returned(void **state)
{
    (void)state;
    struct canned_http *server = canned_http_start("HTTP/1.1 503 Sorry\r\nContent-Length: 5\r\n\r\nhello");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.body.len, 5);
    assert_memory_equal(answer.body.data, "hello", 5);
    assert_ptr_equal(strstr(canned_http_request(server), "GET /a?b=c HTTP/1.1\r\n"), canned_http_request(server));
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct canned_http *server =
        canned_http_start("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 302);
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_a_proxy_of_the_environment_is_not_asked(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct canned_http *server = canned_http_start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct answer answer = get_from(server, 5000);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 200);
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_a_body_over_the_limit_is_an_error(void **state)
{
    (void)state;
    struct canned_http *server = canned_http_start("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n12345678901234567");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, -1);
    assert_true(answer.body.len <= 16);
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_a_silent_server_is_given_up_in_time(void **state)
{
    (void)state;
    struct canned_http *server = canned_http_start(NULL);
    const int64_t start_us = clock_monotonic_us();
    struct answer answer = get_from(server, 100);
    assert_int_equal(answer.result, -1);
    assert_true(clock_monotonic_us() - start_us >= 90 * 1000);
    assert_non_null(strstr(answer.error.message, "timed out"));
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_an_answer_that_is_not_http_is_an_error(void **state)
{
    (void)state;
    struct canned_http *server = canned_http_start("-ERR unknown command 'GET'\r\n");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, -1);
    buffer_done(&answer.body);
    canned_http_stop(server);
}

static void test_only_http_is_spoken(void **state)
{
    (void)state;
    int status;
    struct buffer body;
    struct error error;
    struct http_client *client = http_client_create();
    buffer_init(&body);
    assert_int_equal(http_client_get(client, "file:///etc/hostname", 1000, 1024, &status, &body, &error), -1);
    assert_ptr_equal(strstr(error.message, "GET file:///etc/hostname: "), error.message);
    buffer_done(&body);
    http_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_and_body_of_an_answer_are_returned),
        cmocka_unit_test(test_a_redirect_is_not_followed),
        cmocka_unit_test(test_a_proxy_of_the_environment_is_not_asked),
        cmocka_unit_test(test_a_body_over_the_limit_is_an_error),
        cmocka_unit_test(test_a_silent_server_is_given_up_in_time),
        cmocka_unit_test(test_an_answer_that_is_not_http_is_an_error),
        cmocka_unit_test(test_only_http_is_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
