/* A rolling window lets go of what has left it: takes the sums of its oldest bucket out of the records, some at a time,
 * and these resources out of the bucket. What is still in the bucket is still in the sums. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_RELEASE_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_RELEASE_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/aggregator/scan_cursor.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/outbox/outbox_conn.h"

/* Where the scan of a bucket is. */
struct ranking_release {
    const struct ranked_window *ranked;
    int64_t bucket;
    struct scan_cursor cursor;
};

/* Whether a window has something to let go of. */
bool ranking_release_has_work(struct ranking_state *state);
/* Takes a step, if a window has something to let go of. Returns 1 if it had, 0 if none had; or -1 with error filled, as
 * ranking_txn_commit. */
int ranking_release_step(struct ranking_release *release, struct ranking_state *state, struct ranking_work *work,
                         const struct outbox_conn *conn, struct error *error) MUST_CHECK;

#endif
