#include "counter-service/event/event_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char store_id[] = "9f86d081884c7d659a2feaa0c55ad015";

static const struct event usual = {
    .partition = 0,
    .entry = {1764336793123, 4},
    .place = 17,
    .resource_id = {"post", 4},
    .counter_type = {"likes", 5},
    .user_id = {"me", 2},
    .delta = -2,
    .value = 40,
    .has_value = true,
};

struct fixture {
    struct event_writer writer;
    struct buffer out;
};

static void begin(struct fixture *fixture, enum event_format format)
{
    event_writer_init(&fixture->writer, format, store_id);
    buffer_init(&fixture->out);
}

static struct text message_of(struct fixture *fixture, const struct event *event)
{
    buffer_clear(&fixture->out, SIZE_MAX);
    event_writer_put(&fixture->writer, event, &fixture->out);
    assert_false(fixture->out.failed);
    return (struct text){fixture->out.data, fixture->out.len};
}

static void check_json_is(const struct event *event, const char *expected)
{
    struct fixture fixture;
    begin(&fixture, EVENT_FORMAT_JSON);
    const struct text text = message_of(&fixture, event);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
    buffer_done(&fixture.out);
}

static void test_the_json_of_an_event(void **state)
{
    (void)state;
    check_json_is(&usual, "{\"event_id\":\"9f86d081-0-1764336793123-4-17\",\"resource_id\":\"post\","
                          "\"counter_type\":\"likes\",\"user_id\":\"me\",\"delta\":-2,\"value\":40,"
                          "\"occurred_at\":\"2025-11-28T13:33:13.123Z\"}");
}

static void test_json_leaves_out_a_user_that_is_not_there_and_has_null_for_an_unknown_value(void **state)
{
    (void)state;
    struct event event = usual;
    event.user_id = (struct text){NULL, 0};
    event.has_value = false;
    event.delta = INT64_MIN;
    check_json_is(&event, "{\"event_id\":\"9f86d081-0-1764336793123-4-17\",\"resource_id\":\"post\","
                          "\"counter_type\":\"likes\",\"delta\":-9223372036854775808,\"value\":null,"
                          "\"occurred_at\":\"2025-11-28T13:33:13.123Z\"}");
}

static void check_headers(enum event_format format, const char *content_type)
{
    struct fixture fixture;
    begin(&fixture, format);
    message_of(&fixture, &usual);
    const struct {
        const char *name;
        const char *value;
    } expected[] = {{"ce_specversion", "1.0"},
                    {"ce_id", "9f86d081-0-1764336793123-4-17"},
                    {"ce_source", "urn:tally:store:9f86d081884c7d659a2feaa0c55ad015"},
                    {"ce_type", "tally.counter.changed.v1"},
                    {"ce_subject", "post"},
                    {"ce_time", "2025-11-28T13:33:13.123Z"},
                    {"content-type", content_type}};
    assert_int_equal(fixture.writer.header_count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < fixture.writer.header_count; i++) {
        assert_string_equal(fixture.writer.headers[i].name, expected[i].name);
        assert_true(text_equal(fixture.writer.headers[i].value, text_of(expected[i].value)));
    }
    buffer_done(&fixture.out);
}

static void test_headers_are_those_of_cloudevents(void **state)
{
    (void)state;
    check_headers(EVENT_FORMAT_JSON, "application/json");
    check_headers(EVENT_FORMAT_PROTOBUF, "application/protobuf");
}

static void test_a_traced_change_has_its_trace(void **state)
{
    (void)state;
    struct fixture fixture;
    struct event traced = usual;
    traced.trace = (struct event_trace){(const uint8_t *)"0123456789abcdef", (const uint8_t *)"ABCDEFGH", TEXT("a=1")};
    begin(&fixture, EVENT_FORMAT_JSON);
    message_of(&fixture, &traced);
    const struct named_text *headers = fixture.writer.headers;
    assert_int_equal(fixture.writer.header_count, 9);
    assert_string_equal(headers[7].name, "traceparent");
    assert_true(text_equal(headers[7].value, TEXT("00-30313233343536373839616263646566-4142434445464748-01")));
    assert_string_equal(headers[8].name, "tracestate");
    assert_true(text_equal(headers[8].value, TEXT("a=1")));
    traced.trace.state.len = 0;
    message_of(&fixture, &traced);
    assert_int_equal(fixture.writer.header_count, 8);
    message_of(&fixture, &usual);
    assert_int_equal(fixture.writer.header_count, 7);
    buffer_done(&fixture.out);
}

static void check_time(struct fixture *fixture, uint64_t ms, const char *expected)
{
    struct event event = usual;
    event.entry.ms = ms;
    message_of(fixture, &event);
    assert_string_equal(fixture->writer.time, expected);
    assert_int_equal(fixture->writer.headers[5].value.len, strlen(expected));
}

static void test_times_are_those_of_the_entry_and_end_with_the_year_9999(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, EVENT_FORMAT_JSON);
    check_time(&fixture, 0, "1970-01-01T00:00:00.000Z");
    check_time(&fixture, 1, "1970-01-01T00:00:00.001Z");
    check_time(&fixture, 1764336793123, "2025-11-28T13:33:13.123Z");
    check_time(&fixture, 1764336793123, "2025-11-28T13:33:13.123Z");
    check_time(&fixture, 0, "1970-01-01T00:00:00.000Z");
    check_time(&fixture, 253402300799999, "9999-12-31T23:59:59.999Z");
    check_time(&fixture, 253402300800000, "9999-12-31T23:59:59.999Z");
    check_time(&fixture, UINT64_MAX, "9999-12-31T23:59:59.999Z");
    buffer_done(&fixture.out);
}

static void test_a_message_is_appended_and_the_same_each_time(void **state)
{
    (void)state;
    for (enum event_format format = EVENT_FORMAT_JSON; format <= EVENT_FORMAT_PROTOBUF; format++) {
        struct fixture fixture;
        begin(&fixture, format);
        event_writer_put(&fixture.writer, &usual, &fixture.out);
        const size_t len = fixture.out.len;
        event_writer_put(&fixture.writer, &usual, &fixture.out);
        assert_int_equal(fixture.out.len, 2 * len);
        assert_memory_equal(fixture.out.data, fixture.out.data + len, len);
        buffer_done(&fixture.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_json_of_an_event),
        cmocka_unit_test(test_json_leaves_out_a_user_that_is_not_there_and_has_null_for_an_unknown_value),
        cmocka_unit_test(test_headers_are_those_of_cloudevents),
        cmocka_unit_test(test_a_traced_change_has_its_trace),
        cmocka_unit_test(test_times_are_those_of_the_entry_and_end_with_the_year_9999),
        cmocka_unit_test(test_a_message_is_appended_and_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
