/* Changes of one window's order: who comes into the running top, moves in it, and leaves it; likewise in the top that
 * is being made. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"

/* Arguments of ZADD and ZREM. */
struct ranking_set_change {
    struct ranking_words added;
    struct ranking_words removed;
};

struct ranking_change {
    struct ranking_set_change top;
    struct ranking_set_change fresh;
};

void ranking_change_init(struct ranking_change *change);
void ranking_change_done(struct ranking_change *change);
void ranking_change_clear(struct ranking_change *change);

/* The resource's score became `after`. before: what it was, NULL if that is not known. */
void ranking_change_put(struct ranking_change *change, const struct ranked_window *ranked, struct text resource_id,
                        const int64_t *before, int64_t after);
/* A scan has come by the resource: it may belong into the top that is being made. */
void ranking_change_offer(struct ranking_change *change, const struct ranked_window *ranked, struct text resource_id,
                          int64_t score);
/* Adds the commands, and asks for the sizes of the sets that change. */
void ranking_change_add(const struct ranking_change *change, struct ranking_txn *txn, const struct ranking_state *state,
                        struct ranked_window *ranked);

#endif
