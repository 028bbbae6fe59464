#include "counter-service/event/event_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counter-service/event/event_message.h"

static const char store_id[] = "9f86d081884c7d659a2feaa0c55ad015";

static const struct event usual = {
    .partition = 3,
    .entry = {1764336793123, 4},
    .place = 17,
    .resource_id = {"post", 4},
    .counter_type = {"likes", 5},
    .user_id = {"me", 2},
    .delta = -2,
    .value = 40,
    .has_value = true,
};

static void check_text(struct text found, struct text expected)
{
    assert_int_equal(found.len, expected.len);
    assert_true(text_equal(found, expected));
}

static void check_round_trip(const struct event *event, enum event_format format)
{
    struct event_writer writer;
    struct buffer out;
    struct event_copy copy;
    event_writer_init(&writer, format, store_id);
    buffer_init(&out);
    event_writer_put(&writer, event, &out);
    assert_int_equal(event_read(format, (struct text){out.data, out.len}, &copy), 0);
    assert_string_equal(copy.store, "9f86d081");
    assert_int_equal(copy.event.partition, event->partition);
    assert_int_equal(stream_id_compare(copy.event.entry, event->entry), 0);
    assert_int_equal(copy.event.place, event->place);
    check_text(copy.event.resource_id, event->resource_id);
    check_text(copy.event.counter_type, event->counter_type);
    check_text(copy.event.user_id, event->user_id);
    assert_true(copy.event.delta == event->delta && copy.event.value == event->value);
    assert_int_equal(copy.event.has_value, event->has_value);
    buffer_done(&out);
}

static void check_round_trips(const struct event *event)
{
    check_round_trip(event, EVENT_FORMAT_JSON);
    check_round_trip(event, EVENT_FORMAT_PROTOBUF);
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct event event = usual;
    check_round_trips(&event);
    event.user_id = TEXT("");
    check_round_trips(&event);
    event.has_value = false;
    event.value = 0;
    check_round_trips(&event);
}

static void test_numbers_keep_all_64_bits(void **state)
{
    (void)state;
    static const int64_t numbers[] = {1, -1, INT64_MAX, INT64_MIN, INT64_C(9007199254740993)};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct event event = usual;
        event.delta = numbers[i];
        event.value = numbers[i];
        check_round_trips(&event);
    }
    struct event last = usual;
    last.entry = (struct stream_id){UINT64_MAX, UINT64_MAX};
    check_round_trips(&last);
}

static void test_every_character_of_a_text_is_kept(void **state)
{
    (void)state;
    struct event event = usual;
    event.resource_id = TEXT("\"quoted\" \\ /slash \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
    event.user_id = TEXT("\x01\x1F\b\f\n\r\t\x7F\0z");
    check_round_trips(&event);
}

static void test_the_longest_texts_are_read(void **state)
{
    (void)state;
    char resource_id[RESOURCE_ID_LEN_MAX], counter_type[COUNTER_TYPE_LEN_MAX], user_id[USER_ID_LEN_MAX];
    memset(resource_id, 'r', sizeof(resource_id));
    memset(counter_type, 'c', sizeof(counter_type));
    memset(user_id, '\n', sizeof(user_id));
    struct event event = usual;
    event.resource_id = (struct text){resource_id, sizeof(resource_id)};
    event.counter_type = (struct text){counter_type, sizeof(counter_type)};
    event.user_id = (struct text){user_id, sizeof(user_id)};
    check_round_trips(&event);
}

/* ---- JSON by other hands ----------------------------------------------------------------------------------------- */

#define ID "\"event_id\":\"9f86d081-0-1764336793123-4-17\""
#define REST "\"resource_id\":\"post\",\"counter_type\":\"likes\",\"delta\":-2,\"value\":40"

static int read_json(const char *json, struct event_copy *copy)
{
    return event_read(EVENT_FORMAT_JSON, text_of(json), copy);
}

static void test_unknown_members_are_passed_over(void **state)
{
    (void)state;
    struct event_copy copy;
    assert_int_equal(read_json("{\"a\":\"b\\u00e9\\\\\"," ID ",\"c\":-1.5e+3,\"a_very_long_name_of_a_member\":true,"
                               "\"d\":false,\"e\":null," REST ",\"\":\"\"}",
                               &copy),
                     0);
    assert_int_equal(copy.event.value, 40);
    assert_int_equal(copy.event.user_id.len, 0);
}

static void test_blanks_and_any_order_are_json_too(void **state)
{
    (void)state;
    struct event_copy copy;
    assert_int_equal(read_json(" {\n" REST " , \t" ID "\r\n} ", &copy), 0);
    assert_int_equal(copy.event.place, 17);
    assert_int_equal(copy.event.delta, -2);
}

static void test_escapes_of_all_kinds(void **state)
{
    (void)state;
    struct event_copy copy;
    assert_int_equal(read_json("{" ID ",\"resource_id\":\"\\u0041\\u00E9\\u20ac\\ud83D\\uDe00\\/\\\"\\\\\","
                               "\"user_id\":\"\\b\\f\\n\\r\\t\\u0000\","
                               "\"counter_type\":\"\\u006cikes\",\"delta\":1,\"value\":null}",
                               &copy),
                     0);
    check_text(copy.event.resource_id, TEXT("A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80/\"\\"));
    check_text(copy.event.user_id, TEXT("\b\f\n\r\t\0"));
    check_text(copy.event.counter_type, TEXT("likes"));
    assert_false(copy.event.has_value);
}

static void test_what_is_no_event(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "{}",
        "[]",
        "null",
        "{" ID "}",
        "{" ID "," REST,
        "{" ID "," REST "} {}",
        "{" ID "," REST ",}",
        "{" ID "," REST ",\"a\"}",
        "{" ID "," REST ",\"a\":}",
        "{" ID "," REST ",\"a\":[1]}",
        "{" ID "," REST ",\"delta\":1}",
        "{" ID " " REST "}",
        "{" ID "," REST ",\"a\":\"\\x\"}",
        "{" ID "," REST ",\"a\":\"\\ud800\"}",
        "{" ID "," REST ",\"a\":\"\\ud800\\u0041\"}",
        "{" ID "," REST ",\"a\":\"\\udc00\"}",
        "{" ID "," REST ",\"a\":\"\\u12\"}",
        "{" ID "," REST ",\"a\":\"\n\"}",
        "{" ID "," REST ",\"a\":\"\xFF\"}",
        "{\"event_id\":\"9f86d081-0-1-4\"," REST "}",
        "{\"event_id\":17," REST "}",
        "{" ID ",\"resource_id\":\"\",\"counter_type\":\"likes\",\"delta\":-2,\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"Likes\",\"delta\":-2,\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":0,\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":1.0,\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":\"1\",\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":1,\"value\":9223372036854775808}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":null,\"value\":40}",
        "{" ID ",\"resource_id\":\"a\",\"counter_type\":\"likes\",\"delta\":1}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct event_copy copy;
        if (read_json(others[i], &copy) == 0) {
            fail_msg("%s", others[i]);
        }
        assert_int_equal(event_read(EVENT_FORMAT_PROTOBUF, text_of(others[i]), &copy), -1);
    }
}

