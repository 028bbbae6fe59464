/* One step of a scan (ranking_scan.h). Private to ranking_scan*.c. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_SCAN_STEP_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_SCAN_STEP_H

#include "counter-service/aggregator/ranking_scan.h"

/* Its place among the type's windows; their count if it has none. */
size_t ranking_scan_all_window(const struct ranked_type *type);
/* Each gathers changes in work, which is clear, and its transaction, which has begun. *ret_end: all was scanned. */
int ranking_scan_records(struct ranking_scan *scan, const struct ranking_state *state, struct ranking_work *work,
                         const struct outbox_conn *conn, bool *ret_end, struct error *error) MUST_CHECK;
int ranking_scan_counters(struct ranking_scan *scan, const struct ranking_state *state, struct ranking_work *work,
                          const struct outbox_conn *conn, bool *ret_end, struct error *error) MUST_CHECK;

#endif
