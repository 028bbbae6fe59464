/* Integers as protobuf writes them (https://protobuf.dev/programming-guides/encoding/): base 128, least significant
 * first, so that small ones are short; by zigzag, small ones of either sign. */
#ifndef TALLY_COMMON_BASE_VARINT_H
#define TALLY_COMMON_BASE_VARINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

enum { VARINT_LEN_MAX = 10 /* of 64 bits, 7 in a byte */ };

/* Returns the end of what was written; out has room for VARINT_LEN_MAX. */
static inline char *varint_put(char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

/* Takes one off the start of *rest. False, with both untouched, if none ends within rest and 10 bytes, or it has more
 * than 64 bits. */
static inline bool varint_take(struct text *rest, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->len && i < VARINT_LEN_MAX; i++) {
        const unsigned char byte = (unsigned char)rest->data[i];
        if (i == VARINT_LEN_MAX - 1 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *rest = (struct text){rest->data + i + 1, rest->len - i - 1};
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* 0, -1, 1, -2 are 0, 1, 2, 3. */
static inline uint64_t varint_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

#endif
