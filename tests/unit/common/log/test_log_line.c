#include "common/log/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "common/base/utf8.h"

#define EVENT(...) \
    (&(const struct log_event){.level = LOG_LEVEL_WARN, \
                               .time_us = INT64_C(1700000000123456), \
                               .component = "redis", \
                               .msg = "reconnecting", \
                               .fields = (const struct log_field[]){__VA_ARGS__}, \
                               .field_count = \
                                   sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)})

static void assert_line(enum log_format format, const struct log_event *event, const char *expected)
{
    char line[LOG_LINE_MAX];
    const size_t len = log_line_format(line, sizeof(line), format, event);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(line, expected, len);
}

/* Parses a line that must be one JSON object in UTF-8, alone on its line. */
static cJSON *parse(const char *line, size_t len)
{
    assert_true(len > 0 && line[len - 1] == '\n');
    assert_null(memchr(line, '\n', len - 1));
    assert_true(utf8_is_valid((struct text){line, len}));
    const char *end = NULL;
    cJSON *object = cJSON_ParseWithLengthOpts(line, len, &end, 0);
    assert_non_null(object);
    assert_ptr_equal(end, line + len - 1);
    assert_true(cJSON_IsObject(object));
    return object;
}

static void test_a_json_line_has_time_level_message_component_and_fields(void **state)
{
    (void)state;
    assert_line(
        LOG_FORMAT_JSON, EVENT(LOG_STR("addr", "localhost:6379"), LOG_INT("tries", -3)),
        "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\",\"msg\":\"reconnecting\",\"component\":\"redis\","
        "\"addr\":\"localhost:6379\",\"tries\":-3}\n");
}

static void test_an_event_without_fields_is_fine(void **state)
{
    (void)state;
    const struct log_event event = {.level = LOG_LEVEL_INFO, .component = "main", .msg = "ready"};
    assert_line(LOG_FORMAT_JSON, &event,
                "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"msg\":\"ready\",\"component\":\"main\"}\n");
    assert_line(LOG_FORMAT_CONSOLE, &event, "1970-01-01T00:00:00.000Z INFO  main: ready\n");
}

static void test_a_console_line_quotes_what_is_not_a_word(void **state)
{
    (void)state;
    assert_line(LOG_FORMAT_CONSOLE,
                EVENT(LOG_STR("addr", "localhost:6379"), LOG_STR("why", "no route\n\x1b[2J"), LOG_STR("empty", ""),
                      LOG_INT("tries", 3)),
                "2023-11-14T22:13:20.123Z WARN  redis: reconnecting addr=localhost:6379 "
                "why=\"no route\\n\\u001b[2J\" empty=\"\" tries=3\n");
}

static void test_values_are_escaped(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    const size_t len =
        log_line_format(line, sizeof(line), LOG_FORMAT_JSON,
                        EVENT(LOG_STR("a", "\"q\" \\ \n\t\x01\x7F caf\xC3\xA9"), LOG_INT("b", INT64_MIN)));
    cJSON *object = parse(line, len);
    assert_string_equal(cJSON_GetObjectItem(object, "a")->valuestring, "\"q\" \\ \n\t\x01\x7F caf\xC3\xA9");
    assert_non_null(strstr(line, "\"b\":-9223372036854775808}"));
    cJSON_Delete(object);
}

static void test_bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    const size_t len =
        log_line_format(line, sizeof(line), LOG_FORMAT_JSON, EVENT(LOG_STR("a", "x\xFFy\xE2\x82z\xED\xA0\x80")));
    cJSON *object = parse(line, len);
    const char *const replaced = "x\uFFFDy\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD";
    assert_string_equal(cJSON_GetObjectItem(object, "a")->valuestring, replaced);
    cJSON_Delete(object);
}

static void test_a_line_that_is_too_long_is_cut_and_says_so(void **state)
{
    (void)state;
    static char value[5000];
    memset(value, 'v', sizeof(value) - 1);
    char line[LOG_LINE_MAX];
    const size_t len =
        log_line_format(line, sizeof(line), LOG_FORMAT_JSON, EVENT(LOG_STR("a", value), LOG_INT("b", 1)));
    assert_true(len <= sizeof(line));
    cJSON *object = parse(line, len);
    assert_true(strlen(cJSON_GetObjectItem(object, "a")->valuestring) > 1900);
    assert_null(cJSON_GetObjectItem(object, "b"));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(object, "cut")));
    cJSON_Delete(object);
}

/* Every capacity cuts somewhere else: in a key, in an escape, in a character, between two fields. */
static void test_a_line_cut_anywhere_stays_whole_json(void **state)
{
    (void)state;
    const struct log_event *event =
        EVENT(LOG_STR("k1", "\"\\\n\x01\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF"), LOG_INT("number", INT64_MIN),
              LOG_STR("a longer key", "ab"), LOG_INT("last", 7));
    for (size_t capacity = LOG_LINE_MIN; capacity < 300; capacity++) {
        char line[300];
        memset(line, '#', sizeof(line));
        const size_t len = log_line_format(line, capacity, LOG_FORMAT_JSON, event);
        assert_true(len <= capacity);
        cJSON *object = parse(line, len);
        assert_true(cJSON_HasObjectItem(object, "level"));
        assert_true(cJSON_HasObjectItem(object, "last") != cJSON_HasObjectItem(object, "cut"));
        cJSON_Delete(object);
        const size_t console_len = log_line_format(line, capacity, LOG_FORMAT_CONSOLE, event);
        assert_true(console_len <= capacity);
        assert_ptr_equal(memchr(line, '\n', console_len), line + console_len - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_json_line_has_time_level_message_component_and_fields),
        cmocka_unit_test(test_an_event_without_fields_is_fine),
        cmocka_unit_test(test_a_console_line_quotes_what_is_not_a_word),
        cmocka_unit_test(test_values_are_escaped),
        cmocka_unit_test(test_bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(test_a_line_that_is_too_long_is_cut_and_says_so),
        cmocka_unit_test(test_a_line_cut_anywhere_stays_whole_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
