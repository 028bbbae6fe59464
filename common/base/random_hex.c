#include "common/base/random_hex.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

enum { DIGITS_MAX = 64 };

int random_hex(char *out, size_t digits)
{
    uint8_t random[DIGITS_MAX / 2];
    const size_t bytes = digits / 2;
    assert(digits % 2 == 0 && digits <= DIGITS_MAX);
    if (getrandom(random, bytes, 0) != (ssize_t)bytes) {
        return -1;
    }
    for (size_t i = 0; i < bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    }
    return 0;
}
