/* Percent-encoding (RFC 3986, section 2.1) in one segment of a path. Split the path at its slashes first, then decode:
 * an encoded slash is part of its segment. Pure. */
#ifndef TALLY_COMMON_BASE_PERCENT_H
#define TALLY_COMMON_BASE_PERCENT_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

/* Decodes segment into out, which has room for segment.len bytes and may be where segment is. '+' stays '+'.
 * Returns 0 with *ret_len set, or -1 if a '%' is not followed by two hexadecimal digits or a NUL byte comes out; out is
 * then undefined. */
int percent_decode(struct text segment, char *out, size_t *ret_len) MUST_CHECK;

/* The value of a hexadecimal digit of either case, or -1. */
int hex_value(char digit);

#endif
