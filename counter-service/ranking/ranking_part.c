#include "counter-service/ranking/ranking_part.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/decimal.h"
#include "counter-service/ranking/ranking_window.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t ranking_part_hash(uint64_t seed, struct text resource_id)
{
    return XXH3_64bits_withSeed(resource_id.data, resource_id.len, seed);
}

bool ranking_part_has(const struct ranking_part *part, struct text resource_id)
{
    return part->lanes > 0 && ranking_part_lane(ranking_part_hash(part->seed, resource_id)) < part->lanes;
}

struct text ranking_part_put(const struct ranking_part *part, char out[RANKING_PART_TEXT_SIZE])
{
    if (part->lanes == 0) {
        return TEXT("");
    }
    const int len = snprintf(out, RANKING_PART_TEXT_SIZE, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %zu",
                             part->before, part->last_number, part->last_ms, part->seed, part->lanes);
    return (struct text){out, (size_t)len};
}

bool ranking_part_read(struct text text, struct ranking_part *ret_part)
{
    uint64_t lanes;
    struct ranking_part part = {.lanes = 0};
    if (text.len > 0) {
        const struct text before = text_cut(&text, ' ');
        const struct text number = text_cut(&text, ' ');
        const struct text ms = text_cut(&text, ' ');
        const struct text seed = text_cut(&text, ' ');
        if (!decimal_parse(before, &part.before) || !decimal_parse(number, &part.last_number) ||
            !decimal_parse(ms, &part.last_ms) || !decimal_parse_unsigned(seed, UINT64_MAX, &part.seed) ||
            !decimal_parse_unsigned(text, RANKING_LANES - 1, &lanes)) {
            return false;
        }
        part.lanes = (size_t)lanes;
        if (part.lanes == 0 || part.before < 0 || part.last_number <= part.before || part.last_ms < 0 ||
            part.last_ms > RANKING_TIME_MAX_MS) {
            return false;
        }
    }
    *ret_part = part;
    return true;
}
