/* Keys that one step of a scan has found, of which some are picked: those that are in two places are compared, and
 * deleted in the one that they are leaving. Owned by one thread. Functions return 0, or -1 with parcel->error filled.
 */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_PARCEL_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_PARCEL_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_scan.h"
#include "counter-service/repartition/repartition_site.h"

struct repartition_parcel {
    struct repartition_site *from;
    struct redis_conn *conn;     /* of from: the keys are there */
    struct repartition_site *to; /* may be the same one */
    struct repartition_found *found;
    size_t count;
    struct error *error;
};

#define REPARTITION_EACH_PICKED(parcel, one) \
    for (struct repartition_found *one = (parcel)->found; (one) < (parcel)->found + (parcel)->count; (one)++) \
        if ((one)->picked)

/* Appends the key's name in another partition. */
void repartition_parcel_put_name(struct buffer *out, int partition, struct text rest);
size_t repartition_parcel_picked(const struct repartition_parcel *parcel);

/* Compares those that are picked with what is under their names in the partition .to, which must be at the Redis of
 * conn: they must be the same. One that is not here any more is not picked any more. */
int repartition_parcel_compare(struct repartition_parcel *parcel, struct redis_conn *conn) MUST_CHECK;
/* Deletes those that are picked. */
int repartition_parcel_unlink(struct repartition_parcel *parcel) MUST_CHECK;

#endif
