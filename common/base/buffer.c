#include "common/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/decimal.h"

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer);
}

void buffer_clear(struct buffer *buffer, size_t keep_max)
{
    if (buffer->capacity > keep_max) {
        buffer_done(buffer);
    }
    buffer->len = 0;
    buffer->failed = false;
}

/* Moves the data to a larger allocation, at least twice the present one. */
int buffer_grow(struct buffer *buffer, size_t more)
{
    if (buffer->failed) {
        return -1;
    }
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_CAPACITY;
    while (capacity - buffer->len < more) {
        if (capacity > SIZE_MAX / 2) {
            buffer->failed = true;
            return -1;
        }
        capacity *= 2;
    }
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return -1;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

void buffer_append_int64(struct buffer *buffer, int64_t value)
{
    if (buffer_reserve(buffer, DECIMAL_LEN_MAX) == 0) {
        buffer->len = (size_t)(decimal_put(buffer->data + buffer->len, value) - buffer->data);
    }
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    const int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* One more than len: vsnprintf ends with a NUL, which is not kept. */
    if (len < 0) {
        buffer->failed = true;
    } else if (buffer_reserve(buffer, (size_t)len + 1) == 0) {
        vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
}

static bool json_needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* How many bytes of text, from its start on, can be copied as they are. */
static size_t json_plain_len(struct text text)
{
    size_t len = 0;
    while (len < text.len && !json_needs_escape((unsigned char)text.data[len])) {
        len++;
    }
    return len;
}

static void append_json_escape(struct buffer *buffer, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    const char letter = letters[byte]; /* byte needs an escape, so it is at most '\\' */
    if (letter != '\0') {
        buffer_append(buffer, (const char[]){'\\', letter}, 2);
    } else {
        buffer_append(buffer, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
    }
}

void buffer_append_json_string(struct buffer *buffer, struct text text)
{
    /* Room for the usual string, which has nothing to escape: its memory grows at most once. */
    if (buffer_reserve(buffer, text.len + 2) != 0) {
        return;
    }
    buffer_append(buffer, "\"", 1);
    for (;;) {
        const size_t plain = json_plain_len(text);
        buffer_append(buffer, text.data, plain);
        if (plain == text.len) {
            break;
        }
        append_json_escape(buffer, (unsigned char)text.data[plain]);
        text.data += plain + 1;
        text.len -= plain + 1;
    }
    buffer_append(buffer, "\"", 1);
}
