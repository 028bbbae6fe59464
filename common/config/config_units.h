/* Numbers with units, as the configuration writes them: `8080`, `250ms`, `30s`, `5m`, `24h`, `64KiB`, `1MiB`. Whole
 * decimal numbers without sign, blanks or leading zeros; and ratios, `0.01`. Pure functions. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_UNITS_H
#define TALLY_COMMON_CONFIG_CONFIG_UNITS_H

#include <stdint.h>

#include "common/base/compiler.h"

enum config_unit {
    CONFIG_UNIT_NONE,
    CONFIG_UNIT_DURATION, /* ms, s, m, h; the number is milliseconds */
    CONFIG_UNIT_SIZE,     /* none (bytes), KiB, MiB, GiB; the number is bytes */
    CONFIG_UNIT_RATIO,    /* none; up to nine digits behind a point; the number is billionths */
};

enum {
    CONFIG_NUMBER_SIZE = 32, /* long enough for every number with its unit */
    CONFIG_RATIO_ONE = 1000000000,
};

/* Returns 0, or -1 if text is not such a number or is over INT64_MAX. */
int config_units_parse(enum config_unit unit, const char *text, int64_t *ret_number) MUST_CHECK;
/* Writes number (not negative) with the largest unit that needs no fraction, NUL-terminated: 90000 ms are `90s`. */
void config_units_format(enum config_unit unit, int64_t number, char out[CONFIG_NUMBER_SIZE]);

#endif
