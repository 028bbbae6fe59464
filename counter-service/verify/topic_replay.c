#include "counter-service/verify/topic_replay.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/event/event_message.h"
#include "counter-service/verify/report.h"

enum { ENDS_AGAIN_MS = 200, POLL_MS = 100 };

/* While a partition gets another leader, or is new, brokers answer that they know of no such thing. So an error is one
 * only if it lasts. */
static int find_range(struct kafka_consumer *consumer, size_t partition, int timeout_ms, struct topic_range *ret_range,
                      struct error *error)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    while (kafka_consumer_ends(consumer, (int)partition, timeout_ms, &ret_range->first, &ret_range->end, error) != 0) {
        if (clock_monotonic_us() > give_up_us) {
            return -1;
        }
        clock_sleep_ms(ENDS_AGAIN_MS);
    }
    return 0;
}

int topic_replay_ranges(struct kafka_consumer *consumer, size_t partition_count, int timeout_ms,
                        struct topic_range *ret_ranges, struct error *error)
{
    for (size_t i = 0; i < partition_count; i++) {
        if (find_range(consumer, i, timeout_ms, &ret_ranges[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

struct reading {
    const struct topic_replay_plan *plan;
    struct topic_taker *taker;
    struct error *error;
    int64_t *ends; /* of each partition; INT64_MIN: it was read */
    size_t left;   /* partitions that are not read to their ends */
};

/* ---- from where to where ----------------------------------------------------------------------------------------- */

static int check_start(const struct reading *reading, size_t partition)
{
    const int64_t start = reading->plan->starts[partition];
    const int64_t first = reading->plan->ranges[partition].first;
    const int64_t end = reading->plan->ranges[partition].end;
    if (start < first) {
        error_set(reading->error,
                  "partition %zu of the topic begins with offset %" PRId64 ", and %" PRId64
                  " is needed: events were deleted (retention); %s can be compared with",
                  partition, first, start,
                  reading->plan->has_snapshot ? "only a newer snapshot" : "only a snapshot (--write-snapshot)");
        return -1;
    }
    if (start > end) {
        error_set(reading->error,
                  "partition %zu of the topic ends with offset %" PRId64 ", and the snapshot's is %" PRId64
                  ": the topic was made anew, and so must the snapshot be",
                  partition, end, start);
        return -1;
    }
    return 0;
}

static int set_ends(struct reading *reading)
{
    for (size_t i = 0; i < reading->plan->partition_count; i++) {
        if (check_start(reading, i) != 0) {
            return -1;
        }
        reading->ends[i] = reading->plan->ranges[i].end;
        reading->left++;
    }
    return 0;
}

/* next: the offset that comes next. */
static void look_for_end(struct reading *reading, size_t partition, int64_t next)
{
    if (reading->ends[partition] != INT64_MIN && next >= reading->ends[partition]) {
        assert(reading->left > 0);
        reading->left--;
        reading->ends[partition] = INT64_MIN;
        kafka_consumer_pause(reading->plan->consumer, (int)partition);
    }
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* False if the message says that it is something else. */
static bool find_format(const struct reading *reading, const struct kafka_received *received,
                        enum event_format *ret_format)
{
    struct text value;
    if (kafka_received_header(received, "ce_type", &value) && !text_equal(value, TEXT(EVENT_TYPE))) {
        return false;
    }
    *ret_format = reading->plan->format;
    return !kafka_received_header(received, "content-type", &value) || event_read_format(value, ret_format) == 0;
}

static int take_message(struct reading *reading, const struct kafka_received *received)
{
    enum event_format format;
    struct event_copy copy;
    const size_t partition = (size_t)received->partition;
    assert(partition < reading->plan->partition_count);
    if (received->offset >= reading->ends[partition]) {
        return 0; /* behind the end, or of a partition that was read */
    }
    if (!find_format(reading, received, &format) || event_read(format, received->value, &copy) != 0) {
        reading->taker->no_events++;
        return 0;
    }
    return reading->taker->take(reading->taker->owner, partition, &copy, reading->error);
}

static int tell_silence(const struct reading *reading)
{
    char timeout[CONFIG_NUMBER_SIZE];
    const char *trouble = kafka_consumer_trouble(reading->plan->consumer);
    config_units_format(CONFIG_UNIT_DURATION, reading->plan->timeout_ms, timeout);
    error_set(reading->error, "%zu partition%s of the topic cannot be read to the end: no message has come for %s%s%s",
              reading->left, report_plural(reading->left), timeout, trouble[0] == '\0' ? "" : ": ", trouble);
    return -1;
}

/* Messages behind the ends are no progress: they come as long as somebody writes. */
static int read_all(struct reading *reading)
{
    const int64_t timeout_us = (int64_t)reading->plan->timeout_ms * 1000;
    int64_t give_up_us = clock_monotonic_us() + timeout_us;
    while (reading->left > 0) {
        struct kafka_received received;
        switch (kafka_consumer_next(reading->plan->consumer, POLL_MS, &received, reading->error)) {
        case KAFKA_MESSAGE:
            if (take_message(reading, &received) != 0) {
                return -1;
            }
            if (received.offset < reading->ends[received.partition]) {
                give_up_us = clock_monotonic_us() + timeout_us;
            }
            look_for_end(reading, (size_t)received.partition, received.offset + 1);
            break;
        case KAFKA_AT_END:
            look_for_end(reading, (size_t)received.partition, received.offset);
            break;
        case KAFKA_NOTHING:
            break;
        case KAFKA_FAILED:
            return -1;
        }
        if (reading->left > 0 && clock_monotonic_us() > give_up_us) {
            return tell_silence(reading);
        }
    }
    return 0;
}

static int run(struct reading *reading)
{
    const struct topic_replay_plan *plan = reading->plan;
    if (set_ends(reading) != 0 ||
        kafka_consumer_assign(plan->consumer, plan->starts, (int)plan->partition_count, reading->error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < plan->partition_count; i++) {
        look_for_end(reading, i, plan->starts[i]);
    }
    return read_all(reading);
}

int topic_replay_run(const struct topic_replay_plan *plan, struct topic_taker *taker, struct error *error)
{
    struct reading reading = {.plan = plan, .taker = taker, .error = error};
    reading.ends = calloc(plan->partition_count, sizeof(*reading.ends));
    if (reading.ends == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    const int failed = run(&reading);
    free(reading.ends);
    return failed;
}
