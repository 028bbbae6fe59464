/* Requests to Redis as bytes (RESP2, https://redis.io/docs/reference/protocol-spec/): an array of bulk strings.
 *
 * The functions write through a cursor into memory reserved beforehand, which the caller has made large enough with
 * RESP_PART_BYTES for each array header and bulk string, plus the strings themselves: an increment is a dozen short
 * strings, and a check for each would cost more than writing it. */
#ifndef TALLY_COUNTER_SERVICE_RESP_H
#define TALLY_COUNTER_SERVICE_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "common/decimal.h"
#include "common/text.h"

/* Type byte, count, CR LF, and the CR LF after a string. */
enum { RESP_PART_BYTES = 1 + DECIMAL_LEN_MAX + 2 + 2 };

static inline char *resp_put_bytes(char *out, struct text text)
{
    if (text.len > 0) {
        memcpy(out, text.data, text.len);
    }
    return out + text.len;
}

static inline char *resp_put_line_end(char *out)
{
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

/* "*3\r\n" or "$5\r\n": type is '*' for an array of count strings, '$' for a string of count bytes. */
static inline char *resp_put_header(char *out, char type, size_t count)
{
    *out++ = type;
    return resp_put_line_end(decimal_put(out, (int64_t)count));
}

static inline char *resp_put_array(char *out, size_t count)
{
    return resp_put_header(out, '*', count);
}

static inline char *resp_put_string(char *out, struct text text)
{
    out = resp_put_header(out, '$', text.len);
    return resp_put_line_end(resp_put_bytes(out, text));
}

static inline char *resp_put_integer(char *out, int64_t value)
{
    char digits[DECIMAL_LEN_MAX];
    return resp_put_string(out, (struct text){digits, (size_t)(decimal_put(digits, value) - digits)});
}

#endif
