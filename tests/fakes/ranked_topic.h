/* Rankings whose events are on a topic: a real Redis, librdkafka's mock cluster, and an aggregator that is driven turn
 * by turn. publish carries the events from the outbox to the topic, as the relay would. For tests of counter-verify. */
#ifndef TALLY_TESTS_FAKES_RANKED_TOPIC_H
#define TALLY_TESTS_FAKES_RANKED_TOPIC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/prng.h"
#include "counter-service/event/event_message.h"
#include "counter-service/verify_rankings/ranking_verify.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/ranking_fixture.h"
#include "tests/fakes/use_redis.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { PARTITIONS = 3, RESOURCES = 700, KEEP = 40, BATCH = 20, LEASE_MS = 60 * 1000 };

struct setting {
    struct ranking_fixture *rankings;
    struct aggregator_run *run;
    struct kafka_fixture kafka;
    struct outbox_conn conn; /* the relay's */
    struct outbox_follower follower;
    struct event_writer writer;
    struct prng prng;
    struct verify_options options;
    char *text; /* what the last run printed */
    int code;
    struct error error;
};

static inline void produce(struct setting *setting, const struct event *event)
{
    struct buffer value;
    buffer_init(&value);
    event_writer_put(&setting->writer, event, &value);
    kafka_fixture_produce(&setting->kafka, event->resource_id.data[event->resource_id.len - 1] % PARTITIONS,
                          event->resource_id, (struct text){value.data, value.len}, "content-type", "application/json");
    buffer_done(&value);
}

/* All events that wait, but for those of the resource `without`; each so many times. */
static inline void publish(struct setting *setting, const char *without, int times)
{
    struct event event;
    struct outbox_entry *entry;
    bool restarted;
    do {
        assert_int_equal(outbox_follower_step(&setting->follower, &setting->conn, 10000, &restarted, &setting->error),
                         0);
        while (outbox_follower_peek(&setting->follower, &event, &entry)) {
            for (int i = 0; i < times && !text_equal(event.resource_id, text_of(without)); i++) {
                produce(setting, &event);
            }
            outbox_follower_take(&setting->follower);
        }
        outbox_follower_all_done(&setting->follower);
        if (setting->kafka.producer != NULL) {
            kafka_fixture_flush(&setting->kafka);
        }
    } while (!setting->follower.at_end);
    assert_int_equal(outbox_follower_step(&setting->follower, &setting->conn, 0, &restarted, &setting->error), 0);
}

static inline void open_topic(struct setting *setting)
{
    struct redis_address address;
    struct config *config;
    kafka_fixture_start(&setting->kafka, 1, PARTITIONS, NULL);
    config = setting->kafka.config;
    use_redis(config, setting->rankings->config.redis.addrs[0]);
    config->redis.timeout_ms = 10000; /* on a machine that has other things to do */
    config->rankings = setting->rankings->config.rankings;
    config->ranking_count = 1;
    assert_int_equal(redis_address_parse(config->redis.addrs[0], &address, &setting->error), 0);
    assert_int_equal(outbox_conn_open(&setting->conn, &address, config, &setting->error), 0);
    assert_int_equal(outbox_follower_init(&setting->follower, 0, outbox_consumer_kafka, LEASE_MS, &setting->error), 0);
    event_writer_init(&setting->writer, EVENT_FORMAT_JSON, setting->conn.store_id);
}

static inline void write_batches(struct setting *setting, int count, int64_t step_ms)
{
    for (int i = 0; i < count; i++) {
        struct ranking_event batch[BATCH];
        for (int k = 0; k < BATCH; k++) {
            const int64_t size = 1 + (int64_t)prng_up_to(&setting->prng, 5);
            batch[k] = (struct ranking_event){.resource = (int)prng_up_to(&setting->prng, RESOURCES - 1),
                                              .delta = prng_up_to(&setting->prng, 9) == 0 ? -size : size};
        }
        ranking_fixture_write(setting->rankings, setting->rankings->now_ms + step_ms, batch, BATCH);
    }
}

/* Two hours and some minutes have events, from the middle of an hour on, ahead of the clock. */
static inline void begin(struct setting *setting, struct store_fixture *store)
{
    const int64_t ahead_ms = clock_realtime_us() / 1000 + INT64_C(400) * DAY;
    *setting = (struct setting){.prng = {9}, .options = {.shard = {0, 1}, .timeout_ms = 5000}};
    setting->rankings = ranking_fixture_open(store, RESOURCES, KEEP);
    setting->rankings->now_ms = ahead_ms - ahead_ms % HOUR + 30 * (int64_t)MINUTE;
    open_topic(setting);
    publish(setting, "", 1); /* nothing; from now on the outbox is kept for the relay */
    setting->run = ranking_fixture_start(setting->rankings);
    write_batches(setting, 100, MINUTE);
    ranking_fixture_settle(setting->run);
}

static inline void end(struct setting *setting)
{
    setting->kafka.config->rankings = NULL;
    setting->kafka.config->ranking_count = 0;
    outbox_follower_done(&setting->follower);
    outbox_conn_close(&setting->conn);
    kafka_fixture_stop(&setting->kafka);
    ranking_fixture_kill(setting->run);
    ranking_fixture_free(setting->rankings);
    free(setting->text);
}

/* ranking_verify_run, or another tool of its form. */
static inline void run_tool(struct setting *setting,
                            int (*tool)(const struct config *config, const struct verify_options *options, FILE *out,
                                        struct error *error))
{
    size_t len;
    free(setting->text);
    setting->error.message[0] = '\0';
    FILE *out = open_memstream(&setting->text, &len);
    assert_non_null(out);
    setting->code = tool(setting->kafka.config, &setting->options, out, &setting->error);
    fclose(out);
}

static inline void run(struct setting *setting)
{
    run_tool(setting, ranking_verify_run);
}

static inline void check(struct setting *setting, int code, const char *piece)
{
    run(setting);
    assert_string_equal(setting->error.message, "");
    if (setting->code != code || strstr(setting->text, piece) == NULL) {
        fail_msg("exit %d; \"%s\" is expected in:\n%s", setting->code, piece, setting->text);
    }
}

#define ASK(setting, ...) REDIS_ASK((setting)->rankings->store->redis, __VA_ARGS__)

#endif
