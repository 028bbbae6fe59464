/* Who is among the best, as a string that is added to: the value of tally:{p0}:r:<counter_type>:<window>:<slot>. Pure
 * functions.
 *
 *     byte      RANKING_PLACES_VERSION
 *     a place   varint length and bytes of resource_id; zigzag varint score, 0 for one that has left
 *
 * In no order; of the places of one resource the last one counts. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_PLACES_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_PLACES_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/text.h"

enum { RANKING_PLACES_VERSION = 1 };

/* When out of memory out->failed is set, by both. */
void ranking_places_begin(struct buffer *out);
void ranking_places_put(struct buffer *out, struct text resource_id, int64_t score);

/* Cuts off what begins the text. Empty is a ranking without places. Returns 0, or -1 if it is of no version that is
 * known. */
int ranking_places_open(struct text *rest) MUST_CHECK;
/* Takes the next place. Returns 1; 0 at the end; -1 if the text is damaged. resource_id points into it. */
int ranking_places_next(struct text *rest, struct text *ret_resource_id, int64_t *ret_score) MUST_CHECK;

#endif
