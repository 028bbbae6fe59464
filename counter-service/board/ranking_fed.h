/* Which windows the leader keeps up: the field `fed` of the state (ranking_board.h). A window that a leader of another
 * configuration did not keep up lacks events. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_FED_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_FED_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/outbox/outbox_conn.h"

/* What this instance keeps up when it leads. */
void ranking_fed_print(struct buffer *out, const struct ranking_state *state);
/* Looks at what the leader keeps up: *ret_difference is a sentence if that is not what this instance would, else "".
 * Returns 0, or -1 with error filled. */
int ranking_fed_compare(const struct ranking_state *state, const struct outbox_conn *conn, struct error *ret_difference,
                        struct error *error) MUST_CHECK;

#endif
