/* A chunk of events that is too large for one transaction is added in parts: the records of some lanes at a time. A
 * resource's lane is told by a hash of its name. While it is under way the state says which lanes have it already: the
 * value of the field "part" of the state, "" while none is.
 *
 *     "<number of the event before it> <that of its last one> <that one's time, ms since 1970> <seed of the hash>
 *      <lanes that have it>"
 *
 * The tops, and the state's position, change with the last part. Whoever begins to lead ends the chunk first. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_PART_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum { RANKING_LANES = 256, RANKING_PART_TEXT_SIZE = 112 };

struct ranking_part {
    size_t lanes;   /* the first ones, that have the chunk, never all; 0: none is under way */
    int64_t before; /* the number of the event before the chunk: the state's position, or it is of another time */
    int64_t last_number;
    int64_t last_ms;
    uint64_t seed;
};

/* Of the names, and so of the lanes: whoever chooses names must not know where they fall. */
uint64_t ranking_part_hash(uint64_t seed, struct text resource_id);
static inline size_t ranking_part_lane(uint64_t hash)
{
    return (size_t)(hash >> 56); /* the first byte */
}
/* Whether the resource's record has the chunk that is under way. */
bool ranking_part_has(const struct ranking_part *part, struct text resource_id);

/* Returns the text, in out. */
struct text ranking_part_put(const struct ranking_part *part, char out[RANKING_PART_TEXT_SIZE]);
/* False if text is none. */
bool ranking_part_read(struct text text, struct ranking_part *ret_part) MUST_CHECK;

#endif
