#include "common/process/health_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/scripted_http.h"

static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const char ill[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\nredis down";

static int probe(const char *answer, const char *host, struct error *error)
{
    struct scripted_http *server = scripted_http_start(scripted_http_always, (void *)(uintptr_t)answer);
    assert_non_null(server);
    const int result = health_probe(host, scripted_http_port(server), "/health", error);
    if (result == 0) {
        assert_non_null(scripted_http_wait(server, "GET /health HTTP/1.1\r\n", 1));
    }
    scripted_http_stop(server);
    return result;
}

static void test_200_is_well(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe(fine, "127.0.0.1", &error), 0);
}

static void test_a_wildcard_is_asked_on_the_loopback(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe(fine, "0.0.0.0", &error), 0);
}

static void test_anything_else_is_told_with_its_body(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe(ill, "127.0.0.1", &error), -1);
    assert_non_null(strstr(error.message, "status 503: redis down"));
}

static void test_nobody_listening_is_not_well(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(health_probe("127.0.0.1", 1, "/health", &error), -1);
    assert_non_null(strstr(error.message, "http://127.0.0.1:1/health"));
    assert_int_equal(health_probe("::", 1, "/health", &error), -1);
    assert_non_null(strstr(error.message, "http://[::1]:1/health"));
}

static void test_a_port_that_was_left_to_chance_cannot_be_asked(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(health_probe("127.0.0.1", 0, "/health", &error), -1);
    assert_non_null(strstr(error.message, "port is 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_200_is_well),
        cmocka_unit_test(test_a_wildcard_is_asked_on_the_loopback),
        cmocka_unit_test(test_anything_else_is_told_with_its_body),
        cmocka_unit_test(test_nobody_listening_is_not_well),
        cmocka_unit_test(test_a_port_that_was_left_to_chance_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
