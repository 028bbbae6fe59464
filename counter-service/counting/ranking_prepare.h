/* The resources of a chunk lie all over the memory that holds records and tops, and waiting for one after the other
 * took half of the aggregator's time. So what later rows need is brought near while a row is worked on: first where to
 * look, some rows later what lies there. Nothing depends on it but time. */
#ifndef TALLY_COUNTER_SERVICE_COUNTING_RANKING_PREPARE_H
#define TALLY_COUNTER_SERVICE_COUNTING_RANKING_PREPARE_H

#include <stddef.h>

#include "counter-service/board/ranking_state.h"
#include "counter-service/board/record_cache.h"
#include "counter-service/counting/ranking_chunk.h"

/* The record of row i is looked for now. */
void ranking_prepare_records(const struct record_cache *cache, const struct ranking_rows *rows, size_t i);
/* Row i is put into the tops now. */
void ranking_prepare_members(const struct ranking_state *state, const struct ranking_rows *rows, size_t i);

#endif
