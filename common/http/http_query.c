#include "common/http/http_query.h"

#include <string.h>

#include "common/base/percent.h"

struct http_query http_query_of(char *raw, size_t len)
{
    return (struct http_query){raw, raw + len};
}

/* In place. Returns 0, or -1. */
static int decode(char *start, const char *end, struct text *ret_decoded)
{
    for (char *at = start; at < end; at++) {
        if (*at == '+') {
            *at = ' ';
        }
    }
    ret_decoded->data = start;
    return percent_decode((struct text){start, (size_t)(end - start)}, start, &ret_decoded->len);
}

/* The next piece between '&' that is not empty; .next is .end at the end. */
static struct http_query take_piece(struct http_query *query)
{
    while (query->next < query->end && *query->next == '&') {
        query->next++;
    }
    struct http_query piece = {query->next, query->end};
    char *ampersand = memchr(piece.next, '&', (size_t)(piece.end - piece.next));
    if (ampersand != NULL) {
        piece.end = ampersand;
    }
    query->next = piece.end;
    return piece;
}

enum http_query_step http_query_next(struct http_query *query, struct text *ret_name, struct text *ret_value)
{
    const struct http_query piece = take_piece(query);
    if (piece.next == piece.end) {
        return HTTP_QUERY_END;
    }
    char *equals = memchr(piece.next, '=', (size_t)(piece.end - piece.next));
    char *name_end = equals != NULL ? equals : piece.end;
    char *value_start = equals != NULL ? equals + 1 : piece.end;
    struct text name;
    struct text value;
    if (decode(piece.next, name_end, &name) != 0 || decode(value_start, piece.end, &value) != 0) {
        return HTTP_QUERY_MALFORMED;
    }
    *ret_name = name;
    *ret_value = value;
    return HTTP_QUERY_PARAMETER;
}
