#include "gateway/json/json_integer.h"

#include "common/contract/limits.h"

enum {
    SIGNIFICANT_DIGITS_MAX = 16, /* of JSON_INTEGER_MAX */
};

/* Beyond it the exponent alone decides, since no text has so many digits to make up for it. */
#define EXPONENT_MAX INT64_C(1000000000000000)

/* The number is significand * 10^exponent; significand does not end in 0. */
struct parts {
    uint64_t significand;
    unsigned significant_digits;
    int64_t trailing_zeros; /* read, not yet in significand */
    int64_t exponent;
    bool too_long; /* more significant digits than fit */
};

static void add_digit(struct parts *parts, unsigned digit)
{
    if (digit == 0) {
        parts->trailing_zeros += parts->significant_digits > 0;
        return;
    }
    if (parts->significant_digits + parts->trailing_zeros + 1 > SIGNIFICANT_DIGITS_MAX) {
        parts->too_long = true;
        return;
    }
    for (; parts->trailing_zeros > 0; parts->trailing_zeros--) {
        parts->significand *= 10;
        parts->significant_digits++;
    }
    parts->significand = parts->significand * 10 + digit;
    parts->significant_digits++;
}

static int64_t read_exponent(const char *next, const char *end)
{
    const bool negative = *next == '-';
    next += *next == '-' || *next == '+';
    int64_t exponent = 0;
    for (; next < end && exponent < EXPONENT_MAX; next++) {
        exponent = exponent * 10 + (*next - '0');
    }
    return negative ? -exponent : exponent;
}

static struct parts read_parts(const char *next, const char *end)
{
    struct parts parts = {0};
    int64_t fraction_digits = 0;
    bool in_fraction = false;
    for (; next < end && *next != 'e' && *next != 'E'; next++) {
        if (*next == '.') {
            in_fraction = true;
        } else {
            fraction_digits += in_fraction;
            add_digit(&parts, (unsigned)(*next - '0'));
        }
    }
    parts.exponent = parts.trailing_zeros - fraction_digits;
    if (next < end) {
        parts.exponent += read_exponent(next + 1, end);
    }
    return parts;
}

bool json_number_to_integer(struct text number, int64_t *ret_value)
{
    const bool negative = number.data[0] == '-';
    struct parts parts = read_parts(number.data + negative, number.data + number.len);
    if (parts.significand == 0) {
        *ret_value = 0;
        return true;
    }
    /* too_long: the number is either no integer, or over the range. */
    if (parts.too_long || parts.exponent < 0 || parts.significant_digits + parts.exponent > SIGNIFICANT_DIGITS_MAX) {
        return false;
    }
    for (; parts.exponent > 0; parts.exponent--) {
        parts.significand *= 10;
    }
    if (parts.significand > (uint64_t)JSON_INTEGER_MAX) {
        return false;
    }
    *ret_value = negative ? -(int64_t)parts.significand : (int64_t)parts.significand;
    return true;
}
