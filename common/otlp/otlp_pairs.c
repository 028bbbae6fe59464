#include "common/otlp/otlp_pairs.h"

#include <string.h>

#include "common/base/percent.h"
#include "common/base/utf8.h"

/* NULL: it is malformed, or there is no memory. */
static const char *decode(struct text encoded, struct arena *arena)
{
    const struct text bare = text_trim(encoded);
    char *out = arena_alloc(arena, bare.len + 1);
    size_t len;
    if (out == NULL || percent_decode(bare, out, &len) != 0 || !utf8_is_valid((struct text){out, len})) {
        return NULL;
    }
    out[len] = '\0';
    return out;
}

/* The value may have more '=': that of Authorization often does. */
static int read_pair(struct text text, struct arena *arena, struct otlp_pair *ret_pair)
{
    if (text.len == 0 || memchr(text.data, '=', text.len) == NULL) {
        return -1;
    }
    const char *key = decode(text_cut(&text, '='), arena);
    const char *value = decode(text, arena);
    if (key == NULL || key[0] == '\0' || value == NULL) {
        return -1;
    }
    *ret_pair = (struct otlp_pair){key, value};
    return 0;
}

int otlp_pairs_read(const char *list, struct arena *arena, struct otlp_pair ret_pairs[OTLP_PAIRS_MAX],
                    size_t *ret_count)
{
    struct text rest = text_of(list);
    const char *end = list + rest.len;
    size_t count = 0;
    bool is_last;
    do {
        const struct text pair = text_cut(&rest, ',');
        is_last = pair.data + pair.len == end;
        if (count == OTLP_PAIRS_MAX || read_pair(pair, arena, &ret_pairs[count]) != 0) {
            return -1;
        }
        count++;
    } while (!is_last);
    *ret_count = count;
    return 0;
}
