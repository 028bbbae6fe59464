/* Brings counters and idempotency records to the partition of their resource under another number of partitions: within
 * one Redis by RENAMENX, else by DUMP and RESTORE. A key that is where it belongs is passed over, so a run goes on
 * where one before was ended. What goes from one node of a Redis Cluster to another stays where it was until
 * repartition_move_drop. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_MOVE_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_MOVE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_site.h"
#include "counter-service/verify/report.h"

struct repartition_move {
    /* given */
    struct repartition_site *from;
    struct repartition_site *to; /* the same one: keys are moved; another: they are copied over what is there */
    int partitions_from;
    int partitions_to;
    const volatile sig_atomic_t *interrupted;
    const struct report *report;
    /* done; whoever moves starts with zero */
    uint64_t resources;
    uint64_t records;
    uint64_t copies;  /* keys that stay at another node of the cluster */
    uint64_t dropped; /* of these */
    int64_t told_us;  /* monotonic: when the report was given its last line */
};

/* One pass over all keys. Keys of rankings and sessions are dropped where keys are moved. Fails where a resource has
 * counters in both partitions and they are not the same: one of them was written by somebody else. Returns 0, or -1
 * with error filled. */
int repartition_move(struct repartition_move *move, struct error *error) MUST_CHECK;
/* Another pass, in a Redis Cluster: deletes each key of which there is a copy, the same, where it belongs. Only when
 * the copies are kept (repartition_settle.h). Returns 0, or -1 with error filled. */
int repartition_move_drop(struct repartition_move *move, struct error *error) MUST_CHECK;

#endif
