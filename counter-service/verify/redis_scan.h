/* Reads every counter of Redis, some keys at a time while writes go on; each with the last entry of the outbox in the
 * same step, its cut: exactly the events of entries up to there are in its value. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REDIS_SCAN_H
#define TALLY_COUNTER_SERVICE_VERIFY_REDIS_SCAN_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify/counter_table.h"
#include "counter-service/verify/redis_reader.h"
#include "counter-service/verify/report.h"

struct redis_scan_result {
    struct stream_id cut; /* the greatest, at least the given one */
    /* What Tally cannot have written: keys whose rest is no resource_id, fields that are no counter_type. A key that
     * SCAN tells twice counts twice. */
    uint64_t strange_keys;
    uint64_t strange_fields;
};

/* Adds the shard's counters to the table. What is no number, or no hash, is reported as a difference. Returns 0, or -1
 * with error filled. */
int redis_scan(struct redis_reader *reader, struct shard shard, struct counter_table *table, struct report *report,
               struct redis_scan_result *result, struct error *error) MUST_CHECK;

#endif
