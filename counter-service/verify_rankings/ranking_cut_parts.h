/* The questions of a cut's transaction, and the answers, in this order:
 *
 *     the state, the outbox's last number, its entries from the position on
 *     the records of all resources; or the counter of each
 *     each window in the scope: of each top its string's length and what was added to it, and what is in each bucket
 *     from the oldest to the newest
 *
 * Private to ranking_cut*.c. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CUT_PARTS_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CUT_PARTS_H

#include "counter-service/verify_rankings/ranking_cut.h"

enum { RANKING_STATE_ANSWERS = 3, RANKING_TOP_ANSWERS = 2 };

/* How many buckets of a rolling window hold anything. */
int64_t ranking_cut_buckets(const struct ranked_window *ranked);
/* Puts the questions into the reader's requests. Returns how many commands they are, within MULTI and EXEC. */
size_t ranking_cut_ask(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                       size_t count);
/* Each returns 0, or -1 with error filled. */
int ranking_cut_read_state(struct ranking_cut *cut, struct ranking_state *state, const struct redis_reply *results,
                           struct error *error) MUST_CHECK;
int ranking_cut_read_resources(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                               size_t count, const struct redis_reply *results, struct error *error) MUST_CHECK;

#endif
