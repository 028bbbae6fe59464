/* The rankings' time goes on: periods and buckets begin and end. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_ROLL_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_ROLL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/outbox/outbox_conn.h"

/* Goes on to the time, ms since 1970; never goes back. All events before it are counted, or missing: then every period
 * that they may have been in is told so. Returns 0; or -1 with error filled, as ranking_txn_commit. */
int ranking_roll(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn, int64_t to_ms,
                 bool missing, struct error *error) MUST_CHECK;

#endif
