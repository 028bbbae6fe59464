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
    struct event event = {.partition = prng_up_to(prng, 64),
                          .entry = {prng_next(prng) >> prng_up_to(prng, 40), prng_up_to(prng, 100)},
                          .place = prng_up_to(prng, 1000),
                          .resource_id = random_utf8(prng, texts->resource_id, 1, sizeof(texts->resource_id)),
                          .counter_type = random_utf8(prng, texts->counter_type, 1, sizeof(texts->counter_type)),
                          .user_id = random_utf8(prng, texts->user_id, 0, prng_up_to(prng, 1) * USER_ID_LEN_MAX),
                          .delta = random_number(prng),
                          .has_value = prng_up_to(prng, 3) > 0};
    event.value = event.has_value ? random_number(prng) : 0;
    return event;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_events_come_back_from_json),
        cmocka_unit_test(test_random_events_come_back_from_protobuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
