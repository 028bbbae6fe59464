#include "common/net/host_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_address(const char *text, const char *host, int port)
{
    struct host_port address;
    assert_int_equal(host_port_parse(text, &address), 0);
    assert_string_equal(address.host, host);
    assert_int_equal(address.port, port);
}

static void test_names_and_both_kinds_of_address_are_understood(void **state)
{
    (void)state;
    assert_address("localhost:6379", "localhost", 6379);
    assert_address("redis-0.redis_net.example.net:1", "redis-0.redis_net.example.net", 1);
    assert_address("10.0.0.7:65535", "10.0.0.7", 65535);
    assert_address("[::1]:6379", "::1", 6379);
}

static void test_an_address_needs_no_look_up(void **state)
{
    (void)state;
    assert_true(host_is_address("10.0.0.7") && host_is_address("::1") && host_is_address("fe80::1"));
    assert_false(host_is_address("localhost") || host_is_address("10.0.0") || host_is_address("10.0.0.7.example"));
}

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     "localhost", "localhost:",  ":6379",  "localhost:0", "localhost:65536", "localhost:http", "::1",
        "[]:1", "[::1]",     "[::1]6379",   "[::1:1", "::1]:1",      "[localhost]:1",   "a b:1",          "a/b:1",
        "-a:1", ".:1",       "user@host:1", "h:1 ",   "h:+1",        "redis://h:1",     "a:1,b:2",        "[:1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct host_port address;
        assert_int_equal(host_port_parse(texts[i], &address), -1);
    }
}

static void test_a_host_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char name[HOST_SIZE + 1];
    char text[HOST_SIZE + 8];
    struct host_port address;
    memset(name, 'a', HOST_SIZE);
    name[HOST_SIZE] = '\0';
    snprintf(text, sizeof(text), "%s:1", name + 1);
    assert_int_equal(host_port_parse(text, &address), 0);
    snprintf(text, sizeof(text), "%s:1", name);
    assert_int_equal(host_port_parse(text, &address), -1);
}

static void test_a_host_alone_has_no_port_and_no_brackets(void **state)
{
    (void)state;
    assert_true(host_is_valid("0.0.0.0"));
    assert_true(host_is_valid("::"));
    assert_true(host_is_valid("localhost"));
    assert_false(host_is_valid(""));
    assert_false(host_is_valid("localhost:80"));
    assert_false(host_is_valid("[::]"));
    assert_false(host_is_valid("*"));
}

static void test_wildcards_are_known(void **state)
{
    (void)state;
    assert_true(host_is_wildcard("0.0.0.0"));
    assert_true(host_is_wildcard("::"));
    assert_false(host_is_wildcard("127.0.0.1"));
    assert_false(host_is_wildcard("::1"));
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    char longest[HOST_SIZE];
    memset(longest, 'a', HOST_SIZE - 1);
    longest[HOST_SIZE - 1] = '\0';
    const char *const hosts[] = {"localhost", "10.0.0.7", "::1", longest};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char text[HOST_PORT_SIZE];
        host_port_write(hosts[i], 65535, text);
        assert_address(text, hosts[i], 65535);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_both_kinds_of_address_are_understood),
        cmocka_unit_test(test_an_address_needs_no_look_up),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_a_host_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_host_alone_has_no_port_and_no_brackets),
        cmocka_unit_test(test_wildcards_are_known),
        cmocka_unit_test(test_what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
