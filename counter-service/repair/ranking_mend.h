/* How a resource's sums are mended: by what its record lacked at an earlier moment, period by period and bucket by
 * bucket. What was counted since is right, and stays. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REPAIR_RANKING_MEND_H
#define TALLY_COUNTER_SERVICE_REPAIR_RANKING_MEND_H

#include <stdbool.h>
#include <stdint.h>

#include "counter-service/ranking/ranking_record.h"
#include "counter-service/verify_rankings/ranking_cut.h"
#include "counter-service/verify_rankings/ranking_sums.h"

/* What is missing. */
struct ranking_lack {
    const struct ranking_resource *resource;
    const int64_t *periods; /* the running ones then, of each window */
    const int64_t *cells;   /* by bucket */
};

/* What a resource becomes. */
struct ranking_mended {
    struct ranking_record record;
    int64_t *buckets; /* cells of now: what each bucket of the rolling windows then holds */
    bool *is_changed; /* of these */
};

/* found: the resource of that place in the cut, which keeps buckets; it is now. mended->buckets and is_changed have
 * room for the type's cells. */
void ranking_mend(const struct ranking_cut *cut, size_t type, size_t place, const struct ranking_lack *lack,
                  struct ranking_mended *mended);

#endif
