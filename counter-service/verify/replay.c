#include "counter-service/verify/replay.h"

#include <assert.h>
#include <inttypes.h>

#include "common/base/wrap.h"
#include "counter-service/commands/redis_keys.h"

/* "article_001 like", for a format. */
#define NAME_FORMAT "%.*s %.*s"
#define NAME_OF(counter) \
    (int)(counter)->resource_id_len, (counter)->names, (int)(counter)->counter_type_len, \
        (counter)->names + (counter)->resource_id_len

/* An entry is never 0-0, which a counter without events has. */
static bool is_after_last(const struct counter *counter, const struct event *event)
{
    const int order = stream_id_compare(event->entry, counter->last_entry);
    return order > 0 || (order == 0 && event->place > counter->last_place);
}

static bool is_beyond(const struct replay *replay, const struct counter *counter, const struct event *event,
                      int partition)
{
    const bool is_known = counter != NULL && counter->in_redis != REDIS_LACKS_COUNTER;
    return stream_id_compare(event->entry, is_known ? counter->cut : replay->start_cuts[partition]) > 0;
}

static void count_beyond(struct replay *replay, const struct event *event, int partition)
{
    if (stream_id_compare(event->entry, replay->last_entries[partition]) <= 0) {
        replay->beyond++;
        return;
    }
    replay->lost++;
    if (stream_id_compare(event->entry, replay->lost_last) > 0) {
        replay->lost_last = event->entry;
    }
}

static void report_gap(const struct replay *replay, const struct counter *counter, const struct event *event)
{
    const struct event_id id = event_id_of(replay->store_id, event);
    report_difference(replay->report,
                      NAME_FORMAT ": events missing before %s (value %" PRId64 ", expected %" PRId64 ")",
                      NAME_OF(counter), id.text, event->value, wrap_add(counter->value, event->delta));
}

static void add(struct replay *replay, struct counter *counter, const struct event *event)
{
    const int64_t expected = wrap_add(counter->value, event->delta);
    if (event->has_value && event->value != expected) {
        report_gap(replay, counter, event);
    }
    counter->value = event->has_value ? event->value : expected;
    counter->sum = wrap_add(counter->sum, event->delta);
    counter->last_entry = event->entry;
    counter->last_place = event->place;
    replay->events++;
}

static void count_old(struct replay *replay, const struct counter *counter)
{
    if (counter->last_place == COUNTER_WHOLE_ENTRY) {
        replay->before_snapshot++;
    } else {
        replay->repetitions++;
    }
}

static int take_of_counter(struct replay *replay, size_t partition, const struct event *event, struct error *error)
{
    struct counter *counter = counter_table_take(replay->table, event->resource_id, event->counter_type);
    if (counter == NULL) {
        error_set(error, "out of memory: --shard lets several runs share the counters");
        return -1;
    }
    if (!is_after_last(counter, event)) {
        count_old(replay, counter);
        return 0;
    }
    if (counter->partition >= 0 && (size_t)counter->partition != partition) {
        error_set(error,
                  "counter " NAME_FORMAT " has events in partitions %d and %zu, and so in no order: the topic's number "
                  "of partitions was changed, and only a snapshot made since can be compared with",
                  NAME_OF(counter), counter->partition, partition);
        return -1;
    }
    counter->partition = (int32_t)partition;
    add(replay, counter, event);
    return 0;
}

int replay_take(void *owner, size_t partition, const struct event_copy *copy, struct error *error)
{
    struct replay *replay = owner;
    const struct event *event = &copy->event;
    assert(partition <= INT32_MAX);
    if (memcmp(copy->store, replay->store_id, EVENT_ID_STORE_LEN) != 0) {
        replay->other_stores++;
        return 0;
    }
    if (!shard_has(replay->shard, event->resource_id)) {
        return 0;
    }
    const int in_redis = redis_partition_of(event->resource_id, replay->partitions);
    if (is_beyond(replay, counter_table_find(replay->table, event->resource_id, event->counter_type), event,
                  in_redis)) {
        count_beyond(replay, event, in_redis);
        return 0;
    }
    return take_of_counter(replay, partition, event, error);
}

static bool is_of_damaged_resource(const struct replay *replay, const struct counter *counter)
{
    return counter_table_find(replay->table, counter_resource_id(counter), COUNTER_WHOLE_RESOURCE) != NULL;
}

static void report_lost(const struct replay *replay)
{
    if (replay->lost > 0) {
        report_difference(replay->report,
                          "%" PRIu64 " event%s up to entry %" PRIu64 "-%" PRIu64
                          " %s on the topic that Redis does not know: it has lost writes",
                          replay->lost, report_plural(replay->lost), replay->lost_last.ms, replay->lost_last.seq,
                          replay->lost == 1 ? "is" : "are");
    }
}

void replay_compare(const struct replay *replay)
{
    report_lost(replay);
    const struct counter *counter = NULL;
    while ((counter = counter_table_next(replay->table, counter)) != NULL) {
        if (counter->in_redis == REDIS_HAS_COUNTER && counter->sum != counter->redis_value) {
            report_difference(replay->report, NAME_FORMAT ": events say %" PRId64 ", redis has %" PRId64,
                              NAME_OF(counter), counter->sum, counter->redis_value);
        } else if (counter->in_redis == REDIS_LACKS_COUNTER && counter->sum != 0 &&
                   !is_of_damaged_resource(replay, counter)) {
            report_difference(replay->report, NAME_FORMAT ": events say %" PRId64 ", redis has none", NAME_OF(counter),
                              counter->sum);
        }
    }
}
