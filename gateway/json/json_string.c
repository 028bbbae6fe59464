#include "gateway/json/json_string.h"

#include <stdint.h>
#include <string.h>

#include "common/base/percent.h"

enum { REPLACEMENT_CHARACTER = 0xFFFD };

/* Where the decoding stands. */
struct cursor {
    char *next; /* to be read */
    char *end;
    char *out; /* to be written; never ahead of next */
    enum json_flaw flaw;
    unsigned char seen; /* all bytes copied, or-ed: at least 0x80 if one was not ASCII */
};

/* The first byte from next on that cannot be taken as it is (quote, backslash, control character); end if none. */
static char *scan_plain(char *next, const char *end, unsigned char *seen)
{
    unsigned char bits = *seen;
    while (next < end && *next != '"' && *next != '\\' && (unsigned char)*next >= 0x20) {
        bits |= (unsigned char)*next;
        next++;
    }
    *seen = bits;
    return next;
}

/* The four hexadecimal digits at next, or -1. */
static int32_t read_hex4(const char *next, const char *end)
{
    if (end - next < 4) {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        const int value = hex_value(next[i]);
        if (value < 0) {
            return -1;
        }
        unit = unit * 16 + value;
    }
    return unit;
}

static void put_utf8(struct cursor *cursor, uint32_t code)
{
    if (code < 0x80) {
        *cursor->out++ = (char)code;
        return;
    }
    if (code < 0x800) {
        *cursor->out++ = (char)(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        *cursor->out++ = (char)(0xE0 | code >> 12);
        *cursor->out++ = (char)(0x80 | (code >> 6 & 0x3F));
    } else {
        *cursor->out++ = (char)(0xF0 | code >> 18);
        *cursor->out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *cursor->out++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *cursor->out++ = (char)(0x80 | (code & 0x3F));
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* A flaw is read as U+FFFD, so that the string is not mistaken for one without it. */
static enum json_error take_flaw(struct cursor *cursor, enum json_flaw flaw)
{
    cursor->flaw = cursor->flaw == JSON_NO_FLAW ? flaw : cursor->flaw;
    put_utf8(cursor, REPLACEMENT_CHARACTER);
    return JSON_NO_ERROR;
}

/* The second half of a pair, if the escape of one is next; else -1. */
static int32_t peek_low_surrogate(const struct cursor *cursor)
{
    const char *next = cursor->next;
    if (cursor->end - next < 6 || next[0] != '\\' || next[1] != 'u') {
        return -1;
    }
    const int32_t unit = read_hex4(next + 2, cursor->end);
    return is_low_surrogate(unit) ? unit : -1;
}

/* cursor->next is behind "\u". */
static enum json_error take_unicode_escape(struct cursor *cursor)
{
    const int32_t unit = read_hex4(cursor->next, cursor->end);
    if (unit < 0) {
        return JSON_ERROR_ESCAPE;
    }
    cursor->next += 4;
    if (unit == 0) {
        return take_flaw(cursor, JSON_FLAW_NUL);
    }
    if (!is_high_surrogate(unit) && !is_low_surrogate(unit)) {
        put_utf8(cursor, (uint32_t)unit);
        return JSON_NO_ERROR;
    }
    const int32_t low = is_high_surrogate(unit) ? peek_low_surrogate(cursor) : -1;
    if (low < 0) {
        return take_flaw(cursor, JSON_FLAW_SURROGATE);
    }
    cursor->next += 6;
    put_utf8(cursor, 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
    return JSON_NO_ERROR;
}

/* cursor->next is at a backslash. */
static enum json_error take_escape(struct cursor *cursor)
{
    static const char meanings[256] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    if (cursor->end - cursor->next < 2) {
        cursor->next = cursor->end;
        return JSON_ERROR_END;
    }
    const unsigned char letter = (unsigned char)cursor->next[1];
    cursor->next += 2;
    if (letter == 'u') {
        return take_unicode_escape(cursor);
    }
    if (meanings[letter] == '\0') {
        return JSON_ERROR_ESCAPE;
    }
    *cursor->out++ = meanings[letter];
    return JSON_NO_ERROR;
}

static void take_plain(struct cursor *cursor)
{
    char *stop = scan_plain(cursor->next, cursor->end, &cursor->seen);
    const size_t len = (size_t)(stop - cursor->next);
    memmove(cursor->out, cursor->next, len);
    cursor->out += len;
    cursor->next = stop;
}

struct json_string json_string_decode(char *first, char *end)
{
    struct cursor cursor = {.end = end};
    cursor.next = scan_plain(first, end, &cursor.seen);
    cursor.out = cursor.next; /* so far every byte is where it belongs */
    enum json_error error = JSON_NO_ERROR;
    while (error == JSON_NO_ERROR && cursor.next < end && *cursor.next == '\\') {
        char *escape = cursor.next;
        error = take_escape(&cursor);
        if (error == JSON_NO_ERROR) {
            take_plain(&cursor);
        } else if (error != JSON_ERROR_END) {
            cursor.next = escape;
        }
    }
    if (error == JSON_NO_ERROR && (cursor.next == end || *cursor.next != '"')) {
        error = cursor.next == end ? JSON_ERROR_END : JSON_ERROR_CONTROL;
    }
    return (struct json_string){
        .error = error,
        .flaw = cursor.flaw,
        .next = cursor.next + (error == JSON_NO_ERROR),
        .len = (size_t)(cursor.out - first),
        .is_ascii = cursor.seen < 0x80, /* escapes are written as valid UTF-8 and need no check */
    };
}
