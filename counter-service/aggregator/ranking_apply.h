/* Adds a chunk of events to the rankings: reads the records of its resources, works out the new ones and who moves in
 * which order, and writes all of it and the position in one transaction. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_APPLY_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_APPLY_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/aggregator/ranking_chunk.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/outbox/outbox_conn.h"

/* None of the events is of a time at or after state->next_ms. Returns 0; or -1 with error filled, as
 * ranking_txn_commit. */
int ranking_apply(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                  struct ranking_chunk *chunk, struct error *error) MUST_CHECK;

#endif
