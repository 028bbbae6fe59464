#include "counter-service/event/event_json.h"

#include "common/base/decimal.h"

static void pass_blanks(struct json_cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) != NULL && *cursor->at != '\0') {
        cursor->at++;
    }
}

bool json_take_character(struct json_cursor *cursor, char character)
{
    pass_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != character) {
        return false;
    }
    cursor->at++;
    pass_blanks(cursor);
    return true;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

struct sink {
    char *out;
    size_t room;
    size_t len;
};

static void put_byte(struct sink *sink, unsigned byte)
{
    if (sink->len < sink->room) {
        sink->out[sink->len] = (char)byte;
    }
    sink->len++;
}

static void put_character(struct sink *sink, unsigned point)
{
    if (point < 0x80) {
        put_byte(sink, point);
        return;
    }
    if (point < 0x800) {
        put_byte(sink, 0xC0 | point >> 6);
    } else {
        if (point < 0x10000) {
            put_byte(sink, 0xE0 | point >> 12);
        } else {
            put_byte(sink, 0xF0 | point >> 18);
            put_byte(sink, 0x80 | (point >> 12 & 0x3F));
        }
        put_byte(sink, 0x80 | (point >> 6 & 0x3F));
    }
    put_byte(sink, 0x80 | (point & 0x3F));
}

static bool take_hex(struct json_cursor *cursor, unsigned *ret_unit)
{
    static const char digits[] = "0123456789abcdef";
    unsigned unit = 0;
    if (cursor->end - cursor->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const char c = *cursor->at++;
        const char *digit = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);
        if (digit == NULL) {
            return false;
        }
        unit = unit << 4 | (unsigned)(digit - digits);
    }
    *ret_unit = unit;
    return true;
}

/* After "\u". A character beyond U+FFFF is two units of UTF-16, a half of which is no character. */
static bool take_unicode(struct json_cursor *cursor, struct sink *sink)
{
    unsigned unit, low;
    if (!take_hex(cursor, &unit)) {
        return false;
    }
    if (unit >= 0xD800 && unit < 0xDC00) {
        if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u') {
            return false;
        }
        cursor->at += 2;
        if (!take_hex(cursor, &low) || low < 0xDC00 || low > 0xDFFF) {
            return false;
        }
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return false;
    }
    put_character(sink, unit);
    return true;
}

/* After a backslash. */
static bool take_escape(struct json_cursor *cursor, struct sink *sink)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (cursor->at == cursor->end || *cursor->at == '\0') {
        return false;
    }
    const char c = *cursor->at++;
    if (c == 'u') {
        return take_unicode(cursor, sink);
    }
    const char *escape = strchr(escapes, c);
    if (escape == NULL) {
        return false;
    }
    put_byte(sink, (unsigned char)meanings[escape - escapes]);
    return true;
}

bool json_take_string(struct json_cursor *cursor, char *out, size_t room, size_t *ret_len)
{
    struct sink sink = {.room = room};
    sink.out = out;
    if (cursor->at == cursor->end || *cursor->at != '"') {
        return false;
    }
    cursor->at++;
    while (cursor->at < cursor->end) {
        const unsigned char c = (unsigned char)*cursor->at++;
        if (c == '"') {
            *ret_len = sink.len;
            return true;
        }
        if (c < 0x20 || (c == '\\' && !take_escape(cursor, &sink))) {
            return false;
        }
        if (c != '\\') {
            put_byte(&sink, c);
        }
    }
    return false;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* The characters from the cursor on that are among these. */
static struct text take_among(struct json_cursor *cursor, const char *characters)
{
    const char *start = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != '\0' && strchr(characters, *cursor->at) != NULL) {
        cursor->at++;
    }
    return (struct text){start, (size_t)(cursor->at - start)};
}

bool json_take_integer(struct json_cursor *cursor, int64_t *ret_value)
{
    return decimal_parse(take_among(cursor, "-0123456789"), ret_value);
}

bool json_take_word(struct json_cursor *cursor, struct text word)
{
    if ((size_t)(cursor->end - cursor->at) < word.len || memcmp(cursor->at, word.data, word.len) != 0) {
        return false;
    }
    cursor->at += word.len;
    return true;
}

bool json_pass_over(struct json_cursor *cursor)
{
    size_t len;
    if (cursor->at < cursor->end && *cursor->at == '"') {
        return json_take_string(cursor, NULL, 0, &len);
    }
    /* Whether it is a number is of no interest. */
    return json_take_word(cursor, TEXT("null")) || json_take_word(cursor, TEXT("true")) ||
           json_take_word(cursor, TEXT("false")) || take_among(cursor, "-+.0123456789eE").len > 0;
}
