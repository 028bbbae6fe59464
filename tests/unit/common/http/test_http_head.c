#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/http_head.h"

enum { TYPE, KEY, ID };

static bool is_notable(struct text name)
{
    return name.data[0] == '!';
}

static const struct http_wanted_field wanted_fields[] = {
    [TYPE] = {{"Content-Type", 12}, "Content-Type must not be repeated"},
    [KEY] = {{"Key", 3}, NULL},
    [ID] = {{"X-Id", 4}, NULL},
};

static const struct http_application application = {
    .wanted_fields = wanted_fields,
    .wanted_count = sizeof(wanted_fields) / sizeof(wanted_fields[0]),
    .is_notable = is_notable,
};

static struct http_request request;
static struct http_head head;

static void begin(const char *method, const char *target)
{
    request = (struct http_request){0};
    http_head_begin(&head, &application, &request, method, target);
}

static void field(const char *name, const char *value)
{
    http_head_field(&head, text_of(name), text_of(value));
}

static void assert_text(struct text text, const char *wanted)
{
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.len);
}

static void test_targets_in_every_form(void **state)
{
    static const char *const targets[][3] = {
        {"GET", "/a/b", "/a/b"},
        {"GET", "http://h/a//b", "/a//b"},
        {"POST", "HTTPS://[::1]:443/", "/"},
        {"GET", "http://h:80", "/"},
        {"OPTIONS", "*", "*"},
        {"OPTIONS", "http://h", "/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        begin(targets[i][0], targets[i][1]);
        field("Host", "h");
        assert_null(http_head_end(&head, "HTTP/1.1"));
        assert_text(request.path, targets[i][2]);
    }
}

static void test_targets_in_no_form(void **state)
{
    static const char *const targets[] = {"*", "a/b", "h:80", "ftp://h/", "http:///a", "http://u@h/a", "http://h:x/a"};
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        begin("GET", targets[i]);
        field("Host", "h");
        assert_non_null(strstr(http_head_end(&head, "HTTP/1.1"), "the target must"));
    }
}

static void test_authorities(void **state)
{
    static const char *const good[] = {
        "h", "h.example.net", "h:8080", "h:", "10.0.0.7:1", "[::1]", "[::1]:80", "a_b~%41"};
    static const char *const bad[] = {"",     ":80", "h:123456", "h:x",    "h h",        "h/x",     "u@h",
                                      "[::1", "[]",  "h]",       "[::1]x", "h,\xC3\xA9", "http://h"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(http_head_is_authority(text_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(http_head_is_authority(text_of(bad[i])));
    }
}

static void test_a_host_is_needed_once(void **state)
{
    (void)state;
    begin("GET", "/");
    assert_string_equal(http_head_end(&head, "HTTP/1.1"), "Host is missing");
    assert_null(http_head_end(&(struct http_head){.request = &request}, "HTTP/1.0"));
    field("host", "a");
    field("HOST", "a");
    assert_string_equal(http_head_end(&head, "HTTP/1.1"), "Host is missing"); /* the first fault stays */
    begin("GET", "/");
    field("host", "a");
    field("HOST", "a");
    assert_string_equal(http_head_end(&head, "HTTP/1.0"), "Host must not be repeated");
}

static void test_white_space_around_a_value_is_no_part_of_it(void **state)
{
    (void)state;
    begin("POST", "/");
    field("Host", "\t h ");
    field("Key", "k \t ");
    field("content-type", "\tapplication/json\t");
    field("X-Id", "   ");
    field("Content-Length", "12");
    assert_null(http_head_end(&head, "HTTP/1.1"));
    assert_text(http_request_field(&request, KEY), "k");
    assert_text(http_request_field(&request, TYPE), "application/json");
    assert_text(http_request_field(&request, ID), "");
    assert_non_null(http_request_field(&request, ID).data);
    assert_int_equal(head.content_length, 12);
}

static void test_a_wanted_field_is_found_by_its_whole_name_in_any_case(void **state)
{
    (void)state;
    begin("POST", "/");
    field("KEY", "k");
    field("x-iD", "i");
    field("Ke", "-");
    field("Key2", "-");
    assert_text(http_request_field(&request, KEY), "k");
    assert_text(http_request_field(&request, ID), "i");
    assert_null(http_request_field(&request, TYPE).data);
    assert_int_equal(request.fields[TYPE].count, 0);
    assert_null(request.notable_name.data);
}

static void test_a_repeated_field_is_counted_and_the_last_one_told(void **state)
{
    (void)state;
    begin("POST", "/");
    field("Host", "h");
    field("Key", "a");
    field("key", "b");
    assert_null(http_head_end(&head, "HTTP/1.1"));
    assert_text(http_request_field(&request, KEY), "b");
    assert_int_equal(request.fields[KEY].count, 2);
}

static void test_a_name_that_is_not_wanted_may_be_notable(void **state)
{
    (void)state;
    begin("POST", "/");
    field("!a", "1");
    field("!b", "2");
    field("c", "3");
    assert_text(request.notable_name, "!b");
}

static void test_one_value_is_not_two(void **state)
{
    (void)state;
    begin("POST", "/");
    field("Host", "h");
    field("Content-Type", "");
    field("Content-Type", "application/json");
    assert_string_equal(http_head_end(&head, "HTTP/1.1"), "Content-Type must not be repeated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_in_every_form),
        cmocka_unit_test(test_targets_in_no_form),
        cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_a_host_is_needed_once),
        cmocka_unit_test(test_white_space_around_a_value_is_no_part_of_it),
        cmocka_unit_test(test_a_wanted_field_is_found_by_its_whole_name_in_any_case),
        cmocka_unit_test(test_a_repeated_field_is_counted_and_the_last_one_told),
        cmocka_unit_test(test_a_name_that_is_not_wanted_may_be_notable),
        cmocka_unit_test(test_one_value_is_not_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
