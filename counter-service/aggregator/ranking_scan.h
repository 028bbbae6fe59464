/* The scans behind the rankings, a step at a time, beside the events:
 *
 *     over the records of a type   makes the tops anew that have lost too many members, and drops records of which
 *                                  nothing is in any window any more (each hour)
 *     over all counters            the same for the window "all", which has no records
 *
 * A top that is made anew begins empty and unbounded; from then on events change it too. When the scan has come by
 * everything that was there from its beginning, it holds what the old one should, and takes its place. Owned by one
 * thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_SCAN_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/aggregator/scan_cursor.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/outbox/outbox_conn.h"

/* Zero-initialised: none has begun. To be zeroed when the state is loaded anew. */
struct ranking_scan {
    bool is_active;
    bool of_counters;
    size_t type; /* its place */
    struct scan_cursor cursor;
    /* Of counters: all were read, the last one when the outbox ended here. They are ahead of the events until then. */
    bool has_ended;
    struct stream_id end;
    int64_t end_us;                 /* monotonic */
    int64_t swept_ms[RANKINGS_MAX]; /* the rankings' time at which the last scan of the type's records began */
};

/* Whether a scan is under way, or one is wanted. */
bool ranking_scan_has_work(struct ranking_scan *scan, const struct ranking_state *state);
/* Begins, continues or ends a scan. counted_us: every event that was in the outbox then, monotonic, is counted.
 * Returns 1 if there was something to do, 0 if there was nothing; or -1 with error
 * filled, as ranking_txn_commit. */
int ranking_scan_step(struct ranking_scan *scan, struct ranking_state *state, struct ranking_work *work,
                      const struct outbox_conn *conn, int64_t counted_us, struct error *error) MUST_CHECK;

#endif
