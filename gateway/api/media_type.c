#include "gateway/api/media_type.h"

#include <strings.h>

/* What is still to be read of a field's value. */
struct cursor {
    struct text rest;
};

static void skip(struct cursor *cursor, size_t len)
{
    cursor->rest = (struct text){cursor->rest.data + len, cursor->rest.len - len};
}

static bool is_next(const struct cursor *cursor, char byte)
{
    return cursor->rest.len > 0 && cursor->rest.data[0] == byte;
}

static void skip_blanks(struct cursor *cursor)
{
    while (is_next(cursor, ' ') || is_next(cursor, '\t')) {
        skip(cursor, 1);
    }
}

static struct text take_until(struct cursor *cursor, const char *ends)
{
    struct text taken = {cursor->rest.data, 0};
    while (taken.len < cursor->rest.len && strchr(ends, cursor->rest.data[taken.len]) == NULL) {
        taken.len++;
    }
    skip(cursor, taken.len);
    return taken;
}

static bool is_text(struct text text, struct text wanted)
{
    return text.len == wanted.len && strncasecmp(text.data, wanted.data, wanted.len) == 0;
}

/* A token, or what is in quotes. Escapes are not decoded: no value that is known here has one. */
static struct text take_value(struct cursor *cursor)
{
    if (!is_next(cursor, '"')) {
        return take_until(cursor, "; \t");
    }
    skip(cursor, 1);
    const struct text value = take_until(cursor, "\"");
    if (is_next(cursor, '"')) {
        skip(cursor, 1);
    }
    return value;
}

/* parameter = token "=" ( token / quoted-string ), of no matter but for the charset. False if that is not UTF-8. */
static bool take_parameter(struct cursor *cursor)
{
    const struct text name = take_until(cursor, "=; \t");
    if (!is_next(cursor, '=')) {
        return !is_text(name, TEXT("charset"));
    }
    skip(cursor, 1);
    const struct text value = take_value(cursor);
    return !is_text(name, TEXT("charset")) || is_text(value, TEXT("utf-8")) || is_text(value, TEXT("utf8"));
}

const char *media_type_check_json(struct text content_type, struct text content_encoding)
{
    struct cursor cursor = {content_type};
    if (content_type.data == NULL || !is_text(take_until(&cursor, "; \t"), TEXT("application/json"))) {
        return "Content-Type must be application/json";
    }
    for (skip_blanks(&cursor); cursor.rest.len > 0; skip_blanks(&cursor)) {
        if (!is_next(&cursor, ';')) {
            return "Content-Type must be application/json";
        }
        skip(&cursor, 1);
        skip_blanks(&cursor);
        if (!take_parameter(&cursor)) {
            return "the charset of Content-Type must be utf-8";
        }
    }
    if (content_encoding.len > 0 && !is_text(content_encoding, TEXT("identity"))) {
        return "Content-Encoding must be identity: the body must not be compressed";
    }
    return NULL;
}
