#include "common/base/buffer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_content(const struct buffer *buffer, const char *expected)
{
    assert_false(buffer->failed);
    assert_int_equal(buffer->len, strlen(expected));
    assert_memory_equal(buffer->data, expected, buffer->len);
}

static void assert_json(struct text text, const char *expected)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_json_string(&buffer, text);
    assert_content(&buffer, expected);
    buffer_done(&buffer);
}

static void assert_int64(int64_t value)
{
    char expected[32];
    snprintf(expected, sizeof(expected), "%" PRId64, value);
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_int64(&buffer, value);
    assert_content(&buffer, expected);
    buffer_done(&buffer);
}

static void test_what_is_appended_stands_one_after_the_other(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "ab", 2);
    buffer_append(&buffer, NULL, 0);
    buffer_append_text(&buffer, TEXT("cd"));
    buffer_append_format(&buffer, "%s-%d", "ef", 7);
    buffer_append_int64(&buffer, -12);
    buffer_append_json_string(&buffer, TEXT("g"));
    assert_content(&buffer, "abcdef-7-12\"g\"");
    buffer_done(&buffer);
}

static void test_a_buffer_grows_over_any_number_of_appends(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    for (int i = 0; i < 100000; i++) {
        buffer_append(&buffer, &(const char){(char)('a' + i % 26)}, 1);
    }
    assert_int_equal(buffer.len, 100000);
    for (size_t i = 0; i < buffer.len; i++) {
        assert_int_equal(buffer.data[i], 'a' + i % 26);
    }
    buffer_done(&buffer);
}

static void test_every_int64_is_written_with_all_its_digits(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, -1, 9, 10, -10, 99, 100, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int64(values[i]);
    }
    int64_t power = 1;
    for (int digits = 1; digits <= 18; digits++) {
        power *= 10;
        assert_int64(power - 1);
        assert_int64(power);
        assert_int64(-power);
    }
}

static void test_plain_text_is_quoted_as_it_is(void **state)
{
    (void)state;
    assert_json(TEXT(""), "\"\"");
    assert_json(TEXT("post:42/like?"), "\"post:42/like?\"");
    assert_json(TEXT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\"");
}

static void test_quotes_backslashes_and_controls_are_escaped(void **state)
{
    (void)state;
    assert_json(TEXT("\"\\\b\t\n\f\r"), "\"\\\"\\\\\\b\\t\\n\\f\\r\"");
    assert_json((struct text){"a\0b\x01\x1F", 5}, "\"a\\u0000b\\u0001\\u001f\"");
    assert_json(TEXT("\"a\"b\""), "\"\\\"a\\\"b\\\"\"");
}

static void test_a_failed_allocation_stops_everything_until_clear(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "ab", 2);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX / 2), -1);
    assert_true(buffer.failed);
    buffer_append(&buffer, "c", 1);
    buffer_append_int64(&buffer, 1);
    buffer_append_format(&buffer, "%d", 1);
    buffer_append_json_string(&buffer, TEXT("c"));
    assert_int_equal(buffer.len, 2);
    buffer_clear(&buffer, 1024);
    buffer_append(&buffer, "d", 1);
    assert_content(&buffer, "d");
    buffer_done(&buffer);
}

static void test_clear_keeps_small_memory_and_gives_large_memory_back(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(buffer_reserve(&buffer, 1000), 0);
    buffer_clear(&buffer, 4096);
    assert_true(buffer.capacity >= 1000);
    assert_int_equal(buffer_reserve(&buffer, 10000), 0);
    buffer_clear(&buffer, 4096);
    assert_int_equal(buffer.capacity, 0);
    assert_null(buffer.data);
    buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_appended_stands_one_after_the_other),
        cmocka_unit_test(test_a_buffer_grows_over_any_number_of_appends),
        cmocka_unit_test(test_every_int64_is_written_with_all_its_digits),
        cmocka_unit_test(test_plain_text_is_quoted_as_it_is),
        cmocka_unit_test(test_quotes_backslashes_and_controls_are_escaped),
        cmocka_unit_test(test_a_failed_allocation_stops_everything_until_clear),
        cmocka_unit_test(test_clear_keeps_small_memory_and_gives_large_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
