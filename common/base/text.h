/* A read-only piece of text: bytes and their count, not NUL-terminated, owned by somebody else. */
#ifndef TALLY_COMMON_BASE_TEXT_H
#define TALLY_COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *data;
    size_t len;
};

/* A header, and the like. */
struct named_text {
    const char *name;
    struct text value;
};

/* Text of a string literal. */
#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

static inline struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Takes what stands before the first separator off the start of *rest, and the separator; all of it if there is no
 * separator. */
static inline struct text text_cut(struct text *rest, char separator)
{
    const char *end = rest->len == 0 ? NULL : (const char *)memchr(rest->data, separator, rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    const struct text cut = {rest->data, len};
    const size_t passed = end == NULL ? len : len + 1;
    *rest = (struct text){rest->data + passed, rest->len - passed};
    return cut;
}

static inline bool text_starts_with(struct text text, struct text start)
{
    return text.len >= start.len && text_equal((struct text){text.data, start.len}, start);
}

static inline bool text_ends_with(struct text text, struct text end)
{
    return text.len >= end.len && text_equal((struct text){text.data + text.len - end.len, end.len}, end);
}

/* Without the blanks and tabs around it. */
static inline struct text text_trim(struct text text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = (struct text){text.data + 1, text.len - 1};
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* Whether all of it is visible ASCII, 0x21-0x7E: no blanks, no controls. */
static inline bool text_is_visible_ascii(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

#endif
