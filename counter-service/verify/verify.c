#include "counter-service/verify/verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/verify/redis_scan.h"
#include "counter-service/verify/relay_wait.h"
#include "counter-service/verify/replay.h"
#include "counter-service/verify/snapshot_file.h"
#include "counter-service/verify/topic_replay.h"

struct verify {
    /* immutable after begin */
    const struct config *config;
    const struct verify_options *options;
    struct error *error;
    struct snapshot_subject subject;
    size_t partition_count; /* of the topic */

    struct report report;
    struct redis_readers redis;
    struct kafka_consumer *consumer;
    struct counter_table table;
    /* of each partition of the topic */
    int64_t *starts; /* where it is read from */
    int64_t *snapshot_offsets;
    struct topic_range *ranges;
    /* of each partition of Redis: its last entry when the scan began, and when all messages were on the topic */
    struct stream_id *start_cuts;
    struct stream_id *last_entries;
    struct redis_scan_result scanned;
    uint64_t no_events; /* messages of the topic that are none */
};

/* ---- the steps, each of which returns 0, or -1 with error filled ------------------------------------------------- */

static int open_kafka(struct verify *verify)
{
    int count;
    verify->consumer = kafka_consumer_create(verify->config, verify->error);
    if (verify->consumer == NULL ||
        kafka_consumer_partitions(verify->consumer, verify->options->timeout_ms, &count, verify->error) != 0) {
        return -1;
    }
    assert(count > 0);
    verify->partition_count = (size_t)count;
    verify->starts = calloc(verify->partition_count, sizeof(*verify->starts));
    verify->snapshot_offsets = calloc(verify->partition_count, sizeof(*verify->snapshot_offsets));
    verify->ranges = calloc(verify->partition_count, sizeof(*verify->ranges));
    if (verify->starts == NULL || verify->snapshot_offsets == NULL || verify->ranges == NULL) {
        error_set(verify->error, "out of memory");
        return -1;
    }
    return 0;
}

