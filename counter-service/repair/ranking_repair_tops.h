/* What a batch that is mended adds to the strings of a window's tops. */
#ifndef TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_TOPS_H
#define TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_TOPS_H

#include <stddef.h>

#include "counter-service/board/ranking_txn.h"
#include "counter-service/repair/ranking_repair_write.h"

/* Puts into the transaction, which has begun, what each mended resource of the cut becomes in the tops of its type's
 * window. A damaged top is left alone: nobody knows who is in it. When out of memory txn->requests.failed is set. */
void ranking_repair_put_tops(struct ranking_txn *txn, const struct ranking_cut *cut,
                             const struct ranking_repair_batch *batch, size_t window);

#endif
