/* The bodies of the POST calls: json_reader against cJSON, input by input, and the operations that counter_json makes
 * of them. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/contract/counter_rules.h"
#include "common/contract/limits.h"
#include "gateway/json/counter_json.h"
#include "gateway/json/counter_json_write.h"
#include "gateway/json/json_integer.h"
#include "gateway/json/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* cJSON copies a number into 64 bytes and takes the rest for garbage. */
enum { CJSON_NUMBER_MAX = 63 };

static char *copy_of(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

static bool is_number_byte(uint8_t byte)
{
    return byte != 0 && strchr("0123456789+-.eE", byte) != NULL;
}

static bool has_long_number(const uint8_t *data, size_t size)
{
    size_t run = 0;
    for (size_t i = 0; i < size; i++) {
        run = is_number_byte(data[i]) ? run + 1 : 0;
        if (run > CJSON_NUMBER_MAX) {
            return true;
        }
    }
    return false;
}

/* Whether an escape in it is a NUL or may be half of a surrogate pair: cJSON ends the string at one, and refuses the
 * other. */
static bool has_odd_escape(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 5 < size; i++) {
        if (data[i] == '\\' && data[i + 1] == 'u' &&
            (memcmp(data + i + 2, "0000", 4) == 0 || data[i + 2] == 'd' || data[i + 2] == 'D')) {
            return true;
        }
    }
    return false;
}

/* --- what both accept is the same --------------------------------------------------------------------------------- */

static size_t significant_digits(struct text number)
{
    size_t digits = 0;
    for (size_t i = 0; i < number.len && number.data[i] != 'e' && number.data[i] != 'E'; i++) {
        digits += number.data[i] >= (digits > 0 ? '0' : '1') && number.data[i] <= '9';
    }
    return digits;
}

static void check_number(struct text number, double expected)
{
    int64_t integer;
    if (json_number_to_integer(number, &integer)) {
        assert((double)integer == expected && integer >= -JSON_INTEGER_MAX && integer <= JSON_INTEGER_MAX);
    } else if (significant_digits(number) <= 15 && expected != 0 && fabs(expected) <= (double)JSON_INTEGER_MAX) {
        assert(expected != floor(expected)); /* so few digits are exact in a double */
    }
}

static bool has_type(const cJSON *item, enum json_type type)
{
    switch (type) {
    case JSON_NULL:
        return cJSON_IsNull(item);
    case JSON_FALSE:
        return cJSON_IsFalse(item);
    case JSON_TRUE:
        return cJSON_IsTrue(item);
    case JSON_NUMBER:
        return cJSON_IsNumber(item);
    case JSON_STRING:
        return cJSON_IsString(item);
    case JSON_ARRAY:
        return cJSON_IsArray(item);
    default:
        return cJSON_IsObject(item);
    }
}

/* Reads a value whose counterpart is item. The reader accepts the document. */
static void read_and_compare(struct json_reader *reader, const cJSON *item)
{
    struct json_value value;
    struct text name;
    const cJSON *child = item->child;
    const bool read = json_read_value(reader, &value);
    assert(read && has_type(item, value.type));
    if (value.type == JSON_NUMBER) {
        check_number(value.text, item->valuedouble);
    } else if (value.type == JSON_STRING) {
        assert(text_equal(value.text, text_of(item->valuestring)));
    } else if (value.type == JSON_ARRAY) {
        for (; json_next_element(reader); child = child->next) {
            assert(child != NULL);
            read_and_compare(reader, child);
        }
    } else if (value.type == JSON_OBJECT) {
        for (; json_next_member(reader, &name); child = child->next) {
            assert(child != NULL && text_equal(name, text_of(child->string)));
            read_and_compare(reader, child);
        }
    }
    assert(value.type < JSON_ARRAY || child == NULL);
}

/* --- what only cJSON accepts -------------------------------------------------------------------------------------- */

static bool is_lax_white_space(uint8_t byte)
{
    return byte < 0x20 && strchr("\t\n\r", byte) == NULL;
}

/* Whether the reader's error is one that cJSON is known not to make. */
static bool is_known_laxness(const struct json_reader *reader, const uint8_t *data, size_t size)
{
    const size_t at = reader->error_at;
    switch (reader->error) {
    case JSON_ERROR_UTF8:
    case JSON_ERROR_CONTROL:
    case JSON_ERROR_DEPTH:
    case JSON_ERROR_NUMBER:
        return true;
    case JSON_ERROR_ESCAPE:
        return at + 1 < size && data[at + 1] == 'u'; /* \uZZZZ is 0 to it */
    case JSON_ERROR_END:
    case JSON_ERROR_SEPARATOR:
    case JSON_ERROR_TRAILING:
        /* "1." and "01" are numbers to it. */
        if (at > 0 && is_number_byte(data[at - 1]) && (at == size || is_number_byte(data[at]))) {
            return true;
        }
        break;
    default:
        break;
    }
    return at < size && (is_lax_white_space(data[at]) || data[at] == 0);
}

