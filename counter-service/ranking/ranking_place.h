/* Where a resource stands in a ranking: greater scores first, equal ones in the order of the bytes of resource_id. Pure
 * functions. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_PLACE_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/text.h"
#include "common/contract/limits.h"

/* With a copy of the resource_id. */
struct ranking_place {
    int64_t score;
    size_t len;
    char resource_id[RESOURCE_ID_LEN_MAX];
};

/* Negative, 0 or positive: a's place is better, the same, worse. */
static inline int ranking_place_compare(int64_t score_a, struct text a, int64_t score_b, struct text b)
{
    if (score_a != score_b) {
        return score_a > score_b ? -1 : 1;
    }
    const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline struct text ranking_place_id(const struct ranking_place *place)
{
    return (struct text){place->resource_id, place->len};
}

static inline void ranking_place_set(struct ranking_place *place, int64_t score, struct text resource_id)
{
    place->score = score;
    place->len = resource_id.len;
    memcpy(place->resource_id, resource_id.data, resource_id.len);
}

/* Whether a resource with that score has a place: not with 0, and behind a floor (NULL: there is none) nobody has. */
static inline bool ranking_place_is_had(const struct ranking_place *floor, int64_t score, struct text resource_id)
{
    return score != 0 &&
           (floor == NULL || ranking_place_compare(score, resource_id, floor->score, ranking_place_id(floor)) < 0);
}

#endif