static void test_a_text_that_is_too_long_is_no_event(void **state)
{
    (void)state;
    char json[1024], name[RESOURCE_ID_LEN_MAX + 1];
    struct event_copy copy;
    memset(name, 'r', sizeof(name));
    snprintf(json, sizeof(json), "{" ID ",\"resource_id\":\"%.*s\",\"counter_type\":\"likes\",\"delta\":1,\"value\":1}",
             (int)sizeof(name), name);
    assert_int_equal(read_json(json, &copy), -1);
}

static void test_a_cut_message_is_no_event(void **state)
{
    (void)state;
    static const enum event_format formats[] = {EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF};
    for (size_t i = 0; i < 2; i++) {
        struct event_writer writer;
        struct buffer out;
        struct event_copy copy;
        event_writer_init(&writer, formats[i], store_id);
        buffer_init(&out);
        event_writer_put(&writer, &usual, &out);
        /* Without its last fields a message of protobuf is another one. */
        const size_t longest = formats[i] == EVENT_FORMAT_JSON ? out.len - 1 : 30;
        for (size_t len = 0; len <= longest; len++) {
            assert_int_equal(event_read(formats[i], (struct text){out.data, len}, &copy), -1);
        }
        buffer_done(&out);
    }
}

static void test_the_format_is_what_content_type_says(void **state)
{
    (void)state;
    enum event_format format = EVENT_FORMAT_JSON;
    assert_int_equal(event_read_format(TEXT("application/protobuf"), &format), 0);
    assert_int_equal(format, EVENT_FORMAT_PROTOBUF);
    assert_int_equal(event_read_format(TEXT("application/json"), &format), 0);
    assert_int_equal(format, EVENT_FORMAT_JSON);
    assert_int_equal(event_read_format(TEXT("application/avro"), &format), -1);
    assert_int_equal(event_read_format(TEXT(""), &format), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_numbers_keep_all_64_bits),
        cmocka_unit_test(test_every_character_of_a_text_is_kept),
        cmocka_unit_test(test_the_longest_texts_are_read),
        cmocka_unit_test(test_unknown_members_are_passed_over),
        cmocka_unit_test(test_blanks_and_any_order_are_json_too),
        cmocka_unit_test(test_escapes_of_all_kinds),
        cmocka_unit_test(test_what_is_no_event),
        cmocka_unit_test(test_a_text_that_is_too_long_is_no_event),
        cmocka_unit_test(test_a_cut_message_is_no_event),
        cmocka_unit_test(test_the_format_is_what_content_type_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
