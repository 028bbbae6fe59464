/* The state of the rankings (ranking_board.h) as whoever only looks at it has it: nothing is begun, watched or written.
 * Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_VIEW_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_VIEW_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/redis/redis_conn.h"

enum { RANKING_VIEW_NAME_SIZE = COUNTER_TYPE_LEN_MAX + 1 + RANKING_WINDOW_SIZE + 1 + RANKING_PERIOD_SIZE };

/* Reads HGETALL's answer into the boards, the position and the time of state, which is initialised. Returns 0, or -1
 * with error filled: there are no rankings, or a window is configured that the service does not keep. */
int ranking_view_read(struct ranking_state *state, const struct redis_reply *fields, struct error *error) MUST_CHECK;
/* Field v of HGETALL's answer; empty if it is not there. */
struct text ranking_view_version(const struct redis_reply *fields);
/* Whether both have the same periods and buckets, and so the same keys. */
bool ranking_view_same_keys(const struct ranking_state *a, const struct ranking_state *b);

/* Whether the events of the slot's period, or of the rolling window, are all counted, as far as the top knows. */
bool ranking_view_is_whole(const struct ranked_window *ranked, size_t slot);
/* The top is known to be wrong, and is being made anew. */
static inline bool ranking_view_is_unfilled(const struct ranked_window *ranked)
{
    return ranked->window.kind == RANKING_KIND_ALL && ranked->board.filling &&
           ranked->board.tops[0].since_ms != INT64_MIN;
}
/* The period that a slot's top is of. */
int64_t ranking_view_period(const struct ranked_window *ranked, size_t slot);
/* The first of the buckets that make up a rolling window: those before it have left. */
static inline int64_t ranking_view_first_bucket(const struct ranked_window *ranked, int64_t period)
{
    return period - ranked->window.bucket_count + 1;
}
/* When the period, or the rolling window that ends with this bucket, began: ms since 1970. */
int64_t ranking_view_start_ms(const struct ranked_window *ranked, int64_t period);
/* "like day 2026-11-28", "like 1h" */
void ranking_view_name(const struct ranked_window *ranked, int64_t period, char out[RANKING_VIEW_NAME_SIZE]);

#endif
