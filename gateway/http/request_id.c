#include "gateway/http/request_id.h"

#include <stdbool.h>

enum { REQUEST_ID_DIGITS = 16 };

static bool is_usable(struct text given)
{
    return given.len > 0 && given.len < REQUEST_ID_SIZE && text_is_visible_ascii(given);
}

void request_id_write(struct prng *prng, struct text given, char out[REQUEST_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (is_usable(given)) {
        memcpy(out, given.data, given.len);
        out[given.len] = '\0';
        return;
    }
    uint64_t id = prng_next(prng);
    for (int i = 0; i < REQUEST_ID_DIGITS; i++, id >>= 4) {
        out[i] = digits[id & 15];
    }
    out[REQUEST_ID_DIGITS] = '\0';
}
