/* Names that nobody else has and nobody can guess. */
#ifndef TALLY_COMMON_BASE_RANDOM_HEX_H
#define TALLY_COMMON_BASE_RANDOM_HEX_H

#include <stddef.h>

#include "common/base/compiler.h"

/* Writes `digits` random hexadecimal digits, an even number, 64 at most, and a NUL. Returns 0, or -1 if the kernel has
 * no random numbers. */
int random_hex(char *out, size_t digits) MUST_CHECK;

#endif
