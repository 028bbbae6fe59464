/* Mends a few resources in one transaction (ranking_repair.h). Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_WRITE_H
#define TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repair/ranking_mend.h"

enum { RANKING_REPAIR_MAX = 16 };

/* Resources of one type. */
struct ranking_repair_batch {
    size_t cells_max; /* of any type */
    size_t type;
    size_t count;
    struct text ids[RANKING_REPAIR_MAX];
    struct ranking_lack lacks[RANKING_REPAIR_MAX];
    int64_t *cells; /* of the lacks, cells_max each */
    struct ranking_mended mended[RANKING_REPAIR_MAX];
    bool is_skipped[RANKING_REPAIR_MAX]; /* it had no record, and has one now */
};

/* Returns 0; or -1 with error filled, and ranking_repair_batch_done to be called. */
int ranking_repair_batch_init(struct ranking_repair_batch *batch, const struct ranking_cut *cut, struct error *error)
    MUST_CHECK;
void ranking_repair_batch_done(struct ranking_repair_batch *batch);

/* How many resources of the type go into a batch. */
size_t ranking_repair_room(const struct ranking_cut *cut, size_t type);
/* Reads the resources, and writes what they become. *ret_is_done: false if somebody else has written in between, and
 * nothing is done. *ret_skipped: how many were left as they are. Returns 0, or -1 with error filled. */
int ranking_repair_write(struct ranking_cut *cut, struct ranking_repair_batch *batch, bool *ret_is_done,
                         size_t *ret_skipped, struct error *error) MUST_CHECK;

#endif
