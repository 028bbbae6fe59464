#include "gateway/request_id.h"

#include <stdbool.h>
#include <sys/random.h>

#include "common/clock.h"

enum { REQUEST_ID_DIGITS = 16 };

void request_ids_init(struct request_ids *ids)
{
    if (getrandom(&ids->state, sizeof(ids->state), 0) != (ssize_t)sizeof(ids->state)) {
        ids->state = (uint64_t)clock_realtime_us();
    }
}

/* SplitMix64 (Steele, Lea, Flood 2014): no id comes twice in 2^64. */
static uint64_t next_id(struct request_ids *ids)
{
    ids->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = ids->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static bool is_usable(struct text given)
{
    if (given.len == 0 || given.len >= REQUEST_ID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < given.len; i++) {
        if (given.data[i] < 0x21 || given.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

void request_id_write(struct request_ids *ids, struct text given, char out[REQUEST_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (is_usable(given)) {
        memcpy(out, given.data, given.len);
        out[given.len] = '\0';
        return;
    }
    uint64_t id = next_id(ids);
    for (int i = 0; i < REQUEST_ID_DIGITS; i++, id >>= 4) {
        out[i] = digits[id & 15];
    }
    out[REQUEST_ID_DIGITS] = '\0';
}
