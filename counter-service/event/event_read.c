#include "counter-service/event/event_read.h"

#include "common/base/utf8.h"
#include "common/contract/counter_rules.h"
#include "counter-service/event/event_json.h"
#include "tally/v1/event.pb-c.h"

int event_read_format(struct text content_type, enum event_format *ret_format)
{
    if (text_equal(content_type, TEXT("application/json"))) {
        *ret_format = EVENT_FORMAT_JSON;
        return 0;
    }
    if (text_equal(content_type, TEXT("application/protobuf"))) {
        *ret_format = EVENT_FORMAT_PROTOBUF;
        return 0;
    }
    return -1;
}

/* The place comes first: it sets all of the event. */
static bool set_place(struct event_copy *copy, struct text id)
{
    return event_id_parse(id, copy->store, &copy->event) == 0;
}

static bool is_fine(const struct event *event)
{
    return counter_rules_resource_id(event->resource_id) == NULL &&
           counter_rules_counter_type(event->counter_type) == NULL && counter_rules_user_id(event->user_id) == NULL &&
           event->delta != 0;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

enum field { EVENT_ID, RESOURCE_ID, COUNTER_TYPE, USER_ID, DELTA, VALUE, FIELDS };

static const struct {
    struct text name;
    bool may_lack;
} fields[FIELDS] = {
    [EVENT_ID] = {{"event_id", 8}, false},
    [RESOURCE_ID] = {{"resource_id", 11}, false},
    [COUNTER_TYPE] = {{"counter_type", 12}, false},
    [USER_ID] = {{"user_id", 7}, true},
    [DELTA] = {{"delta", 5}, false},
    [VALUE] = {{"value", 5}, false},
};

/* What was read of an object. */
struct json_event {
    bool seen[FIELDS];
    struct text texts[FIELDS]; /* of those that are texts */
    int64_t delta;
    int64_t value;
    bool has_value;
    char id[EVENT_ID_SIZE];
};

static bool take_name(struct json_cursor *cursor, enum field *ret_field)
{
    char name[16];
    size_t len;
    if (!json_take_string(cursor, name, sizeof(name), &len) || !json_take_character(cursor, ':')) {
        return false;
    }
    int field = 0;
    while (field < FIELDS && (len > sizeof(name) || !text_equal(fields[field].name, (struct text){name, len}))) {
        field++;
    }
    *ret_field = (enum field)field;
    return true;
}

static bool take_text(struct json_cursor *cursor, char *out, size_t room, struct text *ret_text)
{
    size_t len;
    if (!json_take_string(cursor, out, room, &len) || len > room) {
        return false;
    }
    *ret_text = (struct text){out, len};
    return true;
}

static bool take_value(struct json_cursor *cursor, struct json_event *json)
{
    json->has_value = !json_take_word(cursor, TEXT("null"));
    return !json->has_value || json_take_integer(cursor, &json->value);
}

static bool take_member(struct json_cursor *cursor, struct json_event *json, struct event_copy *copy)
{
    enum field field;
    if (!take_name(cursor, &field)) {
        return false;
    }
    if (field == FIELDS) {
        return json_pass_over(cursor);
    }
    if (json->seen[field]) {
        return false;
    }
    json->seen[field] = true;
    switch (field) {
    case EVENT_ID:
        return take_text(cursor, json->id, sizeof(json->id), &json->texts[field]);
    case RESOURCE_ID:
        return take_text(cursor, copy->resource_id, sizeof(copy->resource_id), &json->texts[field]);
    case COUNTER_TYPE:
        return take_text(cursor, copy->counter_type, sizeof(copy->counter_type), &json->texts[field]);
    case USER_ID:
        return take_text(cursor, copy->user_id, sizeof(copy->user_id), &json->texts[field]);
    case DELTA:
        return json_take_integer(cursor, &json->delta);
    default:
        return take_value(cursor, json);
    }
}

static bool take_object(struct json_cursor *cursor, struct json_event *json, struct event_copy *copy)
{
    if (!json_take_character(cursor, '{')) {
        return false;
    }
    do {
        if (!take_member(cursor, json, copy)) {
            return false;
        }
    } while (json_take_character(cursor, ','));
    return json_take_character(cursor, '}') && cursor->at == cursor->end;
}

static bool read_json(struct text value, struct event_copy *copy)
{
    struct json_event json = {.has_value = false};
    struct json_cursor cursor = {value.data, value.data + value.len};
    if (value.len == 0 || !utf8_is_valid(value) || !take_object(&cursor, &json, copy)) {
        return false;
    }
    for (int i = 0; i < FIELDS; i++) {
        if (!json.seen[i] && !fields[i].may_lack) {
            return false;
        }
    }
    if (!set_place(copy, json.texts[EVENT_ID])) {
        return false;
    }
    copy->event.resource_id = json.texts[RESOURCE_ID];
    copy->event.counter_type = json.texts[COUNTER_TYPE];
    copy->event.user_id = json.seen[USER_ID] ? json.texts[USER_ID] : (struct text){copy->user_id, 0};
    copy->event.delta = json.delta;
    copy->event.value = json.value;
    copy->event.has_value = json.has_value;
    return true;
}

/* ---- protobuf ---------------------------------------------------------------------------------------------------- */

static bool copy_bytes(ProtobufCBinaryData bytes, char *out, size_t room, struct text *ret_text)
{
    if (bytes.len > room) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(out, bytes.data, bytes.len);
    }
    *ret_text = (struct text){out, bytes.len};
    return true;
}

static bool copy_message(const Tally__V1__CounterChanged *message, struct event_copy *copy)
{
    struct event *event = &copy->event;
    if (!set_place(copy, (struct text){(const char *)message->event_id.data, message->event_id.len}) ||
        !copy_bytes(message->resource_id, copy->resource_id, sizeof(copy->resource_id), &event->resource_id) ||
        !copy_bytes(message->counter_type, copy->counter_type, sizeof(copy->counter_type), &event->counter_type) ||
        !copy_bytes(message->user_id, copy->user_id, sizeof(copy->user_id), &event->user_id)) {
        return false;
    }
    event->delta = message->delta;
    event->has_value = !message->value_unknown;
    event->value = event->has_value ? message->value : 0;
    return true;
}

static bool read_protobuf(struct text value, struct event_copy *copy)
{
    Tally__V1__CounterChanged *message =
        tally__v1__counter_changed__unpack(NULL, value.len, (const uint8_t *)value.data);
    const bool is_read = message != NULL && copy_message(message, copy);
    tally__v1__counter_changed__free_unpacked(message, NULL);
    return is_read;
}

int event_read(enum event_format format, struct text value, struct event_copy *ret_copy)
{
    const bool is_read = format == EVENT_FORMAT_JSON ? read_json(value, ret_copy) : read_protobuf(value, ret_copy);
    return is_read && is_fine(&ret_copy->event) ? 0 : -1;
}
