#include "counter-service/redis/redis_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct redis_address parse(const char *text)
{
    struct redis_address address;
    struct error error = {.message = ""};
    assert_int_equal(redis_address_parse(text, &address, &error), 0);
    assert_string_equal(error.message, "");
    return address;
}

static void test_what_is_written_is_what_was_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"redis.example:6379", "[::1]:6380", "10.0.0.1:1", "unix:/run/redis/redis.sock"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct redis_address address = parse(texts[i]);
        assert_string_equal(redis_address_write(&address).text, texts[i]);
    }
}

static void test_a_path_is_no_host(void **state)
{
    (void)state;
    assert_string_equal(parse("unix:/run/redis.sock").path, "/run/redis.sock");
    assert_string_equal(parse("redis:6379").path, "");
    assert_string_equal(parse("unix:6379").tcp.host, "unix"); /* a host of that name */
}

static void test_what_is_no_address_is_refused(void **state)
{
    (void)state;
    char long_path[256];
    snprintf(long_path, sizeof(long_path), "unix:/%0*d", UNIX_PATH_SIZE - 1, 0);
    const char *const texts[] = {"",          "redis",      "redis:0",      "redis:65536",
                                 "unix:",     "unix:/",     "unix:r.sock",  "unix:/a b",
                                 "unix:/a,b", "unix:/a\"b", "Unix:/r.sock", long_path};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct redis_address address;
        struct error error = {.message = ""};
        if (redis_address_parse(texts[i], &address, &error) == 0) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
        assert_non_null(strstr(error.message, "it must be host:port or unix:/path"));
    }
    long_path[strlen(long_path) - 1] = '\0';
    assert_int_equal(strlen(parse(long_path).path), UNIX_PATH_SIZE - 1);
}

static void test_a_host_and_a_port_make_an_address(void **state)
{
    (void)state;
    struct redis_address address;
    assert_int_equal(redis_address_of_tcp(TEXT("::1"), 6379, &address), 0);
    assert_string_equal(redis_address_write(&address).text, "[::1]:6379");
    assert_int_equal(redis_address_of_tcp(TEXT(""), 6379, &address), -1);
    assert_int_equal(redis_address_of_tcp(TEXT("a b"), 6379, &address), -1);
    assert_int_equal(redis_address_of_tcp(TEXT("a"), 0, &address), -1);
    assert_int_equal(redis_address_of_tcp(TEXT("a"), 65536, &address), -1);
    assert_int_equal(redis_address_of_tcp(TEXT("a\0b"), 6379, &address), -1);
    char longest[HOST_SIZE];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(redis_address_of_tcp((struct text){longest, HOST_SIZE}, 6379, &address), -1);
    assert_int_equal(redis_address_of_tcp((struct text){longest, HOST_SIZE - 1}, 6379, &address), 0);
}

static bool equal(const char *a, const char *b)
{
    const struct redis_address first = parse(a);
    const struct redis_address second = parse(b);
    return redis_address_equal(&first, &second);
}

static void test_addresses_are_compared(void **state)
{
    (void)state;
    assert_true(equal("a:1", "a:1") && equal("unix:/a", "unix:/a"));
    assert_false(equal("a:1", "a:2") || equal("a:1", "b:1") || equal("unix:/a", "unix:/b") || equal("unix:/a", "a:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_what_was_read),
        cmocka_unit_test(test_a_path_is_no_host),
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_a_host_and_a_port_make_an_address),
        cmocka_unit_test(test_addresses_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
