#include "common/http/http_peer.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct http_peer peer_of(const char *text)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
        return http_peer_of((const struct sockaddr *)&ipv4);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
    return http_peer_of((const struct sockaddr *)&ipv6);
}

static void test_addresses_are_written_and_loopback_is_known(void **state)
{
    static const struct {
        const char *address;
        const char *written;
        bool is_loopback;
    } peers[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.255.255.255", "127.255.255.255", true},
        {"126.255.255.255", "126.255.255.255", false},
        {"128.0.0.1", "128.0.0.1", false},
        {"0.0.0.0", "0.0.0.0", false},
        {"1.0.0.127", "1.0.0.127", false},
        {"::1", "::1", true},
        {"::", "::", false},
        {"::2", "::2", false},
        {"2001:db8::7", "2001:db8::7", false},
        {"::ffff:127.0.0.2", "127.0.0.2", true},
        {"::ffff:192.0.2.7", "192.0.2.7", false},
        {"::127.0.0.1", "::127.0.0.1", false}, /* not mapped: nothing sends from it */
        {"fe80:1111:2222:3333:4444:5555:6666:7777", "fe80:1111:2222:3333:4444:5555:6666:7777", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        const struct http_peer peer = peer_of(peers[i].address);
        assert_string_equal(peer.address, peers[i].written);
        assert_int_equal(peer.is_loopback, peers[i].is_loopback);
    }
}

static void test_another_family_is_not_known(void **state)
{
    const struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    (void)state;
    assert_string_equal(http_peer_of(&unix_socket).address, "");
    assert_false(http_peer_of(&unix_socket).is_loopback);
    assert_string_equal(http_peer_of(NULL).address, "");
    assert_false(http_peer_of(NULL).is_loopback);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_written_and_loopback_is_known),
        cmocka_unit_test(test_another_family_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
