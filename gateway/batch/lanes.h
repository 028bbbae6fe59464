/* Which lanes of a session carry an open batch, and which one the next batch takes. Pure; owned by its session.
 *
 *   free ──> open ──> closed: free again
 *     ▲        └────> given up: its batch ended unknown, a copy of it may still take effect
 *     └── the next batch on a given-up lane makes that copy a refusal, so it is taken before all others
 */
#ifndef TALLY_GATEWAY_BATCH_LANES_H
#define TALLY_GATEWAY_BATCH_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/contract/limits.h"

enum { LANES_A_WORD = 64, LANE_WORDS = SESSION_LANES / LANES_A_WORD };

struct lanes {
    uint64_t free[LANE_WORDS]; /* bit n of word w: lane 64 w + n */
    uint64_t open[LANE_WORDS];
    uint16_t given_up[SESSION_LANES]; /* a stack */
    unsigned free_count;
    unsigned open_count;
    unsigned given_up_count;
};

/* All lanes are free. */
void lanes_init(struct lanes *lanes);

/* Takes the lane that was given up last, else the lowest free one. False: every lane is open. */
bool lanes_take(struct lanes *lanes, unsigned *ret_lane) MUST_CHECK;
bool lanes_any_left(const struct lanes *lanes);

/* The batch of an open lane ended, and no copy of it can take effect any more. */
void lanes_close(struct lanes *lanes, unsigned lane);
/* The batch of an open lane ended unknown, and will not be sent again. */
void lanes_give_up(struct lanes *lanes, unsigned lane);

#endif
