#include "counter-service/outbox/relay_kafka.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_topic.h"

enum {
    TOPIC_TIMEOUT_MS = 3000,
    LOOK_MS = 5000,
    VALUE_KEEP_BYTES = 4096,
    /* Of one partition, before it is another one's turn. */
    TURN_EVENTS = 100,
};

/* ---- the producer ---- */

/* A broker or topic that takes no request so large may take a smaller one. */
static void fail_producer(struct relay_run *run)
{
    const bool shrinks = kafka_producer_batch_too_large(run->producer) && run->batch_messages_max != 1;
    if (shrinks) {
        const int before = run->batch_messages_max > 0 ? run->batch_messages_max : RELAY_WINDOW;
        run->batch_messages_max = before / 4 > 0 ? before / 4 : 1;
        log_info("events", "smaller requests to kafka", LOG_INT("messages_max", run->batch_messages_max));
    }
    relay_run_fail(run);
    if (shrinks) {
        run->retry_us = clock_monotonic_us();
    }
}

static void on_acknowledged(void *ctx, void *tag)
{
    struct relay_run *run = ctx;
    assert(run->open > 0);
    run->open--;
    outbox_entry_event_done(tag, &run->orphans);
    metrics_add(run->metrics.published, 1);
    run->published_us = clock_realtime_us();
    relay_run_recover(run);
}

static void start_producer(struct relay_run *run)
{
    const struct kafka_producer_options options = {
        .config = run->config,
        .batch_messages_max = run->batch_messages_max,
        .on_acknowledged = on_acknowledged,
        .ctx = run,
    };
    run->producer = kafka_producer_create(&options, &run->trouble);
    if (run->producer == NULL) {
        relay_run_fail(run);
    }
}

/* ---- the topic ---- */

/* Nothing that is sent would tell whether a broker is there again: it is asked now and then. */
static void look_after_idle_producer(struct relay_run *run)
{
    const int64_t now_us = clock_monotonic_us();
    if (run->open == 0 && kafka_producer_trouble(run->producer)[0] != '\0' && now_us >= run->look_us + LOOK_MS * 1000) {
        run->look_us = now_us;
        run->topic_is_there = false;
    }
}

static void settle_topic(struct relay_run *run)
{
    run->topic_is_there = kafka_topic_ensure(run->producer, TOPIC_TIMEOUT_MS, &run->trouble) == 0;
    if (!run->topic_is_there) {
        relay_run_wait(run);
    }
}

/* ---- events ---- */

static enum kafka_outcome send_event(struct relay_run *run, const struct event *event, struct outbox_entry *entry)
{
    buffer_clear(&run->value, VALUE_KEEP_BYTES);
    event_writer_put(&run->writer, event, &run->value);
    if (run->value.failed) {
        return KAFKA_FULL;
    }
    return kafka_producer_send(run->producer, &(struct kafka_message){
                                                  .key = event->resource_id,
                                                  .value = {run->value.data, run->value.len},
                                                  .headers = run->writer.headers,
                                                  .header_count = run->writer.header_count,
                                                  .tag = entry,
                                              });
}

/* Messages tell whose store they are of; nearly always it is the same. */
static void write_as(struct relay_run *run, const char *store_id)
{
    if (strcmp(run->writer.store_id, store_id) != 0) {
        event_writer_init(&run->writer, run->config->kafka.format, store_id);
    }
}

/* Some of a partition's. Returns how many; *ret_full: nobody can send more for now. */
static size_t send_some(struct relay_run *run, size_t i, bool *ret_full)
{
    size_t sent = 0;
    struct event event;
    struct outbox_entry *entry;
    struct outbox_follower *follower = &run->set.members[i].follower;
    const struct outbox_conn *conn = outbox_set_conn(&run->set, i);
    if (!follower->owns || conn == NULL || outbox_set_is_leaving(&run->set, i)) {
        return 0;
    }
    write_as(run, conn->store_id);
    while (sent < TURN_EVENTS && outbox_follower_peek(follower, &event, &entry)) {
        if (run->open == RELAY_WINDOW || send_event(run, &event, entry) != KAFKA_OK) {
            *ret_full = true;
            return sent;
        }
        outbox_follower_take(follower);
        run->open++;
        sent++;
    }
    return sent;
}

/* Partition by partition: one that has many events keeps none of the others back. */
static void send_all(struct relay_run *run)
{
    bool is_full = false;
    size_t sent = 1;
    while (sent > 0 && !is_full) {
        sent = 0;
        for (size_t k = 0; k < run->set.count && !is_full; k++) {
            sent += send_some(run, run->next, &is_full);
            run->next = (run->next + 1) % run->set.count;
        }
    }
}

int relay_kafka_turn(struct relay_run *run)
{
    if (run->producer == NULL) {
        start_producer(run);
    }
    if (run->producer != NULL) {
        look_after_idle_producer(run);
    }
    if (run->producer != NULL && !run->topic_is_there) {
        settle_topic(run);
    }
    if (run->producer == NULL || !run->topic_is_there) {
        return RELAY_IDLE_MS;
    }
    if (outbox_set_waiting(&run->set) == 0) {
        relay_run_recover(run);
    }
    send_all(run);
    const bool listens = run->open > 0;
    if (kafka_producer_poll(run->producer, listens ? RELAY_LISTEN_MS : 0, &run->trouble) == KAFKA_ENDED) {
        fail_producer(run);
    }
    return listens ? 0 : RELAY_IDLE_MS;
}
