/* 64-bit integers in decimal, as Redis writes and reads them too: no leading zeros, no plus sign, no blanks. Pure
 * functions. */
#ifndef TALLY_COMMON_BASE_DECIMAL_H
#define TALLY_COMMON_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum { DECIMAL_LEN_MAX = 20 }; /* "-9223372036854775808", "18446744073709551615" */

/* Writes value without a NUL; out has room for DECIMAL_LEN_MAX. Returns the end of what was written. */
char *decimal_put(char *out, int64_t value);
char *decimal_put_unsigned(char *out, uint64_t value);
/* False, with *ret_value untouched, if text is anything but one int64: HINCRBY would refuse it too. */
bool decimal_parse(struct text text, int64_t *ret_value) MUST_CHECK;
/* Likewise, if text is anything but digits, or over max, which is 9 or more. */
bool decimal_parse_unsigned(struct text text, uint64_t max, uint64_t *ret_value) MUST_CHECK;

#endif
