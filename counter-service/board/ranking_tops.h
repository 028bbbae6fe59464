/* The running tops as they stand in Redis: read by who begins to lead, and written as a whole or added to. The others
 * stay as they were when their period ended. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_TOPS_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_TOPS_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/outbox/outbox_conn.h"

/* Reads the running top of the board into ranked->table. *ret_is_whole: false if it is not as the board says, and
 * nobody knows who was in it. Returns 0, or -1 with error filled. */
int ranking_tops_read(const struct ranking_state *state, struct ranked_window *ranked, const struct outbox_conn *conn,
                      struct buffer *requests, bool *ret_is_whole, struct error *error) MUST_CHECK;

/* Each writes the top's field too. Where memory runs out the transaction fails. */

/* Nobody is in the top of the slot: nothing was counted in its period. */
void ranking_tops_empty(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                        size_t slot, int64_t since_ms);
/* Nobody knows who is in the running top: it is to be made anew, the board says so. */
void ranking_tops_unfill(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                         int64_t since_ms);
/* Writes the running top as a whole. */
void ranking_tops_write(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked);
/* Adds what is untold; or writes the running top as a whole, when the string would become long. */
void ranking_tops_add(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked);

/* Sums of the type were damaged: of the windows that are made of them events before that time may be missing. */
void ranking_tops_mark(struct ranking_txn *txn, struct ranked_type *type, int64_t missing_ms);

#endif
