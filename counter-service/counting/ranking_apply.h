/* Adds a chunk of events to the rankings: reads the records of its resources, works out the new ones and who moves in
 * which top, and writes all of it and the position: in one transaction, or lanes of the records in some and the tops
 * and the position in the last one (ranking_part.h). Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_COUNTING_RANKING_APPLY_H
#define TALLY_COUNTER_SERVICE_COUNTING_RANKING_APPLY_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/counting/ranking_chunk.h"
#include "counter-service/outbox/outbox_conn.h"

/* Adds the chunk, or as much of it as has rows_max rows. None of the events is of a time at or after state->next_ms.
 * Returns 1 when all of it is added, 0 while there is more to add; or -1 with error filled, as ranking_txn_commit. */
int ranking_apply(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                  struct ranking_chunk *chunk, size_t rows_max, struct error *error) MUST_CHECK;

#endif
