/* UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates, nothing over U+10FFFF. Pure functions. */
#ifndef TALLY_COMMON_BASE_UTF8_H
#define TALLY_COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

/* Bytes of the character that text starts with, 1 to 4; 0 if text is empty or does not start with a whole character. */
size_t utf8_char_len(struct text text);
/* Whether all of text is UTF-8. U+0000 is a character like others; empty text is fine. */
bool utf8_is_valid(struct text text);

#endif
