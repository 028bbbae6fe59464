#include "common/base/percent.h"

int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that text, starting behind a '%', encodes; or -1. */
static int encoded_byte(struct text text)
{
    if (text.len < 2) {
        return -1;
    }
    const int high = hex_value(text.data[0]);
    const int low = hex_value(text.data[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int percent_decode(struct text segment, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < segment.len; i++) {
        int byte = (unsigned char)segment.data[i];
        if (byte == '%') {
            byte = encoded_byte((struct text){segment.data + i + 1, segment.len - i - 1});
            i += 2;
        }
        if (byte <= 0) {
            return -1;
        }
        out[len++] = (char)byte;
    }
    *ret_len = len;
    return 0;
}
