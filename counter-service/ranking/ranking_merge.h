/* What stands of one ranking in each partition, as one snapshot. A resource is in one partition, so who stands where in
 * all of them follows from who stands where in each. Pure functions.
 *
 * What may be said of the whole is true of every part: it is as of the earliest of them (of some resources later events
 * are counted too), whole since the latest, and lets go of what has left it if one of them does. A place is kept if
 * nobody who stands outside a part's top can be before it; so a part without a top, which nobody has begun to count,
 * leaves none.
 *
 * The running period is the latest of the parts'. A part that has not come to the period asked for has counted no event
 * of it: nobody of it has a place. Rolling windows are each as of their part. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_MERGE_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_MERGE_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_question.h"
#include "counter-service/ranking/ranking_snapshot.h"

/* parts: of each partition what was read for the question, at least one, with the order; they stay the caller's, and
 * are not needed afterwards. The result is held once; it has the best of all, as many as a part's top has at most. Its
 * marks tell the time that it is as of, and no more; the total is as of that time too, or later. Returns STATUS_OK or
 * STATUS_OUT_OF_MEMORY. */
enum status ranking_merge(const struct ranking_question *question, struct ranking_snapshot *const *parts, size_t count,
                          struct ranking_snapshot **ret_merged) MUST_CHECK;

#endif
