#include "gateway/json/counter_json.h"

#include <stdbool.h>

#include "common/contract/limits.h"
#include "gateway/json/item_json.h"
#include "gateway/json/json_reader.h"

_Static_assert(BATCH_ITEMS_MAX == 1000, "change the sentence too");

/* A body being read. */
struct decoder {
    struct item_reader items;
    const char *problem; /* with the body as a whole */
    bool out_of_memory;
};

static bool is_readable(const struct decoder *decoder)
{
    return decoder->items.json.error == JSON_NO_ERROR && decoder->problem == NULL && !decoder->out_of_memory;
}

static void complain(struct decoder *decoder, struct text subject, const char *rule)
{
    decoder->problem = operation_list_sentence(decoder->items.list, "%.*s%s", (int)subject.len, subject.data, rule);
}

static bool read_operation(struct decoder *decoder)
{
    const size_t index = decoder->items.list->count;
    struct operation *operation = operation_list_add(decoder->items.list);
    decoder->out_of_memory = operation == NULL;
    return operation != NULL && item_json_read(&decoder->items, operation, index);
}

/* Reads the array. What is wrong with it is noted. */
static void read_items(struct decoder *decoder)
{
    const struct text name = text_of(decoder->items.array);
    struct json_value value;
    if (!json_read_value(&decoder->items.json, &value)) {
        return;
    }
    if (value.type != JSON_ARRAY) {
        complain(decoder, name, " must be an array");
        return;
    }
    while (json_next_element(&decoder->items.json)) {
        if (decoder->items.list->count == BATCH_ITEMS_MAX) {
            complain(decoder, name, " must have 1-1000 items");
            return;
        }
        if (!read_operation(decoder)) {
            return;
        }
    }
    if (is_readable(decoder) && decoder->items.list->count == 0) {
        complain(decoder, name, " must have 1-1000 items");
    }
}

/* Reads the members of {"<array>":[...]}. False if the reading is over. */
static bool read_members(struct decoder *decoder)
{
    const struct text array = text_of(decoder->items.array);
    bool given = false;
    struct text name;
    while (json_next_member(&decoder->items.json, &name)) {
        if (!text_equal(name, array)) {
            complain(decoder, item_json_shown_name(name), " is not a field of this call");
        } else if (given) {
            complain(decoder, name, " is given twice");
        } else {
            given = true;
            read_items(decoder);
        }
        if (!is_readable(decoder)) {
            return false;
        }
    }
    if (is_readable(decoder) && !given) {
        complain(decoder, array, " is required");
    }
    return is_readable(decoder);
}

static bool read_batch(struct decoder *decoder)
{
    struct json_value value;
    if (!json_read_value(&decoder->items.json, &value)) {
        return false;
    }
    if (value.type != JSON_OBJECT) {
        decoder->problem = "the body must be an object";
        return false;
    }
    return read_members(decoder);
}

static enum status read_body(struct decoder *decoder, char *body, size_t len, const char **ret_detail)
{
    struct json_reader *json = &decoder->items.json;
    json_reader_init(json, body, len);
    const bool complete = decoder->items.array != NULL ? read_batch(decoder) : read_operation(decoder);
    if (complete && json_finish(json)) {
        return STATUS_OK;
    }
    if (decoder->out_of_memory) {
        return STATUS_OUT_OF_MEMORY;
    }
    if (len == 0) {
        decoder->problem = "the body is empty";
    } else if (json->error != JSON_NO_ERROR) {
        decoder->problem = operation_list_sentence(decoder->items.list, "the body is not JSON: %s, at byte %zu",
                                                   json_error_sentence(json->error), json->error_at);
    }
    *ret_detail = decoder->problem;
    return STATUS_INVALID_ARGUMENT;
}

enum status counter_json_read_increment(struct operation_list *list, char *body, size_t len, const char **ret_detail)
{
    struct decoder decoder = {.items = {.list = list, .kind = ITEM_INCREMENT}};
    const enum status status = read_body(&decoder, body, len, ret_detail);
    if (status != STATUS_OK) {
        return status;
    }
    if (list->items[0].status != STATUS_OK) {
        *ret_detail = list->items[0].detail;
    }
    return list->items[0].status;
}

enum status counter_json_read_increments(struct operation_list *list, char *body, size_t len, const char **ret_detail)
{
    struct decoder decoder = {.items = {.list = list, .kind = ITEM_INCREMENT_WITH_KEY, .array = "increments"}};
    return read_body(&decoder, body, len, ret_detail);
}

enum status counter_json_read_queries(struct operation_list *list, char *body, size_t len, const char **ret_detail)
{
    struct decoder decoder = {.items = {.list = list, .kind = ITEM_QUERY, .array = "queries"}};
    return read_body(&decoder, body, len, ret_detail);
}
