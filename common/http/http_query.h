/* The parameters of a query string, as HTML forms and URLSearchParams write them: WHATWG URL, section
 * application/x-www-form-urlencoded parsing. Pieces stand between '&', a piece's name before its first '='; in both a
 * '+' is a blank and percent-encoding is decoded. As there, an empty piece is passed over, a piece without '=' has an
 * empty value, and a name may be empty too. Stricter than there: a '%' without two hexadecimal digits, or an encoded
 * NUL, is an error; and that the bytes are UTF-8 is left to the rules of the values. Pure. */
#ifndef TALLY_COMMON_HTTP_HTTP_QUERY_H
#define TALLY_COMMON_HTTP_HTTP_QUERY_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

/* What is still to be read. */
struct http_query {
    char *next;
    char *end;
};

enum http_query_step { HTTP_QUERY_END, HTTP_QUERY_PARAMETER, HTTP_QUERY_MALFORMED };

/* raw: without its '?'. It is the caller's, decoded in place, and names and values point into it. */
struct http_query http_query_of(char *raw, size_t len);

/* The next parameter, in *ret_name and *ret_value; or that there is none; or that the next piece cannot be decoded:
 * then it is passed over. */
enum http_query_step http_query_next(struct http_query *query, struct text *ret_name, struct text *ret_value)
    MUST_CHECK;

#endif
