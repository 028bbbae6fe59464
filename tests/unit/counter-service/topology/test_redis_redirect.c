#include "counter-service/topology/redis_redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *error, enum redis_redirect_kind kind, const char *host, int port)
{
    const struct redis_redirect redirect = redis_redirect_read(text_of(error));
    assert_int_equal(redirect.kind, kind);
    assert_string_equal(redirect.address.tcp.host, host);
    assert_int_equal(redirect.address.tcp.port, port);
    assert_string_equal(redirect.address.path, "");
}

static void test_moved_and_ask_name_an_address(void **state)
{
    (void)state;
    expect("MOVED 3999 127.0.0.1:6381", REDIS_REDIRECT_MOVED, "127.0.0.1", 6381);
    expect("ASK 3999 127.0.0.1:1", REDIS_REDIRECT_ASK, "127.0.0.1", 1);
    expect("MOVED 3999 redis-1.example.com:65535", REDIS_REDIRECT_MOVED, "redis-1.example.com", 65535);
}

static void test_an_ipv6_address_may_have_brackets(void **state)
{
    (void)state;
    expect("MOVED 3999 ::1:6381", REDIS_REDIRECT_MOVED, "::1", 6381);
    expect("MOVED 3999 [::1]:6381", REDIS_REDIRECT_MOVED, "::1", 6381);
    expect("ASK 3999 2001:db8::7:6381", REDIS_REDIRECT_ASK, "2001:db8::7", 6381);
}

static void test_a_host_may_be_left_out(void **state)
{
    (void)state;
    expect("MOVED 3999 :6381", REDIS_REDIRECT_MOVED, "", 6381);
    expect("ASK 3999 :6381", REDIS_REDIRECT_ASK, "", 6381);
}

static void test_a_cluster_that_cannot_say_is_asked_again(void **state)
{
    (void)state;
    expect("TRYAGAIN Multiple keys request during rehashing of slot", REDIS_REDIRECT_AGAIN, "", 0);
    expect("CLUSTERDOWN The cluster is down", REDIS_REDIRECT_DOWN, "", 0);
    expect("CLUSTERDOWN Hash slot not served", REDIS_REDIRECT_DOWN, "", 0);
}

/* The host asked would be another node. */
static void test_a_node_whose_name_nobody_knows_is_for_later(void **state)
{
    (void)state;
    assert_int_equal(redis_redirect_read(text_of("MOVED 3999 ?:6381")).kind, REDIS_REDIRECT_AGAIN);
    assert_int_equal(redis_redirect_read(text_of("ASK 3999 ?:6381")).kind, REDIS_REDIRECT_AGAIN);
}

static void test_an_address_that_is_none_is_for_later(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "MOVED ",           "MOVED 3999",       "MOVED 3999 ",        "MOVED 3999 127.0.0.1",
        "MOVED 1 host:",    "MOVED 1 host:0",   "MOVED 1 host:65536", "MOVED 1 host:-1",
        "MOVED 1 host:+80", "MOVED 1 host:80x", "ASK 1 ho st/:80/",   "ASK 1 :",
        "ASK 1 []:80",      "MOVED 1 h\n:80",   "MOVED 1 host:0x50",  "MOVED 1 host:99999999999999999999999",
        "ASK 1 [::1:80",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_redirect redirect = redis_redirect_read(text_of(errors[i]));
        if (redirect.kind != REDIS_REDIRECT_AGAIN) {
            fail_msg("\"%s\" is taken for an address", errors[i]);
        }
    }
    char longest[2048];
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "MOVED 1 ", 8);
    memcpy(longest + sizeof(longest) - 4, ":80", 4);
    assert_int_equal(redis_redirect_read(text_of(longest)).kind, REDIS_REDIRECT_AGAIN);
    assert_int_equal(redis_redirect_read((struct text){"MOVED 1 h\0:80", 13}).kind, REDIS_REDIRECT_AGAIN);
    assert_int_equal(redis_redirect_read((struct text){"MOVED 1 h:8\0"
                                                       "0",
                                                       13})
                         .kind,
                     REDIS_REDIRECT_AGAIN);
}

static void test_other_errors_are_none(void **state)
{
    (void)state;
    static const char *const errors[] = {"",
                                         "MOVED",
                                         "ASK",
                                         "MOVEDX 1 h:1",
                                         "ERR MOVED 1 h:1",
                                         "NOSCRIPT No matching",
                                         "LOADING Redis is loading the dataset in memory",
                                         "moved 1 h:1"};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        expect(errors[i], REDIS_REDIRECT_NONE, "", 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved_and_ask_name_an_address),
        cmocka_unit_test(test_an_ipv6_address_may_have_brackets),
        cmocka_unit_test(test_a_host_may_be_left_out),
        cmocka_unit_test(test_a_node_whose_name_nobody_knows_is_for_later),
        cmocka_unit_test(test_a_cluster_that_cannot_say_is_asked_again),
        cmocka_unit_test(test_an_address_that_is_none_is_for_later),
        cmocka_unit_test(test_other_errors_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
