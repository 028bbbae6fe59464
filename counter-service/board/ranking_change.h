/* Changes of one window's order: who comes into the running top, moves in it, and leaves it; likewise in the top that
 * is being made. The tables change at once, the string in Redis with the transaction that tells. Owned by one thread.
 */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H

#include <stdint.h>

#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"

/* The resource's score was `before`, 0 if that is not known, and is this now. */
void ranking_change_put(struct ranked_window *ranked, struct text resource_id, int64_t before, int64_t score);
/* A scan has come by the resource: it may belong into the top that is being made. */
void ranking_change_offer(struct ranked_window *ranked, struct text resource_id, int64_t score);
/* Adds the commands that tell what is untold. */
void ranking_change_tell_all(struct ranking_txn *txn, const struct ranking_state *state);

#endif
