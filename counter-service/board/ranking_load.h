/* Reads the state of the rankings when an instance begins to lead. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_LOAD_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_LOAD_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/outbox/outbox_conn.h"
#include "counter-service/outbox/outbox_step.h"

/* Reads everything, begins what is not there yet, and has Redis watch the state for the next transaction. What begins
 * lacks what was before the position, unless nothing was ever counted; a window that the last writer did not keep up
 * lacks what was since, and so do all if an instance that adds no events has counted meanwhile. now_ms: Redis's clock.
 * Returns 0, or -1 with error filled: the connection is to be closed. */
int ranking_load(struct ranking_state *state, const struct outbox_conn *conn, const struct outbox_position *position,
                 int64_t now_ms, struct error *error) MUST_CHECK;

#endif
