/* What stands under tally:meta, tally:store and tally:{pN}:store while the data are on their way to another number of
 * partitions: who finds it serves nothing (redis_check_repartition). Pure functions.
 *
 *     layout=1 repartition=8 from=1 store=<store id> how=place phase=move resources=3 counters=4 check=0123456789abcdef
 *
 *     phase=check: nothing was moved yet; phase=move: resources, counters and check tell what there was before; phase=
 *     moved: all is at another Redis. how=place: within the same Redis or Redis Cluster; how=copy: to another one. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_MARK_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_MARK_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/contract/store_id.h"
#include "counter-service/repartition/repartition_totals.h"

enum { REPARTITION_MARK_SIZE = 256 };

enum repartition_phase { REPARTITION_CHECK, REPARTITION_MOVE, REPARTITION_MOVED };

struct repartition_mark {
    int to;
    int from;
    char store_id[STORE_ID_SIZE];
    bool is_copy;
    enum repartition_phase phase;
    struct repartition_totals totals; /* zero in REPARTITION_CHECK */
};

/* NUL-terminated. */
void repartition_mark_put(const struct repartition_mark *mark, char out[REPARTITION_MARK_SIZE]);
/* False if text is none. */
bool repartition_mark_read(struct text text, struct repartition_mark *ret_mark) MUST_CHECK;

#endif
