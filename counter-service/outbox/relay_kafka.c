#include "counter-service/outbox/relay_kafka.h"

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_topic.h"

enum {
    TOPIC_TIMEOUT_MS = 3000,
    LOOK_MS = 5000,
    VALUE_KEEP_BYTES = 4096,
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
    outbox_follower_event_done(&run->follower, tag);
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
    if (run->follower.events_open == 0 && kafka_producer_trouble(run->producer)[0] != '\0' &&
        now_us >= run->look_us + LOOK_MS * 1000) {
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

static void send_all(struct relay_run *run)
{
    struct event event;
    struct outbox_entry *entry;
    while (run->follower.events_open < RELAY_WINDOW && outbox_follower_peek(&run->follower, &event, &entry) &&
           send_event(run, &event, entry) == KAFKA_OK) {
        outbox_follower_take(&run->follower);
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
    if (outbox_follower_waiting(&run->follower) == 0) {
        relay_run_recover(run);
    }
    send_all(run);
    const bool listens = run->follower.events_open > 0;
    if (kafka_producer_poll(run->producer, listens ? RELAY_LISTEN_MS : 0, &run->trouble) == KAFKA_ENDED) {
        fail_producer(run);
    }
    return listens ? 0 : RELAY_IDLE_MS;
}
