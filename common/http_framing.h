/* How a request's body is framed, read from its header fields as they come; refuses what two HTTP parsers could read
 * differently (request smuggling; RFC 9112, section 6.3). Pure. */
#ifndef TALLY_COMMON_HTTP_FRAMING_H
#define TALLY_COMMON_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

struct http_framing {
    size_t content_length; /* bytes; of the last Content-Length that is valid */
    unsigned content_length_count;
    bool content_length_is_valid;
    unsigned transfer_encoding_count;
    bool is_chunked; /* the last Transfer-Encoding is exactly "chunked" */
};

/* Zero-initialised is ready to use. Each Content-Length and Transfer-Encoding field, with its value: */
void http_framing_content_length(struct http_framing *framing, struct text value);
void http_framing_transfer_encoding(struct http_framing *framing, struct text value);

/* NULL if the framing is clear, else a static sentence. */
const char *http_framing_fault(const struct http_framing *framing);

#endif
