/* A growing byte buffer. Append calls after a failed allocation do nothing and `failed` stays set: build the whole
 * text, then check once. Owned by one thread. */
#ifndef TALLY_COMMON_BASE_BUFFER_H
#define TALLY_COMMON_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

struct buffer {
    char *data; /* heap; not NUL-terminated */
    size_t len;
    size_t capacity;
    bool failed; /* an allocation failed since buffer_clear */
};

void buffer_init(struct buffer *buffer);
void buffer_done(struct buffer *buffer);
/* Empties the buffer. Keeps its memory if that is at most keep_max bytes, and frees it otherwise. */
void buffer_clear(struct buffer *buffer, size_t keep_max);
/* buffer_reserve where there is no room. */
int buffer_grow(struct buffer *buffer, size_t more) MUST_CHECK;
/* Makes room for `more` bytes after len. Returns 0, or -1 with failed set. */
MUST_CHECK static inline int buffer_reserve(struct buffer *buffer, size_t more)
{
    return !buffer->failed && buffer->capacity - buffer->len >= more ? 0 : buffer_grow(buffer, more);
}
static inline void buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    if (len > 0 && buffer_reserve(buffer, len) == 0) {
        memcpy(buffer->data + buffer->len, data, len);
        buffer->len += len;
    }
}
static inline void buffer_append_text(struct buffer *buffer, struct text text)
{
    buffer_append(buffer, text.data, text.len);
}
void buffer_append_int64(struct buffer *buffer, int64_t value);
void buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* A JSON string (RFC 8259, section 7) with its quotes. text must be UTF-8. */
void buffer_append_json_string(struct buffer *buffer, struct text text);

#endif
