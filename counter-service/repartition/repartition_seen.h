/* Which texts were seen, by their hashes: 16 to 32 bytes each. SCAN may tell a key twice. Two texts of one hash (64
 * bits) are one, in every run. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SEEN_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

/* Zero-initialised none was. */
struct repartition_seen {
    uint64_t *slots; /* 0: free */
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* 1: it is new; 0: it was seen before; -1: out of memory. */
int repartition_seen_add(struct repartition_seen *seen, struct text text) MUST_CHECK;
void repartition_seen_done(struct repartition_seen *seen);

#endif
