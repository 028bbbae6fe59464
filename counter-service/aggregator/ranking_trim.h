/* Keeps the sets of the rankings small: the members after the best `keep` leave, and the floor rises. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_TRIM_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_TRIM_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/outbox/outbox_conn.h"

/* Trims one set that has grown, by a thousand members at most. Returns 1 if there was one, 0 if there was none; or -1
 * with error filled, as ranking_txn_commit. */
int ranking_trim(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn,
                 struct error *error) MUST_CHECK;

#endif
