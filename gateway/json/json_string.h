/* The inside of a JSON string (RFC 8259, section 7): json_reader's own. Pure. */
#ifndef TALLY_GATEWAY_JSON_JSON_STRING_H
#define TALLY_GATEWAY_JSON_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/json/json_reader.h"

struct json_string {
    enum json_error error;
    enum json_flaw flaw; /* the first one; U+FFFD stands in its place */
    char *next;          /* behind the closing quote; on an error, where it was noticed */
    size_t len;          /* decoded bytes, from `first` on */
    bool is_ascii;       /* but for what escapes wrote; false: the caller still has to check that it is UTF-8 */
};

/* Decodes in place what starts at first, behind the opening quote. A decoded string is never longer than it was. */
struct json_string json_string_decode(char *first, char *end);

#endif
