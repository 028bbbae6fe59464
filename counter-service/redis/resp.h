/* Requests to Redis as bytes (RESP2, https://redis.io/docs/reference/protocol-spec/): an array of bulk strings,
 * appended to a buffer. Each part makes room for itself, which is a comparison. When out of memory parts are left out
 * and the buffer's `failed` is set: build the whole request, then ask resp_end once. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_RESP_H
#define TALLY_COUNTER_SERVICE_REDIS_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/decimal.h"
#include "common/base/text.h"

enum {
    /* Type byte, count, CR LF. */
    RESP_HEADER_BYTES_MAX = 1 + DECIMAL_LEN_MAX + 2,
    /* The same, and the CR LF after a string. */
    RESP_STRING_BYTES_MAX = RESP_HEADER_BYTES_MAX + 2,
};

/* Where so many bytes may be written; NULL when out of memory. */
static inline char *resp_room(struct buffer *out, size_t bytes)
{
    if (out->capacity - out->len < bytes && buffer_reserve(out, bytes) != 0) {
        return NULL;
    }
    return out->data + out->len;
}

static inline char *resp_write_line_end(char *at)
{
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* "*3\r\n" or "$5\r\n": type is '*' for an array of count strings, '$' for a string of count bytes. */
static inline char *resp_write_header(char *at, char type, size_t count)
{
    *at++ = type;
    return resp_write_line_end(decimal_put(at, (int64_t)count));
}

static inline void resp_put_array(struct buffer *out, size_t count)
{
    char *at = resp_room(out, RESP_HEADER_BYTES_MAX);
    if (at != NULL) {
        out->len = (size_t)(resp_write_header(at, '*', count) - out->data);
    }
}

/* One string made of the parts. */
static inline void resp_put_joined(struct buffer *out, const struct text *parts, size_t part_count)
{
    size_t len = 0;
    for (size_t i = 0; i < part_count; i++) {
        len += parts[i].len;
    }
    char *at = resp_room(out, RESP_STRING_BYTES_MAX + len);
    if (at == NULL) {
        return;
    }
    at = resp_write_header(at, '$', len);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > 0) {
            memcpy(at, parts[i].data, parts[i].len);
        }
        at += parts[i].len;
    }
    out->len = (size_t)(resp_write_line_end(at) - out->data);
}

static inline void resp_put_string(struct buffer *out, struct text text)
{
    resp_put_joined(out, &text, 1);
}

static inline void resp_put_integer(struct buffer *out, int64_t value)
{
    char digits[DECIMAL_LEN_MAX];
    resp_put_string(out, (struct text){digits, (size_t)(decimal_put(digits, value) - digits)});
}

/* Ends what was appended since the buffer had `start` bytes. Returns 0; or -1 when out of memory: then the buffer has
 * `start` bytes again, and takes more. */
static inline int resp_end(struct buffer *out, size_t start) MUST_CHECK;

static inline int resp_end(struct buffer *out, size_t start)
{
    if (!out->failed) {
        return 0;
    }
    out->failed = false;
    out->len = start;
    return -1;
}

#endif