static int open_redis(struct verify *verify)
{
    if (redis_readers_open(&verify->redis, verify->config, verify->error) != 0) {
        return -1;
    }
    const size_t count = (size_t)verify->redis.count;
    verify->start_cuts = calloc(count, sizeof(*verify->start_cuts));
    verify->last_entries = calloc(count, sizeof(*verify->last_entries));
    verify->scanned.cuts = calloc(count, sizeof(*verify->scanned.cuts));
    if (verify->start_cuts == NULL || verify->last_entries == NULL || verify->scanned.cuts == NULL) {
        error_set(verify->error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (redis_reader_check_outbox(&verify->redis.all[i], verify->error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int begin(struct verify *verify)
{
    const char *snapshot = verify->options->write_snapshot;
    if (snapshot != NULL && snapshot_file_try(snapshot, verify->error) != 0) {
        return -1;
    }
    if (verify->config->kafka.broker_count == 0) {
        error_set(verify->error, "kafka.brokers is empty: there are no events to compare with");
        return -1;
    }
    if (open_redis(verify) != 0 || open_kafka(verify) != 0) {
        return -1;
    }
    verify->subject = (struct snapshot_subject){
        .store_id = verify->redis.store_id,
        .topic = verify->config->kafka.topic,
        .shard = verify->options->shard,
    };
    report_line(&verify->report, "store %s, topic %s, %zu partition%s", verify->redis.store_id,
                verify->config->kafka.topic, verify->partition_count, report_plural(verify->partition_count));
    return 0;
}

static int read_snapshot(struct verify *verify)
{
    if (verify->options->snapshot == NULL) {
        return 0;
    }
    return snapshot_file_read(verify->options->snapshot, &verify->subject, &verify->table, verify->starts,
                              verify->partition_count, verify->error);
}

static int read_last_entries(struct verify *verify, struct stream_id *ret_entries)
{
    for (int i = 0; i < verify->redis.count; i++) {
        if (redis_reader_last_entry(&verify->redis.all[i], &ret_entries[i], verify->error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int scan_redis(struct verify *verify)
{
    if (read_last_entries(verify, verify->start_cuts) != 0) {
        return -1;
    }
    memcpy(verify->scanned.cuts, verify->start_cuts, (size_t)verify->redis.count * sizeof(*verify->start_cuts));
    return redis_scan(&verify->redis, verify->options->shard, &verify->table, &verify->report, &verify->scanned,
                      verify->error);
}

/* The ends come first: an event that is behind them was added after they were asked for, or is beyond them because it
 * was published later. So from there on are all events that a counter's value may lack. */
static int scan(struct verify *verify)
{
    if (verify->options->write_snapshot != NULL &&
        topic_replay_ranges(verify->consumer, verify->partition_count, verify->options->timeout_ms, verify->ranges,
                            verify->error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < verify->partition_count; i++) {
        verify->snapshot_offsets[i] = verify->ranges[i].end;
    }
    return scan_redis(verify);
}

/* Now that all events that are needed are published: they are in the partitions that are known. */
static int check_partitions(struct verify *verify)
{
    int count;
    if (kafka_consumer_partitions(verify->consumer, verify->options->timeout_ms, &count, verify->error) != 0) {
        return -1;
    }
    if ((size_t)count != verify->partition_count) {
        error_set(verify->error, "the topic's number of partitions was changed meanwhile, from %zu to %d",
                  verify->partition_count, count);
        return -1;
    }
    return 0;
}

/* Every event before the ends is of an entry that Redis had before they were asked for, unless it has lost writes. */
static int find_ends(struct verify *verify)
{
    return topic_replay_ranges(verify->consumer, verify->partition_count, verify->options->timeout_ms, verify->ranges,
                               verify->error) != 0
               ? -1
               : read_last_entries(verify, verify->last_entries);
}

static int read_topic(struct verify *verify, struct replay *replay)
{
    struct topic_taker taker = {.take = replay_take, .owner = replay};
    const struct topic_replay_plan plan = {
        .consumer = verify->consumer,
        .format = verify->config->kafka.format,
        .starts = verify->starts,
        .ranges = verify->ranges,
        .partition_count = verify->partition_count,
        .has_snapshot = verify->options->snapshot != NULL,
        .timeout_ms = verify->options->timeout_ms,
    };
    *replay = (struct replay){
        .table = &verify->table,
        .report = &verify->report,
        .shard = verify->options->shard,
        .store_id = verify->redis.store_id,
        .partitions = verify->redis.count,
        .start_cuts = verify->start_cuts,
        .last_entries = verify->last_entries,
    };
    if (find_ends(verify) != 0 || topic_replay_run(&plan, &taker, verify->error) != 0) {
        return -1;
    }
    verify->no_events = taker.no_events;
    return 0;
}

static int read_events(struct verify *verify, struct replay *replay)
{
    for (int i = 0; i < verify->redis.count; i++) {
        if (relay_wait(&verify->redis.all[i], verify->scanned.cuts[i], verify->options->timeout_ms, verify->error) !=
            0) {
            return -1;
        }
    }
    return check_partitions(verify) == 0 ? read_topic(verify, replay) : -1;
}

/* Whatever the comparison says, but that Redis has lost writes: whoever started from there would never see it. */
static int write_snapshot(struct verify *verify, const struct replay *replay, struct error *error)
{
    const char *path = verify->options->write_snapshot;
    if (path == NULL) {
        return 0;
    }
    if (replay->lost > 0) {
        report_line(&verify->report, "no snapshot is written");
        return 0;
    }
    if (snapshot_file_write(path, &verify->subject, &verify->table, verify->snapshot_offsets, verify->partition_count,
                            error) != 0) {
        return -1;
    }
    report_line(&verify->report, "snapshot written to %s", path);
    return 0;
}

/* ---- what it was ------------------------------------------------------------------------------------------------- */

/* Only what there was any of. */
static void report_rest(const struct report *report, uint64_t count, const char *one, const char *several)
{
    if (count > 0) {
        report_line(report, "%" PRIu64 " %s", count, count == 1 ? one : several);
    }
}

static void report_counts(const struct verify *verify, const struct replay *replay)
{
    const struct report *report = &verify->report;
    const uint64_t counters = verify->table.count;
    report_line(report, "%" PRIu64 " event%s, %" PRIu64 " repetition%s, %" PRIu64 " counter%s", replay->events,
                report_plural(replay->events), replay->repetitions, report_plural(replay->repetitions), counters,
                report_plural(counters));
    report_rest(report, replay->before_snapshot, "event is in the snapshot", "events are in the snapshot");
    report_rest(report, replay->beyond, "event came after Redis was read", "events came after Redis was read");
    report_rest(report, replay->other_stores, "event is another store's", "events are other stores'");
    report_rest(report, verify->scanned.strange_keys, "key of Redis has a resource_id that Tally does not take",
                "keys of Redis have a resource_id that Tally does not take");
    report_rest(report, verify->scanned.misplaced_keys, "key of Redis is in a partition that its resource is not in",
                "keys of Redis are in partitions that their resources are not in");
    report_rest(report, verify->scanned.strange_fields, "field of Redis is no counter_type that Tally takes",
                "fields of Redis are no counter_types that Tally takes");
    report_rest(report, verify->no_events, "message is no event", "messages are no events");
}

static int run(struct verify *verify)
{
    struct replay replay = {.lost = 0};
    if (begin(verify) != 0 || read_snapshot(verify) != 0 || scan(verify) != 0) {
        return VERIFY_FAILED;
    }
    if (read_events(verify, &replay) != 0) {
        (void)!write_snapshot(verify, &replay, NULL); /* the other reason is told */
        return VERIFY_FAILED;
    }
    if (write_snapshot(verify, &replay, verify->error) != 0) {
        return VERIFY_FAILED;
    }
    report_counts(verify, &replay);
    replay_compare(&replay);
    report_end(&verify->report);
    return verify->report.differences == 0 ? VERIFY_EQUAL : VERIFY_DIFFERENT;
}

int verify_run(const struct config *config, const struct verify_options *options, FILE *out, struct error *error)
{
    struct verify verify = {
        .config = config,
        .options = options,
        .error = error,
        .report = {.out = out, .shows_all = options->shows_all},
    };
    counter_table_init(&verify.table);
    const int code = run(&verify);
    counter_table_done(&verify.table);
    free(verify.starts);
    free(verify.snapshot_offsets);
    free(verify.ranges);
    free(verify.start_cuts);
    free(verify.last_entries);
    free(verify.scanned.cuts);
    kafka_consumer_free(verify.consumer);
    redis_readers_close(&verify.redis);
    return code;
}
