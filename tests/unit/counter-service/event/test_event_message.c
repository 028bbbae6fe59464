#include "counter-service/event/event_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "common/base/prng.h"
#include "common/base/utf8.h"
#include "common/contract/limits.h"
#include "tally/v1/event.pb-c.h"

#include <cmocka.h>

enum { RANDOM_EVENTS = 500 };

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

/* ---- random events ----------------------------------------------------------------------------------------------- */

struct random_texts {
    char resource_id[RESOURCE_ID_LEN_MAX];
    char counter_type[COUNTER_TYPE_LEN_MAX];
    char user_id[USER_ID_LEN_MAX];
};

/* UTF-8 without NUL, which cJSON cannot hold; what JSON escapes is frequent. */
static struct text random_utf8(struct prng *prng, char *data, uint32_t len_min, uint32_t len_max)
{
    static const char *const characters[] = {"a",    "Z",    "\"",     "\\",     "/",          "\n",    "\x01",
                                             "\x1f", "\x7f", "\u00e9", "\u4f60", "\U0001f600", "\u2028"};
    const uint32_t len_wanted = prng_up_to(prng, 2) == 0 ? len_max : len_min + prng_up_to(prng, len_max - len_min);
    struct text text = {data, 0};
    while (text.len < len_wanted) {
        const struct text next = text_of(characters[prng_up_to(prng, 12)]);
        const struct text fits = text.len + next.len <= len_wanted ? next : TEXT("x");
        memcpy(data + text.len, fits.data, fits.len);
        text.len += fits.len;
    }
    assert_true(utf8_is_valid(text));
    return text;
}

static int64_t random_number(struct prng *prng)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 1};
    const uint32_t kind = prng_up_to(prng, 7);
    return kind < 4 ? extremes[kind] : (int64_t)prng_next(prng) >> prng_up_to(prng, 63);
}

static struct event random_event(struct prng *prng, struct random_texts *texts)
{
    struct event event = {
        .partition = prng_up_to(prng, 64),
        .entry = {prng_next(prng) >> prng_up_to(prng, 40), prng_up_to(prng, 100)},
        .place = prng_up_to(prng, 1000),
        .resource_id = random_utf8(prng, texts->resource_id, 1, sizeof(texts->resource_id)),
        .counter_type = random_utf8(prng, texts->counter_type, 1, sizeof(texts->counter_type)),
        .user_id = random_utf8(prng, texts->user_id, 0, prng_up_to(prng, 1) * USER_ID_LEN_MAX),
        .delta = random_number(prng),
        .has_value = prng_up_to(prng, 3) > 0,
    };
    event.value = event.has_value ? random_number(prng) : 0;
    return event;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

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

static void check_string(const cJSON *object, const char *name, struct text expected)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert_non_null(string);
    assert_true(text_equal(text_of(string), expected));
}

static void check_number(const cJSON *object, const char *name, int64_t expected)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(number));
    assert_true(number->valuedouble == (double)expected);
}

static void check_json(struct fixture *fixture, const struct event *event)
{
    const struct text text = message_of(fixture, event);
    assert_true(utf8_is_valid(text));
    cJSON *object = cJSON_ParseWithLength(text.data, text.len);
    assert_true(cJSON_IsObject(object));
    check_string(object, "event_id", text_of(event_id_of(store_id, event).text));
    check_string(object, "resource_id", event->resource_id);
    check_string(object, "counter_type", event->counter_type);
    assert_true(cJSON_HasObjectItem(object, "user_id") == (event->user_id.len > 0));
    if (event->user_id.len > 0) {
        check_string(object, "user_id", event->user_id);
    }
    check_number(object, "delta", event->delta);
    if (event->has_value) {
        check_number(object, "value", event->value);
    } else {
        assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, "value")));
    }
    check_string(object, "occurred_at", text_of(fixture->writer.time));
    assert_int_equal(cJSON_GetArraySize(object), event->user_id.len > 0 ? 7 : 6);
    cJSON_Delete(object);
}

static void test_random_events_come_back_from_json(void **state)
{
    (void)state;
    struct prng prng = {.state = 2};
    struct fixture fixture;
    begin(&fixture, EVENT_FORMAT_JSON);
    for (int i = 0; i < RANDOM_EVENTS; i++) {
        struct random_texts texts;
        const struct event event = random_event(&prng, &texts);
        check_json(&fixture, &event);
    }
    buffer_done(&fixture.out);
}

/* ---- protobuf ---------------------------------------------------------------------------------------------------- */

static void check_bytes(ProtobufCBinaryData bytes, struct text expected)
{
    assert_true(text_equal((struct text){(const char *)bytes.data, bytes.len}, expected));
}

static void check_protobuf(struct fixture *fixture, const struct event *event, int64_t occurred_at_ms)
{
    const struct text text = message_of(fixture, event);
    Tally__V1__CounterChanged *message = tally__v1__counter_changed__unpack(NULL, text.len, (const uint8_t *)text.data);
    assert_non_null(message);
    check_bytes(message->event_id, text_of(event_id_of(store_id, event).text));
    check_bytes(message->resource_id, event->resource_id);
    check_bytes(message->counter_type, event->counter_type);
    check_bytes(message->user_id, event->user_id);
    assert_true(message->delta == event->delta);
    assert_true(message->value == event->value);
    assert_int_equal(message->value_unknown, !event->has_value);
    assert_true(message->occurred_at_ms == occurred_at_ms);
    tally__v1__counter_changed__free_unpacked(message, NULL);
}

static void test_random_events_come_back_from_protobuf(void **state)
{
    (void)state;
    static const uint64_t last_ms = 253402300799999;
    struct prng prng = {.state = 3};
    struct fixture fixture;
    begin(&fixture, EVENT_FORMAT_PROTOBUF);
    for (int i = 0; i < RANDOM_EVENTS; i++) {
        struct random_texts texts;
        const struct event event = random_event(&prng, &texts);
        check_protobuf(&fixture, &event, (int64_t)(event.entry.ms < last_ms ? event.entry.ms : last_ms));
    }
    buffer_done(&fixture.out);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static void check_headers(enum event_format format, const char *content_type)
{
    struct fixture fixture;
    begin(&fixture, format);
    message_of(&fixture, &usual);
    const struct {
        const char *name;
        const char *value;
    } expected[EVENT_HEADERS] = {
        {"ce_specversion", "1.0"},
        {"ce_id", "9f86d081-0-1764336793123-4-17"},
        {"ce_source", "urn:tally:store:9f86d081884c7d659a2feaa0c55ad015"},
        {"ce_type", "tally.counter.changed.v1"},
        {"ce_subject", "post"},
        {"ce_time", "2025-11-28T13:33:13.123Z"},
        {"content-type", content_type},
    };
    for (size_t i = 0; i < EVENT_HEADERS; i++) {
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
        cmocka_unit_test(test_random_events_come_back_from_json),
        cmocka_unit_test(test_random_events_come_back_from_protobuf),
        cmocka_unit_test(test_headers_are_those_of_cloudevents),
        cmocka_unit_test(test_times_are_those_of_the_entry_and_end_with_the_year_9999),
        cmocka_unit_test(test_a_message_is_appended_and_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
