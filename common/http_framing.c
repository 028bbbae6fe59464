#include "common/http_framing.h"

#include <stdint.h>
#include <strings.h>

/* Content-Length = 1*DIGIT (RFC 9110, section 8.6). */
static bool parse_decimal(struct text value, size_t *ret_number)
{
    size_t number = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || number > SIZE_MAX / 10 - 1) {
            return false;
        }
        number = number * 10 + (size_t)(value.data[i] - '0');
    }
    *ret_number = number;
    return value.len > 0;
}

void http_framing_content_length(struct http_framing *framing, struct text value)
{
    framing->content_length_count++;
    framing->content_length_is_valid = parse_decimal(value, &framing->content_length);
}

void http_framing_transfer_encoding(struct http_framing *framing, struct text value)
{
    framing->transfer_encoding_count++;
    framing->is_chunked = value.len == 7 && strncasecmp(value.data, "chunked", 7) == 0;
}

const char *http_framing_fault(const struct http_framing *framing)
{
    if (framing->content_length_count > 1) {
        return "Content-Length must not be repeated";
    }
    if (framing->content_length_count > 0 && framing->transfer_encoding_count > 0) {
        return "Content-Length and Transfer-Encoding must not be sent together";
    }
    if (framing->content_length_count == 1 && !framing->content_length_is_valid) {
        return "Content-Length must be a decimal number";
    }
    if (framing->transfer_encoding_count > 1 || (framing->transfer_encoding_count == 1 && !framing->is_chunked)) {
        return "Transfer-Encoding must be exactly chunked";
    }
    return NULL;
}
