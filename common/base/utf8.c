#include "common/base/utf8.h"

#include <stdint.h>

static bool is_between(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* Length of the character that begins with this byte, and the range of its second byte: RFC 3629, section 4. */
static size_t lead_byte(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;  /* a lower second byte: an overlong form */
    *ret_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF; /* a higher one: a surrogate, or over U+10FFFF */
    if (is_between(lead, 0xC2, 0xDF)) {
        return 2;
    }
    if (is_between(lead, 0xE0, 0xEF)) {
        return 3;
    }
    return is_between(lead, 0xF0, 0xF4) ? 4 : 0;
}

size_t utf8_char_len(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.len == 0) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        return 1;
    }
    unsigned char low;
    unsigned char high;
    const size_t len = lead_byte(bytes[0], &low, &high);
    if (len == 0 || len > text.len || !is_between(bytes[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_between(bytes[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return len;
}

/* How many bytes at the start of text are ASCII, in steps of eight: the rest may have some more. */
static size_t ascii_prefix_len(struct text text)
{
    size_t len = 0;
    while (text.len - len >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.data + len, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        len += sizeof(word);
    }
    return len;
}

bool utf8_is_valid(struct text text)
{
    size_t at = ascii_prefix_len(text);
    while (at < text.len) {
        const size_t len = utf8_char_len((struct text){text.data + at, text.len - at});
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}
