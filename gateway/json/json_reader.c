#include "gateway/json/json_reader.h"

#include <assert.h>

#include "common/base/utf8.h"
#include "gateway/json/json_string.h"

void json_reader_init(struct json_reader *reader, char *data, size_t len)
{
    *reader = (struct json_reader){0};
    reader->start = data;
    reader->next = data;
    reader->end = len > 0 ? data + len : data;
    /* A byte order mark may be ignored (RFC 8259, section 8.1), and some clients always send one. */
    if (len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        reader->next += 3;
    }
}

static bool fail_at(struct json_reader *reader, enum json_error error, const char *at)
{
    if (reader->error == JSON_NO_ERROR) {
        reader->error = error;
        reader->error_at = (size_t)(at - reader->start);
        reader->next = reader->end;
    }
    return false;
}

static bool fail(struct json_reader *reader, enum json_error error)
{
    return fail_at(reader, reader->next == reader->end ? JSON_ERROR_END : error, reader->next);
}

static void skip_space(struct json_reader *reader)
{
    while (reader->next < reader->end &&
           (*reader->next == ' ' || *reader->next == '\n' || *reader->next == '\t' || *reader->next == '\r')) {
        reader->next++;
    }
}

/* Skips white space and then the character, if it is there. */
static bool take(struct json_reader *reader, char character)
{
    skip_space(reader);
    if (reader->next == reader->end || *reader->next != character) {
        return false;
    }
    reader->next++;
    return true;
}

/* The opening quote was read. */
static bool read_string(struct json_reader *reader, struct text *ret_text, enum json_flaw *ret_flaw)
{
    char *const first = reader->next;
    const struct json_string string = json_string_decode(first, reader->end);
    if (string.error != JSON_NO_ERROR) {
        return fail_at(reader, string.error, string.next);
    }
    *ret_text = (struct text){first, string.len};
    *ret_flaw = string.flaw;
    if (!string.is_ascii && !utf8_is_valid(*ret_text)) {
        return fail_at(reader, JSON_ERROR_UTF8, first);
    }
    reader->next = string.next;
    return true;
}

static bool is_digit_next(const struct json_reader *reader)
{
    return reader->next < reader->end && *reader->next >= '0' && *reader->next <= '9';
}

static bool read_digits(struct json_reader *reader)
{
    if (!is_digit_next(reader)) {
        return fail(reader, JSON_ERROR_NUMBER);
    }
    while (is_digit_next(reader)) {
        reader->next++;
    }
    return true;
}

static bool is_next(const struct json_reader *reader, char a, char b)
{
    return reader->next < reader->end && (*reader->next == a || *reader->next == b);
}

/* RFC 8259, section 6. What follows the number is for the next step to judge: "01" is a 0 and a missing comma. */
static bool read_number(struct json_reader *reader, struct text *ret_text)
{
    const char *first = reader->next;
    reader->next += *first == '-';
    if (is_next(reader, '0', '0')) {
        reader->next++;
    } else if (!read_digits(reader)) {
        return false;
    }
    if (is_next(reader, '.', '.')) {
        reader->next++;
        if (!read_digits(reader)) {
            return false;
        }
    }
    if (is_next(reader, 'e', 'E')) {
        reader->next++;
        reader->next += is_next(reader, '+', '-');
        if (!read_digits(reader)) {
            return false;
        }
    }
    *ret_text = (struct text){first, (size_t)(reader->next - first)};
    return true;
}

static bool read_literal(struct json_reader *reader, struct text literal)
{
    const size_t left = (size_t)(reader->end - reader->next);
    if (left < literal.len || memcmp(reader->next, literal.data, literal.len) != 0) {
        return fail(reader, JSON_ERROR_VALUE);
    }
    reader->next += literal.len;
    return true;
}

static bool enter(struct json_reader *reader)
{
    if (reader->depth == JSON_DEPTH_MAX) {
        return fail(reader, JSON_ERROR_DEPTH);
    }
    reader->depth++;
    reader->at_first = true;
    reader->next++;
    return true;
}

