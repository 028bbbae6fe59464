/* The rankings' time goes on: periods and buckets begin and end. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_ROLL_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_ROLL_H

#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/outbox/outbox_conn.h"

/* Goes on to the time, ms since 1970; never goes back. All events before it are counted, or missing: of those after the
 * last one counted and before missing_ms some may be, and every period that they may have been in is told so;
 * INT64_MIN: none are. Returns 0; or -1 with error filled, as ranking_txn_commit. */
int ranking_roll(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn, int64_t to_ms,
                 int64_t missing_ms, struct error *error) MUST_CHECK;

#endif
