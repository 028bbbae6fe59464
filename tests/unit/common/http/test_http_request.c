/* What a request tells when it is asked, over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/fakes/http_fixture.h"

/* Sends a GET and expects this answer. */
static void expect_answer(int fd, const char *target, const char *status, const char *body)
{
    char text[1024];
    char wanted[300];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", target);
    http_fixture_send(fd, text);
    snprintf(wanted, sizeof(wanted), "\r\n\r\n%s", body);
    assert_int_equal(http_fixture_read(fd, text, sizeof(text), wanted, 1), 1);
    assert_int_equal(http_fixture_count(text, status), 1);
    snprintf(wanted, sizeof(wanted), "Content-Length: %zu\r\n", strlen(body));
    assert_int_equal(http_fixture_count(text, wanted), 1);
}

static void test_the_query_is_told_as_it_was_sent(void **state)
{
    static const char *const queries[] = {
        "",           "?",        "?a",           "?a=",
        "?=b",        "?=",       "?a=1&b=2&a=3", "?&&a",
        "?a&b=c&d",   "?a=b=c==", "?a?b/c;d:@=1", "?a+b=%2B+%20&%26=%3d",
        "?%zz=%00&%",
    };
    int fd = http_fixture_connect(*state);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        char target[100];
        snprintf(target, sizeof(target), "/query%s", queries[i]);
        expect_answer(fd, target, "HTTP/1.1 200", queries[i][0] == '?' ? queries[i] + 1 : queries[i]);
    }
    expect_answer(fd, "/query?a&", "HTTP/1.1 200", "a");
    expect_answer(fd, "http://h/query?a=b", "HTTP/1.1 200", "a=b");
    close(fd);
}

static void test_a_query_that_does_not_fit_is_told_to_be_too_long(void **state)
{
    char target[200];
    int fd = http_fixture_connect(*state);
    snprintf(target, sizeof(target), "/query?%0*d", HTTP_FIXTURE_QUERY_MAX, 7);
    expect_answer(fd, target, "HTTP/1.1 200", target + strlen("/query?"));
    snprintf(target, sizeof(target), "/query?%0*d", HTTP_FIXTURE_QUERY_MAX + 1, 7);
    expect_answer(fd, target, "HTTP/1.1 414", "");
    close(fd);
}

static void test_the_peer_is_told(void **state)
{
    int fd = http_fixture_connect(*state);
    expect_answer(fd, "/peer", "HTTP/1.1 200", "127.0.0.1 loopback");
    expect_answer(fd, "/peer", "HTTP/1.1 200", "127.0.0.1 loopback");
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, http_fixture_start, http_fixture_stop)
    const struct CMUnitTest tests[] = {
        TEST(test_the_query_is_told_as_it_was_sent),
        TEST(test_a_query_that_does_not_fit_is_told_to_be_too_long),
        TEST(test_the_peer_is_told),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
