/* A query string: its parameters lie in it, and what is encoded again is read as the same. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct text part, const char *query, size_t size)
{
    assert(part.data >= query && part.data + part.len <= query + size);
    assert(part.len == 0 || memchr(part.data, 0, part.len) == NULL);
}

/* Every byte, but for blanks. Returns the end. */
static char *encode(char *out, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        out += sprintf(out, text.data[i] == ' ' ? "+" : "%%%02X", (unsigned char)text.data[i]);
    }
    return out;
}

static void check_round_trip(struct text name, struct text value)
{
    struct text name_again;
    struct text value_again;
    char *encoded = malloc((name.len + value.len) * 3 + 3);
    assert(encoded != NULL);
    char *end = encode(encoded, name);
    *end++ = '=';
    end = encode(end, value);
    struct http_query query = http_query_of(encoded, (size_t)(end - encoded));
    assert(http_query_next(&query, &name_again, &value_again) == HTTP_QUERY_PARAMETER);
    assert(text_equal(name, name_again) && text_equal(value, value_again));
    assert(http_query_next(&query, &name_again, &value_again) == HTTP_QUERY_END);
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Memory of exactly this size: a read or write behind it is seen. */
    char *copy = malloc(size > 0 ? size : 1);
    struct text name;
    struct text value;
    enum http_query_step step;
    size_t steps = 0;
    assert(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct http_query query = http_query_of(copy, size);
    while ((step = http_query_next(&query, &name, &value)) != HTTP_QUERY_END) {
        steps++;
        if (step == HTTP_QUERY_PARAMETER) {
            check_part(name, copy, size);
            check_part(value, copy, size);
            check_round_trip(name, value);
        }
    }
    assert(steps <= size / 2 + 1);
    free(copy);
    return 0;
}
