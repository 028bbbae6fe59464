#include "common/config/config_units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { UNITS_MAX = 4, RATIO_DIGITS = 9 };

struct unit {
    const char *name;
    int64_t factor;
};

/* Of each kind, smallest first; a NULL name ends a shorter list. */
static const struct unit units[][UNITS_MAX] = {
    [CONFIG_UNIT_NONE] = {{"", 1}},
    [CONFIG_UNIT_DURATION] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}},
    [CONFIG_UNIT_SIZE] = {{"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}},
};

/* The digits at *text, which is moved behind them. */
static int parse_digits(const char **text, int64_t *ret_number)
{
    const char *digit = *text;
    if (*digit < '0' || *digit > '9' || (digit[0] == '0' && digit[1] >= '0' && digit[1] <= '9')) {
        return -1;
    }
    int64_t number = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *digit - '0', &number)) {
            return -1;
        }
    }
    *text = digit;
    *ret_number = number;
    return 0;
}

/* 1, 0.25 or 0.000000001: what is left of the point and up to nine digits behind it. */
static int parse_ratio(const char *text, int64_t *ret_number)
{
    int64_t number;
    if (parse_digits(&text, &number) != 0) {
        return -1;
    }
    int digits = 0;
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9' && digits < RATIO_DIGITS; text++, digits++) {
            if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number)) {
                return -1;
            }
        }
        if (digits == 0) {
            return -1;
        }
    }
    for (; digits < RATIO_DIGITS; digits++) {
        if (__builtin_mul_overflow(number, 10, &number)) {
            return -1;
        }
    }
    if (*text != '\0') {
        return -1;
    }
    *ret_number = number;
    return 0;
}

int config_units_parse(enum config_unit unit, const char *text, int64_t *ret_number)
{
    int64_t number;
    if (unit == CONFIG_UNIT_RATIO) {
        return parse_ratio(text, ret_number);
    }
    if (parse_digits(&text, &number) != 0) {
        return -1;
    }
    for (size_t i = 0; i < UNITS_MAX && units[unit][i].name != NULL; i++) {
        if (strcmp(text, units[unit][i].name) == 0 && !__builtin_mul_overflow(number, units[unit][i].factor, &number)) {
            *ret_number = number;
            return 0;
        }
    }
    return -1;
}

static void format_ratio(int64_t number, char out[CONFIG_NUMBER_SIZE])
{
    snprintf(out, CONFIG_NUMBER_SIZE, "%" PRId64 ".%0*" PRId64, number / CONFIG_RATIO_ONE, RATIO_DIGITS,
             number % CONFIG_RATIO_ONE);
    char *end = out + strlen(out);
    while (end[-1] == '0') {
        end--;
    }
    end -= end[-1] == '.' ? 1 : 0;
    *end = '\0';
}

void config_units_format(enum config_unit unit, int64_t number, char out[CONFIG_NUMBER_SIZE])
{
    assert(number >= 0);
    if (unit == CONFIG_UNIT_RATIO) {
        format_ratio(number, out);
        return;
    }
    const struct unit *best = &units[unit][0];
    for (size_t i = 1; i < UNITS_MAX && units[unit][i].name != NULL; i++) {
        if (number != 0 && number % units[unit][i].factor == 0) {
            best = &units[unit][i];
        }
    }
    snprintf(out, CONFIG_NUMBER_SIZE, "%" PRId64 "%s", number / best->factor, best->name);
}
