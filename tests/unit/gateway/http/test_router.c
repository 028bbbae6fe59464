#include "gateway/http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct route routes[] = {
    {.method = HTTP_POST, .pattern = "/api/v1/counter/increment"},
    {.method = HTTP_POST, .pattern = "/api/v1/counter/increment/batch"},
    {.method = HTTP_POST, .pattern = "/api/v1/counter/batch"},
    {.method = HTTP_GET, .pattern = "/api/v1/counter/{resource_id}/{counter_type}"},
    {.method = HTTP_GET, .pattern = "/api/v1/counter/{resource_id}"},
    {.method = HTTP_GET, .pattern = "/health"},
    {.method = HTTP_GET, .pattern = "/health/live"},
};

enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

static struct route_match match(enum http_method method, const char *path)
{
    return router_match(routes, ROUTE_COUNT, method, text_of(path));
}

static void assert_route(enum http_method method, const char *path, const char *pattern)
{
    const struct route_match found = match(method, path);
    assert_non_null(found.route);
    assert_string_equal(found.route->pattern, pattern);
}

static void assert_no_route(enum http_method method, const char *path)
{
    assert_null(match(method, path).route);
}

static void assert_parameter(struct text parameter, const char *expected)
{
    assert_int_equal(parameter.len, strlen(expected));
    assert_memory_equal(parameter.data, expected, parameter.len);
}

static void assert_allow(const char *path, const char *expected)
{
    const char *allow = router_allow(routes, ROUTE_COUNT, text_of(path));
    assert_non_null(allow);
    assert_string_equal(allow, expected);
}

static void test_method_and_path_decide_together(void **state)
{
    (void)state;
    assert_route(HTTP_POST, "/api/v1/counter/batch", "/api/v1/counter/batch");
    assert_route(HTTP_GET, "/api/v1/counter/batch", "/api/v1/counter/{resource_id}");
    assert_route(HTTP_POST, "/api/v1/counter/increment", "/api/v1/counter/increment");
    assert_route(HTTP_GET, "/api/v1/counter/increment", "/api/v1/counter/{resource_id}");
    assert_route(HTTP_POST, "/api/v1/counter/increment/batch", "/api/v1/counter/increment/batch");
    assert_route(HTTP_GET, "/api/v1/counter/increment/batch", "/api/v1/counter/{resource_id}/{counter_type}");
    assert_no_route(HTTP_POST, "/api/v1/counter/post:1");
    assert_no_route(HTTP_POST, "/health");
    assert_no_route(HTTP_OTHER_METHOD, "/health");
}

static void test_head_works_where_get_does(void **state)
{
    (void)state;
    assert_route(HTTP_HEAD, "/health", "/health");
    assert_route(HTTP_HEAD, "/api/v1/counter/a/like", "/api/v1/counter/{resource_id}/{counter_type}");
    assert_no_route(HTTP_HEAD, "/api/v1/counter/increment/batch/x");
}

static void test_parameters_are_raw_segments(void **state)
{
    (void)state;
    const struct route_match found = match(HTTP_GET, "/api/v1/counter/a%2Fb%zz/li%6be");
    assert_non_null(found.route);
    assert_parameter(found.parameters[0], "a%2Fb%zz");
    assert_parameter(found.parameters[1], "li%6be");
}

static void test_an_encoded_slash_does_not_split(void **state)
{
    (void)state;
    assert_route(HTTP_GET, "/api/v1/counter/a%2Flike", "/api/v1/counter/{resource_id}");
    assert_no_route(HTTP_GET, "/health%2Flive");
}

static void test_an_encoded_letter_is_the_letter(void **state)
{
    (void)state;
    assert_route(HTTP_POST, "/api/v1/counter/%69ncremen%74", "/api/v1/counter/increment");
    assert_no_route(HTTP_GET, "/%zzhealth");
    assert_no_route(HTTP_GET, "/healt%6");
    assert_no_route(HTTP_GET, "/healt%");
}

static void test_a_trailing_slash_is_no_route(void **state)
{
    (void)state;
    assert_no_route(HTTP_GET, "/health/");
    assert_no_route(HTTP_POST, "/api/v1/counter/increment/");
    assert_no_route(HTTP_GET, "/api/v1/counter/a/");
    assert_no_route(HTTP_GET, "/api/v1/counter/a/like/");
    assert_no_route(HTTP_GET, "/api/v1/counter/");
}

static void test_empty_segments_are_no_parameters(void **state)
{
    (void)state;
    assert_no_route(HTTP_GET, "/api/v1/counter//like");
    assert_no_route(HTTP_GET, "//health");
}

static void test_other_paths_are_no_route(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "health",
                                        "/healthy",
                                        "/heal",
                                        "/api/v1/counter",
                                        "*",
                                        "/api/v1/counter/a/like/x",
                                        "/API/v1/counter/a",
                                        "/api/v1/counter/a/b/c"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_no_route(HTTP_GET, paths[i]);
        assert_null(router_allow(routes, ROUTE_COUNT, text_of(paths[i])));
    }
    assert_null(router_match(routes, ROUTE_COUNT, HTTP_GET, (struct text){NULL, 0}).route);
}

static void test_dots_are_a_resource_like_others(void **state)
{
    (void)state;
    assert_parameter(match(HTTP_GET, "/api/v1/counter/../like").parameters[0], "..");
}

static void test_allow_lists_the_methods_of_a_path(void **state)
{
    (void)state;
    assert_allow("/health", "GET, HEAD, OPTIONS");
    assert_allow("/api/v1/counter/a", "GET, HEAD, OPTIONS");
    assert_allow("/api/v1/counter/increment", "GET, HEAD, POST, OPTIONS");
    assert_allow("/api/v1/counter/increment/batch", "GET, HEAD, POST, OPTIONS");
}

static void test_allow_of_a_path_that_only_takes_posts(void **state)
{
    (void)state;
    static const struct route only_post[] = {{.method = HTTP_POST, .pattern = "/in"}};
    assert_string_equal(router_allow(only_post, 1, TEXT("/in")), "POST, OPTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_method_and_path_decide_together),
        cmocka_unit_test(test_head_works_where_get_does),
        cmocka_unit_test(test_parameters_are_raw_segments),
        cmocka_unit_test(test_an_encoded_slash_does_not_split),
        cmocka_unit_test(test_an_encoded_letter_is_the_letter),
        cmocka_unit_test(test_a_trailing_slash_is_no_route),
        cmocka_unit_test(test_empty_segments_are_no_parameters),
        cmocka_unit_test(test_other_paths_are_no_route),
        cmocka_unit_test(test_dots_are_a_resource_like_others),
        cmocka_unit_test(test_allow_lists_the_methods_of_a_path),
        cmocka_unit_test(test_allow_of_a_path_that_only_takes_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
