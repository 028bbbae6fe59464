#include "common/process/pprof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_who_may_have_profiles(void **state)
{
    (void)state;
    char *allow[] = {"10.1.0.0/16", "2001:db8::7"};
    const struct config none = {.debug = {.pprof = CONFIG_TRUE}};
    const struct config some = {.debug = {.pprof = CONFIG_TRUE, .allow = allow, .allow_count = 2}};
    const struct http_peer local = {.address = "127.0.0.1", .is_loopback = true};
    const struct http_peer near = {.address = "10.1.2.3"};
    const struct http_peer far = {.address = "10.2.2.3"};
    const struct http_peer six = {.address = "2001:db8::7"};
    const struct http_peer unknown = {.address = ""};
    assert_true(pprof_allows(&none, &local) && pprof_allows(&some, &local));
    assert_false(pprof_allows(&none, &near) || pprof_allows(&none, &six));
    assert_true(pprof_allows(&some, &near) && pprof_allows(&some, &six));
    assert_false(pprof_allows(&some, &far) || pprof_allows(&some, &unknown));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_have_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
