#include "gateway/json/item_json.h"

#include "common/base/utf8.h"
#include "common/contract/counter_rules.h"
#include "common/contract/limits.h"
#include "gateway/json/json_integer.h"

_Static_assert(JSON_INTEGER_MAX == 9007199254740991, "change the sentence too");

enum {
    /* Bytes of an unknown field's name that a sentence repeats. */
    NAME_SHOWN_MAX = 64,
};

/* In this order: an item of each kind may have the first few of them (known_fields). */
enum field { FIELD_RESOURCE_ID, FIELD_COUNTER_TYPE, FIELD_INCREMENT, FIELD_USER_ID, FIELD_IDEMPOTENCY_KEY, FIELDS };

static const unsigned known_fields[] = {
    [ITEM_QUERY] = FIELD_COUNTER_TYPE + 1,
    [ITEM_INCREMENT] = FIELD_USER_ID + 1,
    [ITEM_INCREMENT_WITH_KEY] = FIELD_IDEMPOTENCY_KEY + 1,
};

static const struct {
    const char *name;
    size_t name_len;
    size_t offset;                    /* of the operation's text */
    const char *(*rule)(struct text); /* NULL: not a text */
} fields[FIELDS] = {
#define TEXT_FIELD(text) \
    .name = #text, .name_len = sizeof(#text) - 1, .offset = offsetof(struct operation, text), \
    .rule = counter_rules_##text
    [FIELD_RESOURCE_ID] = {TEXT_FIELD(resource_id)},
    [FIELD_COUNTER_TYPE] = {TEXT_FIELD(counter_type)},
    [FIELD_INCREMENT] = {.name = "increment", .name_len = sizeof("increment") - 1},
    [FIELD_USER_ID] = {TEXT_FIELD(user_id)},
    [FIELD_IDEMPOTENCY_KEY] = {TEXT_FIELD(idempotency_key)},
#undef TEXT_FIELD
};

/* An item being read. */
struct item {
    struct item_reader *reader;
    struct operation *operation;
    size_t index;
    unsigned seen;       /* fields: bits */
    unsigned given;      /* `seen` without the optional ones that are null */
    const char *problem; /* the first one */
};

struct text item_json_shown_name(struct text name)
{
    if (name.len == 0) {
        return TEXT("\"\"");
    }
    struct text shown = {name.data, 0};
    while (shown.len < name.len) {
        const size_t len = utf8_char_len((struct text){name.data + shown.len, name.len - shown.len});
        if (shown.len + len > NAME_SHOWN_MAX) {
            break;
        }
        shown.len += len;
    }
    return shown;
}

/* "increments[3].resource_id must be a string". Where the rule's sentence has the subject itself, subject is empty. */
static void complain(struct item *item, struct text subject, const char *rule)
{
    if (item->problem != NULL) {
        return;
    }
    const struct item_reader *reader = item->reader;
    if (reader->array != NULL) {
        item->problem = operation_list_sentence(reader->list, "%s[%zu].%.*s%s", reader->array, item->index,
                                                (int)subject.len, subject.data, rule);
    } else {
        item->problem = operation_list_sentence(reader->list, "%.*s%s", (int)subject.len, subject.data, rule);
    }
}

static struct text name_of(enum field field)
{
    return (struct text){fields[field].name, fields[field].name_len};
}

static struct text *text_of_field(struct item *item, enum field field)
{
    return (struct text *)((char *)item->operation + fields[field].offset);
}

static bool is_given(const struct item *item, enum field field)
{
    return (item->given & 1U << field) != 0;
}

/* Whether null stands for the field's absence. */
static bool is_optional(enum field field)
{
    return field != FIELD_RESOURCE_ID && field != FIELD_COUNTER_TYPE;
}

/* FIELDS if there is none of that name. */
static enum field find_field(struct text name)
{
    enum field field = 0;
    while (field < FIELDS && !text_equal(name, name_of(field))) {
        field++;
    }
    return field;
}

