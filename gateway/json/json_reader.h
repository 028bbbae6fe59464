/* A strict JSON reader (RFC 8259) that pulls one value after the other, without a tree and without allocating:
 *
 *     json_reader_init ──> json_read_value ──┬─ scalar: its text is in the value
 *                                            ├─ JSON_OBJECT: json_next_member, json_read_value, ... until false
 *                                            └─ JSON_ARRAY: json_next_element, json_read_value, ... until false
 *     json_finish
 *
 * Strings are decoded in place: the data is the reader's to change, and the texts it returns point into it. Stricter
 * than the RFC asks where laxness hurts: no invalid UTF-8, at most JSON_DEPTH_MAX levels. \u0000 and half a surrogate
 * pair are flaws of their string, and names may be duplicate: both are for the caller to refuse. In a name such a flaw
 * is U+FFFD and not told. A byte order mark at the start is skipped. After an error every call returns false; the first
 * error stays. Owned by one thread. */
#ifndef TALLY_GATEWAY_JSON_JSON_READER_H
#define TALLY_GATEWAY_JSON_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum { JSON_DEPTH_MAX = 16 };

enum json_error {
    JSON_NO_ERROR,
    JSON_ERROR_END,       /* the text ends in the middle */
    JSON_ERROR_VALUE,     /* something that is no value */
    JSON_ERROR_NUMBER,    /* "-", "1.", "1e" */
    JSON_ERROR_NAME,      /* a member without a name */
    JSON_ERROR_COLON,     /* a name without a ':' */
    JSON_ERROR_SEPARATOR, /* neither ',' nor the closing bracket */
    JSON_ERROR_DEPTH,     /* over JSON_DEPTH_MAX levels */
    JSON_ERROR_CONTROL,   /* a control character in a string */
    JSON_ERROR_ESCAPE,    /* \x, \u12 */
    JSON_ERROR_UTF8,
    JSON_ERROR_TRAILING, /* something after the value */
};

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Why a string cannot be taken as a text: an escape that it has. */
enum json_flaw {
    JSON_NO_FLAW,
    JSON_FLAW_NUL,       /* \u0000 */
    JSON_FLAW_SURROGATE, /* half of a pair */
};

struct json_value {
    enum json_type type;
    enum json_flaw flaw; /* the first one; the text has U+FFFD in its place */
    struct text text;    /* JSON_STRING: decoded; JSON_NUMBER: as written; else empty */
};

struct json_reader {
    char *start;
    char *next;
    char *end;
    unsigned depth;
    bool at_first; /* the next member or element is the first of its container */
    enum json_error error;
    size_t error_at; /* offset of the byte where the error was noticed; JSON_ERROR_UTF8: of the string's first byte */
};

/* data need not be NUL-terminated; it may be NULL if len is 0. */
void json_reader_init(struct json_reader *reader, char *data, size_t len);

/* Reads a scalar, or enters an object or array. */
bool json_read_value(struct json_reader *reader, struct json_value *ret_value) MUST_CHECK;
/* In an object: reads the next member's name; its value is to be read next. False at the object's end, which is then
 * left, and on an error. */
bool json_next_member(struct json_reader *reader, struct text *ret_name) MUST_CHECK;
/* In an array: whether there is an element, to be read next. False at the array's end, which is then left, and on an
 * error. */
bool json_next_element(struct json_reader *reader) MUST_CHECK;
/* Skips what is inside value, which was read last. */
bool json_skip(struct json_reader *reader, const struct json_value *value) MUST_CHECK;
/* The document's value was read: true if only white space follows. */
bool json_finish(struct json_reader *reader) MUST_CHECK;

/* "a string has an invalid escape": goes on "body is not JSON: ". */
const char *json_error_sentence(enum json_error error);

#endif
