#include "common/contract/counter_rules.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/base/utf8.h"
#include "common/contract/limits.h"

/* The sentences below say these numbers. */
_Static_assert(RESOURCE_ID_LEN_MAX == 256 && COUNTER_TYPE_LEN_MAX == 64, "change the sentences too");
_Static_assert(USER_ID_LEN_MAX == 128 && IDEMPOTENCY_KEY_LEN_MAX == 128, "change the sentences too");

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7F;
}

/* U+0080-009F: two bytes, C2 80 to C2 9F. text is UTF-8. */
static bool has_c1_control(struct text text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if ((unsigned char)text.data[i] == 0xC2 && (unsigned char)text.data[i + 1] < 0xA0) {
            return true;
        }
    }
    return false;
}

/* URL libraries resolve dot segments away: the path would name another resource, or another route (RFC 3986,
 * 6.2.2.3). */
static bool is_dot_segment(struct text text)
{
    return text_equal(text, TEXT(".")) || text_equal(text, TEXT(".."));
}

const char *counter_rules_resource_id(struct text resource_id)
{
    static const char characters[] = "resource_id must not have control characters, '{' or '}'";
    if (resource_id.len == 0 || resource_id.len > RESOURCE_ID_LEN_MAX) {
        return "resource_id must be 1-256 bytes";
    }
    bool ascii = true;
    bool forbidden = false;
    for (size_t i = 0; i < resource_id.len; i++) {
        const unsigned char byte = (unsigned char)resource_id.data[i];
        forbidden |= is_control(byte) || byte == '{' || byte == '}';
        ascii &= byte < 0x80;
    }
    if (!ascii && !utf8_is_valid(resource_id)) {
        return "resource_id must be UTF-8";
    }
    if (is_dot_segment(resource_id)) {
        return "resource_id must not be \".\" or \"..\"";
    }
    return forbidden || (!ascii && has_c1_control(resource_id)) ? characters : NULL;
}

static bool is_lower(char character)
{
    return character >= 'a' && character <= 'z';
}

static bool is_counter_type_character(char character)
{
    return is_lower(character) || (character >= '0' && character <= '9') || character == '_' || character == '.' ||
           character == '-';
}

const char *counter_rules_counter_type(struct text counter_type)
{
    if (counter_type.len == 0 || counter_type.len > COUNTER_TYPE_LEN_MAX) {
        return "counter_type must be 1-64 bytes";
    }
    if (!is_lower(counter_type.data[0])) {
        return "counter_type must start with a letter a-z";
    }
    for (size_t i = 1; i < counter_type.len; i++) {
        if (!is_counter_type_character(counter_type.data[i])) {
            return "counter_type must have only a-z, 0-9, '_', '.' and '-'";
        }
    }
    return NULL;
}

const char *counter_rules_user_id(struct text user_id)
{
    if (user_id.len > USER_ID_LEN_MAX) {
        return "user_id must be 0-128 bytes";
    }
    return utf8_is_valid(user_id) ? NULL : "user_id must be UTF-8";
}

const char *counter_rules_idempotency_key(struct text key)
{
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_LEN_MAX) {
        return "idempotency_key must be 1-128 bytes";
    }
    return text_is_visible_ascii(key) ? NULL : "idempotency_key must be visible ASCII (0x21-0x7E)";
}
