#include "gateway/api/page_handlers.h"

#include "gateway/page/page_files.h"
#include "tests/fakes/gateway_fixture.h"

static const char *const paths[] = {PAGE_PATH, PAGE_STYLE_PATH, PAGE_SCRIPT_PATH, PAGE_DATA_PATH};

enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

static int set_up_page(void **state)
{
    if (set_up(state) != 0) {
        return -1;
    }
    fixture->context.status_page = STATUS_PAGE_ON;
    return 0;
}

static void ask(const char *path, const char *field, const char *value)
{
    fixture->fields[0][0] = field;
    fixture->fields[0][1] = value;
    get(path);
}

static bool body_has(const char *text)
{
    return strstr(fixture->body, text) != NULL;
}

static void test_the_page_is_in_the_language_that_is_wanted(void **state)
{
    (void)state;
    ask("/", "Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8");
    assert_int_equal(fixture->status, 200);
    assert_string_equal(fixture->content_type, "text/html; charset=utf-8");
    assert_true(body_has("<html lang=\"zh-CN\">") && body_has("</html>"));
    assert_string_equal(header("Content-Language"), "zh-CN");
    ask("/", "Accept-Language", "de");
    assert_true(body_has("<html lang=\"en\">") && body_has("</html>"));
    assert_false(body_has("{{"));
    assert_string_equal(header("Content-Language"), "en");
    assert_string_equal(header("Vary"), "Accept, Accept-Language");
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_the_policy_lets_nothing_in_but_the_pages_own(void **state)
{
    (void)state;
    ask("/", NULL, NULL);
    const char *policy = header("Content-Security-Policy");
    assert_non_null(policy);
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(policy, "http"));
    assert_string_equal(header("X-Content-Type-Options"), "nosniff");
    assert_null(strstr(status_page_html, "style="));
    assert_null(strstr(status_page_html, "onclick"));
}

static void test_who_wants_json_gets_the_health(void **state)
{
    (void)state;
    ask("/", "Accept", "application/json");
    assert_int_equal(fixture->status, 200);
    assert_string_equal(fixture->content_type, "application/json");
    assert_true(body_has("\"counter_service\""));
    fixture->is_ready = false;
    ask("/", "Accept", "application/json, */*;q=0.1");
    assert_int_equal(fixture->status, 503);
    ask("/", "Accept", "*/*");
    assert_string_equal(fixture->content_type, "text/html; charset=utf-8");
}

static void test_style_and_script_are_the_files(void **state)
{
    (void)state;
    ask("/status.css", NULL, NULL);
    assert_answer(200, "text/css; charset=utf-8", status_page_css);
    ask("/status.js", NULL, NULL);
    assert_string_equal(fixture->content_type, "text/javascript; charset=utf-8");
    assert_int_equal(strlen(fixture->body), status_page_words_len + status_page_draw_len + status_page_script_len);
    assert_memory_equal(fixture->body, "\"use strict\";", sizeof("\"use strict\";") - 1);
    assert_string_equal(header("X-Content-Type-Options"), "nosniff");
}

static void test_the_script_makes_no_markup_and_runs_no_text(void **state)
{
    static const char *const sinks[] = {
        "innerHTML",     "outerHTML", "insertAdjacentHTML", "document.write", "eval(",       "Function(", "DOMParser",
        "setTimeout(\"", "srcdoc",    "javascript:",        ".style",         "localStorage"};
    (void)state;
    ask("/status.js", NULL, NULL);
    for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
        assert_false(body_has(sinks[i]));
    }
}

static void test_the_data_have_health_and_counters(void **state)
{
    (void)state;
    fixture->is_ready = false;
    ask("/status.json", NULL, NULL);
    assert_int_equal(fixture->status, 200); /* the data are there, whatever they say */
    assert_string_equal(fixture->content_type, "application/json");
    assert_true(body_has("\"health\":{\"status\":\"unavailable\""));
    assert_true(body_has("\"writes\":{\"accepted\":"));
    assert_true(body_has("\"reports\":[]"));
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_off_is_404_and_other_methods_are_405(void **state)
{
    (void)state;
    for (size_t i = 0; i < PATHS; i++) {
        fixture->context.status_page = STATUS_PAGE_OFF;
        ask(paths[i], NULL, NULL);
        assert_problem(404, "server.status_page");
        fixture->context.status_page = STATUS_PAGE_ON;
        post(paths[i], "{}");
        assert_problem(405, "/problems/method-not-allowed");
        assert_string_equal(header("Allow"), "GET, HEAD, OPTIONS");
        handle(prepare(0, HTTP_HEAD, paths[i]));
        assert_int_equal(fixture->status, 200);
    }
}

static void test_loopback_is_for_callers_on_this_machine(void **state)
{
    (void)state;
    fixture->context.status_page = STATUS_PAGE_LOOPBACK;
    for (size_t i = 0; i < PATHS; i++) {
        ask(paths[i], "Host", "localhost:8080");
        assert_int_equal(fixture->status, 200);
        ask(paths[i], "Sec-Fetch-Site", "same-origin"); /* the page's own requests */
        assert_int_equal(fixture->status, 200);
        ask(paths[i], "Host", "evil.example");
        assert_problem(403, "/problems/forbidden");
        ask(paths[i], "Sec-Fetch-Site", "cross-site");
        assert_problem(403, "web pages");
        ask(paths[i], "Sec-Fetch-Site", "same-site"); /* of another port of this machine */
        assert_problem(403, "web pages");
        ask(paths[i], "Origin", "https://shop.example");
        assert_problem(403, "web pages");
        ask(paths[i], "X-Forwarded-For", "127.0.0.1");
        assert_problem(403, "server.status_page");
        fixture->is_remote = true;
        ask(paths[i], "Host", "localhost:8080");
        assert_problem(403, "loopback");
        fixture->is_remote = false;
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up_page, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_page_is_in_the_language_that_is_wanted),
        TEST(test_the_policy_lets_nothing_in_but_the_pages_own),
        TEST(test_who_wants_json_gets_the_health),
        TEST(test_style_and_script_are_the_files),
        TEST(test_the_script_makes_no_markup_and_runs_no_text),
        TEST(test_the_data_have_health_and_counters),
        TEST(test_off_is_404_and_other_methods_are_405),
        TEST(test_loopback_is_for_callers_on_this_machine),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
