#include "gateway/json_integer.h"

#include "common/limits.h"

enum {
    SIGNIFICANT_DIGITS_MAX = 16, /* of JSON_INTEGER_MAX */
};

/* Over it an exponent decides alone: no text is that long. */
#define EXPONENT_MAX INT64_C(1000000000000000)

/* The number is significand * 10^exponent; significand does not end in 0. */
struct decimal {
    uint64_t significand;
    unsigned significant_digits;
    int64_t trailing_zeros; /* read, not yet in significand */
    int64_t exponent;
    bool too_long; /* more significant digits than fit */
};

static void add_digit(struct decimal *decimal, unsigned digit)
{
    if (digit == 0) {
        decimal->trailing_zeros += decimal->significant_digits > 0;
        return;
    }
    if (decimal->significant_digits + decimal->trailing_zeros + 1 > SIGNIFICANT_DIGITS_MAX) {
        decimal->too_long = true;
        return;
    }
    for (; decimal->trailing_zeros > 0; decimal->trailing_zeros--) {
        decimal->significand *= 10;
        decimal->significant_digits++;
    }
    decimal->significand = decimal->significand * 10 + digit;
    decimal->significant_digits++;
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

static struct decimal read_decimal(const char *next, const char *end)
{
    struct decimal decimal = {0};
    int64_t fraction_digits = 0;
    bool in_fraction = false;
    for (; next < end && *next != 'e' && *next != 'E'; next++) {
        if (*next == '.') {
            in_fraction = true;
        } else {
            fraction_digits += in_fraction;
            add_digit(&decimal, (unsigned)(*next - '0'));
        }
    }
    decimal.exponent = decimal.trailing_zeros - fraction_digits;
    if (next < end) {
        decimal.exponent += read_exponent(next + 1, end);
    }
    return decimal;
}

bool json_number_to_integer(struct text number, int64_t *ret_value)
{
    const bool negative = number.data[0] == '-';
    struct decimal decimal = read_decimal(number.data + negative, number.data + number.len);
    if (decimal.significand == 0) {
        *ret_value = 0;
        return true;
    }
    /* too_long: with an exponent under 0 it is no integer, else it is over the range. */
    if (decimal.too_long || decimal.exponent < 0 ||
        decimal.significant_digits + decimal.exponent > SIGNIFICANT_DIGITS_MAX) {
        return false;
    }
    for (; decimal.exponent > 0; decimal.exponent--) {
        decimal.significand *= 10;
    }
    if (decimal.significand > (uint64_t)JSON_INTEGER_MAX) {
        return false;
    }
    *ret_value = negative ? -(int64_t)decimal.significand : (int64_t)decimal.significand;
    return true;
}
