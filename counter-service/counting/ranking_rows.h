/* Adds rows of a chunk to the rankings: reads the records of their resources, works out the new ones and who moves in
 * which top. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_COUNTING_RANKING_ROWS_H
#define TALLY_COUNTER_SERVICE_COUNTING_RANKING_ROWS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/counting/ranking_chunk.h"
#include "counter-service/outbox/outbox_conn.h"

/* Begins the transaction with the records and buckets; the tops' tables change, and are untold. Returns 0, or -1 with
 * error filled: the state is to be loaded anew. */
int ranking_rows_put(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                     struct ranking_rows *rows, struct error *error) MUST_CHECK;

#endif
