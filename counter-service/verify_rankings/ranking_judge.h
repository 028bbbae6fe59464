/* The rules by which what a cut found is right. Each top's string is as long as the state says, and as many are in it.
 * If so, of a resource in each top
 *
 *     it has a place if and only if its sum is not 0 and better than the floor; its score is its sum
 *
 * the sum being the record's or, of "all", the counter without what waits; and in each rolling window the record's sum
 * is the sum over the buckets, and its bucket's what that holds. No I/O but the report's. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_JUDGE_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_JUDGE_H

#include <stdbool.h>

#include "counter-service/verify/report.h"
#include "counter-service/verify_rankings/ranking_cut.h"

/* Differences of one partition, each of which is told once, however often its resource is looked at. */
struct ranking_told {
    struct report *report;
    struct counter_table resources; /* of which something is told */
    bool tops[RANKINGS_MAX][RANKING_WINDOWS_MAX][RANKING_SLOTS];
};

void ranking_told_init(struct ranking_told *told, struct report *report);
void ranking_told_done(struct ranking_told *told);

/* Tells which tops of the scope are damaged. */
void ranking_judge_tops(const struct ranking_cut *cut, size_t type, enum ranking_scope scope,
                        struct ranking_told *told);

/* told: NULL, to tell nothing. A damaged top's places are passed over. Returns whether all is right; when out of memory
 * a difference may be told twice. */
bool ranking_judge(const struct ranking_cut *cut, size_t type, enum ranking_scope scope,
                   const struct ranking_found *found, struct ranking_told *told);

/* Whether the record and the buckets of a rolling window belong together. */
bool ranking_judge_buckets(const struct ranked_window *ranked, size_t window, const struct ranking_found *found);

#endif
