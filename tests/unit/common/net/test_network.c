#include "common/net/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool has(const char *text, const char *address)
{
    struct network network;
    assert_int_equal(network_parse(text, &network), 0);
    return network_has(&network, address);
}

static void test_an_address_is_in_its_networks(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.1.2") && !has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.0.2.128/25", "192.0.2.255") && !has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.7", "192.0.2.7") && !has("192.0.2.7", "192.0.2.6"));
    assert_true(has("192.0.2.7/32", "192.0.2.7") && !has("192.0.2.7/32", "192.0.2.8"));
    assert_true(has("0.0.0.0/0", "198.51.100.1") && !has("0.0.0.0/0", "::1"));
    assert_true(has("2001:db8::/32", "2001:db8:1::5") && !has("2001:db8::/32", "2001:db9::"));
    assert_true(has("::1", "::1") && !has("::/0", "127.0.0.1"));
    assert_true(has("fe80::/10", "febf::1") && !has("fe80::/10", "fec0::1"));
    assert_false(has("0.0.0.0/0", "")); /* nobody knows who it is */
}

static void test_what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.1/8",
                                        "10.0.0/8",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8x",
                                        "10.0.0.0/8/8",
                                        "host",
                                        "2001:db8::/129",
                                        "2001:db8::1/32",
                                        "::ffff:10.0.0.0/104",
                                        "::1/",
                                        "0x7f000001",
                                        "10.0.0.0 /8",
                                        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/8"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct network network;
        if (network_parse(texts[i], &network) == 0) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_is_in_its_networks),
        cmocka_unit_test(test_what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