static bool is_blank(const uint8_t *data, size_t size)
{
    size_t i = 0;
    while (i < size && data[i] <= ' ') {
        i++;
    }
    return i == size;
}

/* The whole document, as the reader sees it. */
static bool reader_accepts(struct json_reader *reader, const uint8_t *data, size_t size)
{
    char *copy = copy_of(data, size);
    struct json_value value;
    json_reader_init(reader, copy, size);
    const bool accepted = json_read_value(reader, &value) && json_skip(reader, &value) && json_finish(reader);
    assert(accepted == (reader->error == JSON_NO_ERROR));
    free(copy);
    return accepted;
}

static void compare_values(const cJSON *tree, const uint8_t *data, size_t size)
{
    char *copy = copy_of(data, size);
    struct json_reader reader;
    json_reader_init(&reader, copy, size);
    read_and_compare(&reader, tree);
    free(copy);
}

/* cJSON looks for a byte order mark only where at least two bytes follow it. */
static bool is_short_with_mark(const uint8_t *data, size_t size)
{
    return size == 4 && memcmp(data, "\xEF\xBB\xBF", 3) == 0;
}

static void compare_with_cjson(const uint8_t *data, size_t size)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts((const char *)data, size, &end, 0);
    const bool cjson_accepts =
        tree != NULL && is_blank((const uint8_t *)end, (size_t)((const char *)data + size - end));
    struct json_reader reader;
    if (reader_accepts(&reader, data, size)) {
        assert(cjson_accepts || is_short_with_mark(data, size));
        if (cjson_accepts) {
            compare_values(tree, data, size);
        }
    } else {
        assert(!cjson_accepts || is_known_laxness(&reader, data, size));
    }
    cJSON_Delete(tree);
}

/* --- operations --------------------------------------------------------------------------------------------------- */

static void check_operation(const struct operation *operation)
{
    if (operation->done) {
        assert(operation->status == STATUS_INVALID_ARGUMENT && operation->detail != NULL);
        assert(operation->resource_id.len == 0 || counter_rules_resource_id(operation->resource_id) == NULL);
        assert(operation->counter_type.len == 0 || counter_rules_counter_type(operation->counter_type) == NULL);
        return;
    }
    assert(operation->status == STATUS_OK && operation->delta != 0);
    assert(counter_rules_resource_id(operation->resource_id) == NULL);
    assert(counter_rules_counter_type(operation->counter_type) == NULL);
    assert(counter_rules_user_id(operation->user_id) == NULL);
    assert(operation->idempotency_key.len == 0 || counter_rules_idempotency_key(operation->idempotency_key) == NULL);
}

/* What is answered is JSON, whatever was asked. */
static void check_answer(const struct operation_list *list)
{
    struct buffer out;
    struct json_reader reader;
    struct json_value value;
    buffer_init(&out);
    counter_json_write_results(&out, list->items, list->count, true);
    json_reader_init(&reader, out.data, out.len);
    const bool valid = json_read_value(&reader, &value) && json_skip(&reader, &value) && json_finish(&reader);
    assert(valid);
    buffer_done(&out);
}

static void read_operations(enum status (*read)(struct operation_list *, char *, size_t, const char **),
                            const uint8_t *data, size_t size)
{
    char *copy = copy_of(data, size);
    const char *detail = NULL;
    struct operation_list list;
    operation_list_init(&list);
    const enum status status = read(&list, copy, size, &detail);
    assert(status == STATUS_OK ? list.count > 0 && list.count <= BATCH_ITEMS_MAX : detail != NULL);
    for (size_t i = 0; status == STATUS_OK && i < list.count; i++) {
        check_operation(&list.items[i]);
    }
    if (status == STATUS_OK) {
        check_answer(&list);
    }
    operation_list_done(&list);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!has_long_number(data, size) && !has_odd_escape(data, size)) {
        compare_with_cjson(data, size);
    }
    read_operations(counter_json_read_increment, data, size);
    read_operations(counter_json_read_increments, data, size);
    read_operations(counter_json_read_queries, data, size);
    return 0;
}
