#include "common/net/http_syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void test_urls_of_http(void **state)
{
    (void)state;
    static const char *const good[] = {"http://127.0.0.1:4318",
                                       "https://otlp.example.com",
                                       "http://[::1]:4318/a/b",
                                       "http://collector:1/v1/x",
                                       "http://a/",
                                       "https://a_b-c.d:65535"};
    static const char *const bad[] = {"",
                                      "a:4318",
                                      "http://",
                                      "http:///v1",
                                      "http://:4318",
                                      "ftp://a",
                                      "HTTP//a",
                                      "http:/a",
                                      "http://a b",
                                      "http://user:secret@a",
                                      "http://a?x=1",
                                      "http://a/#x",
                                      "http://a:0",
                                      "http://a:65536",
                                      "http://a:",
                                      "http://[::1",
                                      "http://[x]",
                                      "http://a\n",
                                      "http://\xC3\xA9"};
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!http_url_is_valid(good[i])) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (http_url_is_valid(bad[i])) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    char longest[514] = "http://a/";
    memset(longest + 9, 'x', 503);
    assert_true(http_url_is_valid(longest));
    longest[512] = 'x';
    assert_false(http_url_is_valid(longest));
}

static void test_header_lines(void **state)
{
    (void)state;
    static const char *const good[] = {"Authorization: Bearer a.b", "x:y", "X-A: b: c, d", "!#$%&'*+-.^_`|~9: x"};
    static const char *const bad[] = {"",
                                      "X",
                                      "X:",
                                      "X: ",
                                      ": y",
                                      "X : y",
                                      "X: y ",
                                      "X: y\r\nZ: 1",
                                      "X: \x7f",
                                      "X: \xC3\xA9",
                                      "X Y: z",
                                      "Content-Type: x",
                                      "content-length: 1",
                                      "Transfer-Encoding: gzip",
                                      "X: a\tb"};
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!http_header_is_valid(good[i])) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (http_header_is_valid(bad[i])) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_of_http),
        cmocka_unit_test(test_header_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
