#include "common/process/pprof_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- fakes ---- */

static struct http_peer peer;
static const char *fields[3][2]; /* name and value; NULL behind the last */

struct http_peer http_request_peer(const struct http_request *request)
{
    assert_non_null(request);
    return peer;
}

const char *http_request_any_field(const struct http_request *request, const char *name)
{
    assert_non_null(request);
    for (size_t i = 0; fields[i][0] != NULL; i++) {
        if (strcmp(fields[i][0], name) == 0) {
            return fields[i][1];
        }
    }
    return NULL;
}

/* ---- tests ---- */

static char *allow[] = {"10.1.0.0/16", "2001:db8::7"};
static const struct config nobody_else = {.debug = {.pprof = CONFIG_TRUE}};
static const struct config some_others = {.debug = {.pprof = CONFIG_TRUE, .allow = allow, .allow_count = 2}};
static const struct http_peer local = {.address = "127.0.0.1", .is_loopback = true};

static void test_who_may_have_profiles(void **state)
{
    (void)state;
    const struct http_peer near = {.address = "10.1.2.3"};
    const struct http_peer far = {.address = "10.2.2.3"};
    const struct http_peer six = {.address = "2001:db8::7"};
    const struct http_peer unknown = {.address = ""};
    assert_true(pprof_access_allows(&nobody_else, &local) && pprof_access_allows(&some_others, &local));
    assert_false(pprof_access_allows(&nobody_else, &near) || pprof_access_allows(&nobody_else, &six));
    assert_true(pprof_access_allows(&some_others, &near) && pprof_access_allows(&some_others, &six));
    assert_false(pprof_access_allows(&some_others, &far) || pprof_access_allows(&some_others, &unknown));
}

static void test_a_host_is_this_machine_or_an_address(void **state)
{
    (void)state;
    static const char *const own[] = {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:80",
                                      "[::1]",     "[::1]:8080",     "10.0.0.7:1",  "192.0.2.1"};
    static const char *const others[] = {
        "",          "evil.example",   "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil",
        "[evil]:80", "127.0.0.1@evil", "tally-gateway:8080"};
    assert_true(pprof_access_is_own_host(NULL));
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_true(pprof_access_is_own_host(own[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (pprof_access_is_own_host(others[i])) {
            fail_msg("\"%s\" was taken", others[i]);
        }
    }
}

static const struct http_request request;

static void set_field(const char *name, const char *value)
{
    fields[0][0] = name;
    fields[0][1] = value;
}

static bool is_of_another_page(const char *name, const char *value)
{
    set_field(name, value);
    return pprof_access_is_of_another_page(&request);
}

static void test_a_page_may_be_this_servers_own(void **state)
{
    (void)state;
    static const char *const others[] = {"cross-site", "same-site", "", "something-new"};
    assert_false(is_of_another_page(NULL, NULL));
    assert_false(is_of_another_page("Host", "localhost:8080"));
    assert_false(is_of_another_page("Sec-Fetch-Site", "none"));
    assert_false(is_of_another_page("Sec-Fetch-Site", "same-origin"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(is_of_another_page("Sec-Fetch-Site", others[i]));
    }
    assert_true(is_of_another_page("Origin", "https://shop.example"));
    assert_true(is_of_another_page("Origin", "null"));
    assert_true(is_of_another_page("Host", "rebound.example:8080"));
}

static const char *refusal_of(const struct http_peer *who, const char *name, const char *value)
{
    peer = *who;
    set_field(name, value);
    return pprof_access_refuses(&some_others, &request);
}

static void test_the_request_tells_who_is_behind_it(void **state)
{
    (void)state;
    static const char *const proxies[] = {
        "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Client-Cert", "X-Real-IP",
        "Via"};
    const struct http_peer far = {.address = "10.2.2.3"};
    assert_null(refusal_of(&local, NULL, NULL));
    assert_null(refusal_of(&local, "Host", "localhost:8080"));
    assert_null(refusal_of(&local, "Sec-Fetch-Site", "none"));
    assert_non_null(strstr(refusal_of(&far, NULL, NULL), "debug.allow"));
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        assert_non_null(strstr(refusal_of(&local, proxies[i], "127.0.0.1"), "proxy"));
    }
    assert_non_null(strstr(refusal_of(&local, "Origin", "https://shop.example"), "web pages"));
    assert_non_null(strstr(refusal_of(&local, "Sec-Fetch-Site", "cross-site"), "web pages"));
    assert_non_null(strstr(refusal_of(&local, "Sec-Fetch-Site", "same-origin"), "web pages"));
    assert_non_null(strstr(refusal_of(&local, "Host", "rebound.example:8080"), "web pages"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_have_profiles),
        cmocka_unit_test(test_a_host_is_this_machine_or_an_address),
        cmocka_unit_test(test_a_page_may_be_this_servers_own),
        cmocka_unit_test(test_the_request_tells_who_is_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
