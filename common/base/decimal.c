#include "common/base/decimal.h"

char *decimal_put_unsigned(char *out, uint64_t value)
{
    char digits[DECIMAL_LEN_MAX];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(out, digits + first, sizeof(digits) - first);
    return out + sizeof(digits) - first;
}

char *decimal_put(char *out, int64_t value)
{
    if (value >= 0) {
        return decimal_put_unsigned(out, (uint64_t)value);
    }
    *out = '-';
    /* Negated as unsigned: INT64_MIN has no positive counterpart. */
    return decimal_put_unsigned(out + 1, 0 - (uint64_t)value);
}

bool decimal_parse_unsigned(struct text text, uint64_t max, uint64_t *ret_value)
{
    if (text.len == 0 || (text.data[0] == '0' && text.len > 1)) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || digit > max || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

bool decimal_parse(struct text text, int64_t *ret_value)
{
    uint64_t size;
    if (text.len > 0 && text.data[0] == '-') {
        struct text digits = {text.data + 1, text.len - 1};
        if (!decimal_parse_unsigned(digits, (uint64_t)INT64_MAX + 1, &size) || size == 0) {
            return false;
        }
        *ret_value = (int64_t)(0 - size);
        return true;
    }
    if (!decimal_parse_unsigned(text, INT64_MAX, &size)) {
        return false;
    }
    *ret_value = (int64_t)size;
    return true;
}
