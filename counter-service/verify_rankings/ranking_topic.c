#include "counter-service/verify_rankings/ranking_topic.h"

#include <assert.h>
#include <stdlib.h>

#include "counter-service/verify/relay_wait.h"

int ranking_topic_open(struct ranking_topic *topic, const struct config *config, int timeout_ms, struct error *error)
{
    int count;
    *topic = (struct ranking_topic){.config = config, .timeout_ms = timeout_ms};
    topic->consumer = kafka_consumer_create(config, error);
    if (topic->consumer == NULL || kafka_consumer_partitions(topic->consumer, timeout_ms, &count, error) != 0) {
        return -1;
    }
    assert(count > 0);
    topic->partition_count = (size_t)count;
    topic->ranges = calloc(topic->partition_count, sizeof(*topic->ranges));
    topic->starts = calloc(topic->partition_count, sizeof(*topic->starts));
    if (topic->ranges == NULL || topic->starts == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    return 0;
}

void ranking_topic_close(struct ranking_topic *topic)
{
    kafka_consumer_free(topic->consumer);
    free(topic->ranges);
    free(topic->starts);
    free(topic->first_ms);
    *topic = (struct ranking_topic){.consumer = NULL};
}

static int64_t *first_ms_of(const struct ranking_topic *topic, size_t partition, int ranked)
{
    return &topic->first_ms[partition * (size_t)topic->ranked->count + (size_t)ranked];
}

/* Events are missing before the first one of a partition whose beginning was deleted: of each partition of the
 * rankings, since only their own are in order. */
static int take(void *owner, size_t partition, const struct event_copy *copy, struct error *error)
{
    struct ranking_topic *topic = owner;
    const int place = redis_partition_of(copy->event.resource_id, topic->ranked->count);
    struct ranked_partition *ranked = &topic->ranked->all[place];
    int64_t *first_ms = first_ms_of(topic, partition, place);
    if (*first_ms == INT64_MAX && copy->event.entry.ms <= INT64_MAX) {
        *first_ms = (int64_t)copy->event.entry.ms + 1;
    }
    return ranking_events_take(&ranked->events, ranked->cut.state, copy, error);
}

static int64_t complete_ms_of(const struct ranking_topic *topic, int ranked)
{
    int64_t complete_ms = INT64_MIN;
    for (size_t i = 0; i < topic->partition_count; i++) {
        const int64_t first_ms = *first_ms_of(topic, i, ranked);
        complete_ms = first_ms > complete_ms ? first_ms : complete_ms;
    }
    return complete_ms;
}

/* Now that all events that are needed are published, they are before the ends. */
static int find_ranges(struct ranking_topic *topic, struct error *error)
{
    if (topic_replay_ranges(topic->consumer, topic->partition_count, topic->timeout_ms, topic->ranges, error) != 0) {
        return -1;
    }
    free(topic->first_ms);
    topic->first_ms = calloc(topic->partition_count * (size_t)topic->ranked->count, sizeof(*topic->first_ms));
    if (topic->first_ms == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < topic->partition_count; i++) {
        topic->starts[i] = topic->ranges[i].first;
        for (int ranked = 0; ranked < topic->ranked->count; ranked++) {
            *first_ms_of(topic, i, ranked) = topic->ranges[i].first > 0 ? INT64_MAX : INT64_MIN;
        }
    }
    return 0;
}

static int await_relay(const struct ranking_topic *topic, struct error *error)
{
    for (int i = 0; i < topic->ranked->count; i++) {
        const struct ranked_partition *ranked = &topic->ranked->all[i];
        if (relay_wait(ranked->reader, ranked->events.last, topic->timeout_ms, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int ranking_topic_read(struct ranking_topic *topic, struct ranked_partitions *ranked, struct error *error)
{
    struct topic_taker taker = {.take = take, .owner = topic};
    topic->ranked = ranked;
    if (await_relay(topic, error) != 0 || find_ranges(topic, error) != 0) {
        return -1;
    }
    const struct topic_replay_plan plan = {
        .consumer = topic->consumer,
        .format = topic->config->kafka.format,
        .starts = topic->starts,
        .ranges = topic->ranges,
        .partition_count = topic->partition_count,
        .timeout_ms = topic->timeout_ms,
    };
    if (topic_replay_run(&plan, &taker, error) != 0) {
        return -1;
    }
    topic->no_events = taker.no_events;
    for (int i = 0; i < ranked->count; i++) {
        ranked->all[i].complete_ms = complete_ms_of(topic, i);
    }
    return 0;
}
