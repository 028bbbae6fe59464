/* Reads every counter of Redis, some keys at a time while writes go on; each with the last entry of its partition's
 * outbox in the same step, its cut: exactly the events of entries up to there are in its value.
 *
 *     of each Redis: SCAN ──> keys of its partitions ──> of each partition: counters and last entry, in a transaction
 *
 * Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REDIS_SCAN_H
#define TALLY_COUNTER_SERVICE_VERIFY_REDIS_SCAN_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify/counter_table.h"
#include "counter-service/verify/redis_readers.h"
#include "counter-service/verify/report.h"

struct redis_scan_result {
    struct stream_id *cuts; /* of each partition the greatest, at least the given one; the caller's */
    /* What Tally cannot have written: keys whose rest is no resource_id, fields that are no counter_type; and keys in a
     * partition that their resource is not in, which nobody reads. A key that SCAN tells twice counts twice. */
    uint64_t strange_keys;
    uint64_t misplaced_keys;
    uint64_t strange_fields;
};

/* Adds the shard's counters to the table. What is no number, or no hash, is reported as a difference. Returns 0, or -1
 * with error filled. */
int redis_scan(const struct redis_readers *readers, struct shard shard, struct counter_table *table,
               struct report *report, struct redis_scan_result *result, struct error *error) MUST_CHECK;

#endif
