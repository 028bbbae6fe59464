/* Changes of one window's order: who comes into the running top, moves in it, and leaves it; likewise in the top that
 * is being made. The tables change at once, Redis with the transaction. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"

struct ranking_change {
    struct buffer places; /* to be added to the top's string; failed: memory ran out, of the tables too */
};

void ranking_change_init(struct ranking_change *change);
void ranking_change_done(struct ranking_change *change);
void ranking_change_clear(struct ranking_change *change);

/* The resource's score was `before`, 0 if that is not known, and is this now. */
void ranking_change_put(struct ranking_change *change, struct ranked_window *ranked, struct text resource_id,
                        int64_t before, int64_t score);
/* A scan has come by the resource: it may belong into the top that is being made. */
void ranking_change_offer(struct ranking_change *change, struct ranked_window *ranked, struct text resource_id,
                          int64_t score);
/* Adds the commands. */
void ranking_change_add(const struct ranking_change *change, struct ranking_txn *txn, const struct ranking_state *state,
                        struct ranked_window *ranked);

#endif
