/* A snapshot: what a comparison may start from instead of the beginning of the topic. Text, its lines made of fields
 * with a tab between them:
 *
 *     tally-snapshot 1 <store id> <topic> <shard> <shards>
 *     partition <number> <offset>            each partition, from 0; the events that the counters lack are from there
 * on counter <value> <cut> <counter_type> <resource_id>            the events of entries up to the cut are in the value
 *     end <number of counters>
 *
 * Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_SNAPSHOT_FILE_H
#define TALLY_COUNTER_SERVICE_VERIFY_SNAPSHOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify/counter_table.h"

/* What a snapshot is of. */
struct snapshot_subject {
    const char *store_id;
    const char *topic;
    struct shard shard;
};

/* Adds the counters to the table. offsets: of partition_count partitions; those of partitions that the topic got since
 * become 0. A snapshot of another subject, or of more partitions, is an error. */
int snapshot_file_read(const char *path, const struct snapshot_subject *subject, struct counter_table *table,
                       int64_t *offsets, size_t partition_count, struct error *error) MUST_CHECK;
/* Whether a snapshot can be written to path, as far as can be known before. Leaves nothing behind. */
int snapshot_file_try(const char *path, struct error *error) MUST_CHECK;
/* Writes what Redis had. The file is there as a whole, or stays as it was; meanwhile path.tmp is used. A symbolic link
 * is followed; what is no regular file is never replaced. */
int snapshot_file_write(const char *path, const struct snapshot_subject *subject, const struct counter_table *table,
                        const int64_t *offsets, size_t partition_count, struct error *error) MUST_CHECK;

#endif