static bool leave(struct json_reader *reader)
{
    assert(reader->depth > 0);
    reader->depth--;
    reader->at_first = false;
    return false;
}

bool json_read_value(struct json_reader *reader, struct json_value *ret_value)
{
    skip_space(reader);
    if (reader->next == reader->end) {
        return fail(reader, JSON_ERROR_END);
    }
    *ret_value = (struct json_value){.type = JSON_NUMBER};
    switch (*reader->next) {
    case '"':
        ret_value->type = JSON_STRING;
        reader->next++;
        return read_string(reader, &ret_value->text, &ret_value->flaw);
    case '{':
        ret_value->type = JSON_OBJECT;
        return enter(reader);
    case '[':
        ret_value->type = JSON_ARRAY;
        return enter(reader);
    case 'n':
        ret_value->type = JSON_NULL;
        return read_literal(reader, TEXT("null"));
    case 't':
        ret_value->type = JSON_TRUE;
        return read_literal(reader, TEXT("true"));
    case 'f':
        ret_value->type = JSON_FALSE;
        return read_literal(reader, TEXT("false"));
    case '-':
        return read_number(reader, &ret_value->text);
    default:
        return is_digit_next(reader) ? read_number(reader, &ret_value->text) : fail(reader, JSON_ERROR_VALUE);
    }
}

/* Steps over the comma, if one is due. False at the closing bracket, and on an error. */
static bool next_item(struct json_reader *reader, char closing)
{
    if (take(reader, closing)) {
        return leave(reader);
    }
    if (reader->next == reader->end || (!reader->at_first && !take(reader, ','))) {
        return fail(reader, JSON_ERROR_SEPARATOR);
    }
    reader->at_first = false;
    return true;
}

bool json_next_member(struct json_reader *reader, struct text *ret_name)
{
    if (!next_item(reader, '}')) {
        return false;
    }
    if (!take(reader, '"')) {
        return fail(reader, JSON_ERROR_NAME);
    }
    enum json_flaw flaw;
    return read_string(reader, ret_name, &flaw) && (take(reader, ':') || fail(reader, JSON_ERROR_COLON));
}

bool json_next_element(struct json_reader *reader)
{
    return next_item(reader, ']');
}

bool json_skip(struct json_reader *reader, const struct json_value *value)
{
    struct json_value inner;
    struct text name;
    if (value->type == JSON_OBJECT) {
        while (json_next_member(reader, &name)) {
            if (!json_read_value(reader, &inner) || !json_skip(reader, &inner)) {
                return false;
            }
        }
    } else if (value->type == JSON_ARRAY) {
        while (json_next_element(reader)) {
            if (!json_read_value(reader, &inner) || !json_skip(reader, &inner)) {
                return false;
            }
        }
    }
    return reader->error == JSON_NO_ERROR;
}

bool json_finish(struct json_reader *reader)
{
    skip_space(reader);
    if (reader->next < reader->end) {
        return fail(reader, JSON_ERROR_TRAILING);
    }
    return reader->error == JSON_NO_ERROR;
}

const char *json_error_sentence(enum json_error error)
{
    static const char *const sentences[] = {
        [JSON_NO_ERROR] = "no error",
        [JSON_ERROR_END] = "it ends in the middle",
        [JSON_ERROR_VALUE] = "a value was expected",
        [JSON_ERROR_NUMBER] = "a digit was expected",
        [JSON_ERROR_NAME] = "a name in quotes was expected",
        [JSON_ERROR_COLON] = "a colon was expected",
        [JSON_ERROR_SEPARATOR] = "a comma or the closing bracket was expected",
        [JSON_ERROR_DEPTH] = "it nests too deep",
        [JSON_ERROR_CONTROL] = "a string has a control character",
        [JSON_ERROR_ESCAPE] = "a string has an invalid escape",
        [JSON_ERROR_UTF8] = "a string is not UTF-8",
        [JSON_ERROR_TRAILING] = "something follows the value",
    };
    return sentences[error];
}