static void take_delta(struct item *item, const struct json_value *value)
{
    int64_t delta = 0;
    if (value->type != JSON_NUMBER || !json_number_to_integer(value->text, &delta) || delta == 0) {
        complain(item, name_of(FIELD_INCREMENT),
                 " must be an integer from -9007199254740991 to 9007199254740991, but not 0");
    }
    item->operation->delta = delta;
}

static void take_text(struct item *item, enum field field, const struct json_value *value)
{
    if (value->type != JSON_STRING) {
        complain(item, name_of(field), " must be a string");
    } else if (value->flaw == JSON_FLAW_NUL) {
        complain(item, name_of(field), " must not have a NUL character");
    } else if (value->flaw == JSON_FLAW_SURROGATE) {
        complain(item, name_of(field), " must not have half of a surrogate pair");
    } else {
        *text_of_field(item, field) = value->text;
    }
}

static void take_field(struct item *item, enum field field, const struct json_value *value)
{
    item->seen |= 1U << field;
    if (value->type == JSON_NULL && is_optional(field)) {
        return;
    }
    item->given |= 1U << field;
    if (field == FIELD_INCREMENT) {
        take_delta(item, value);
    } else {
        take_text(item, field, value);
    }
}

/* Reads the value of a member. False on a JSON error. */
static bool read_member(struct item *item, struct text name)
{
    struct json_value value;
    if (!json_read_value(&item->reader->json, &value)) {
        return false;
    }
    const enum field field = find_field(name);
    if (field >= known_fields[item->reader->kind]) {
        complain(item, item_json_shown_name(name), " is not a field of this call");
    } else if ((item->seen & 1U << field) != 0) {
        complain(item, name, " is given twice");
    } else {
        take_field(item, field, &value);
    }
    return json_skip(&item->reader->json, &value);
}

static void check_given(struct item *item, enum field field)
{
    if (!is_given(item, field)) {
        complain(item, name_of(field), " is required");
    }
}

static void check_rule(struct item *item, enum field field)
{
    struct text *text = text_of_field(item, field);
    /* The text of a field of a wrong type is empty; that was complained of already, and the first problem stays. */
    const char *sentence = is_given(item, field) ? fields[field].rule(*text) : NULL;
    if (sentence != NULL) {
        complain(item, TEXT(""), sentence);
        *text = (struct text){0};
    }
}

static void check(struct item *item)
{
    check_given(item, FIELD_RESOURCE_ID);
    check_given(item, FIELD_COUNTER_TYPE);
    check_rule(item, FIELD_RESOURCE_ID);
    check_rule(item, FIELD_COUNTER_TYPE);
    check_rule(item, FIELD_USER_ID);
    check_rule(item, FIELD_IDEMPOTENCY_KEY);
    if (!is_given(item, FIELD_INCREMENT)) {
        item->operation->delta = 1;
    }
}

static void refuse(struct operation *operation, const char *problem)
{
    operation->status = STATUS_INVALID_ARGUMENT;
    operation->detail = problem;
    operation->done = true;
}

static bool refuse_wrong_type(const struct item *item, const struct json_value *value)
{
    struct item_reader *reader = item->reader;
    if (reader->array == NULL) {
        refuse(item->operation, "the body must be an object");
    } else {
        refuse(item->operation,
               operation_list_sentence(reader->list, "%s[%zu] must be an object", reader->array, item->index));
    }
    return json_skip(&reader->json, value);
}

bool item_json_read(struct item_reader *reader, struct operation *operation, size_t index)
{
    struct item item = {.reader = reader, .operation = operation, .index = index};
    struct json_value value;
    struct text name;
    if (!json_read_value(&reader->json, &value)) {
        return false;
    }
    if (value.type != JSON_OBJECT) {
        return refuse_wrong_type(&item, &value);
    }
    while (json_next_member(&reader->json, &name)) {
        if (!read_member(&item, name)) {
            return false;
        }
    }
    check(&item);
    if (item.problem != NULL) {
        refuse(operation, item.problem);
    }
    return reader->json.error == JSON_NO_ERROR;
}
