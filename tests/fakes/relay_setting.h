/* Relays on the outboxes of many partitions, on one real Redis or two, and librdkafka's mock of a Kafka. For one source
 * of a program: it has the topology's functions. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_RELAY_SETTING_H
#define TALLY_TESTS_FAKES_RELAY_SETTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/event/event_read.h"
#include "counter-service/outbox/relay_run.h"
#include "tests/fakes/fake_topology.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/outbox_writer.h"
#include "tests/fakes/wait_for.h"

enum { REDISES = 2, RELAYS = 2, TOPIC_PARTITIONS = 2 };

struct setting {
    struct kafka_fixture kafka;
    struct topology topology;
    struct redis_process *redis[REDISES];
    struct outbox_writer writers[REDISES];
    struct relay_run relays[RELAYS];
    int relay_count;
};

static inline void start_relay(struct setting *setting)
{
    relay_run_init(&setting->relays[setting->relay_count], setting->kafka.config, &setting->topology);
    setting->relay_count++;
}

/* The partitions lie in turn on so many Redises. */
static inline void start(struct setting *setting, int partitions, int redises)
{
    static const char *const options[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    *setting = (struct setting){.relay_count = 0};
    kafka_fixture_start(&setting->kafka, 1, TOPIC_PARTITIONS, "['linger.ms=50']");
    setting->kafka.config->redis.timeout_ms = 1000;
    for (int i = 0; i < redises; i++) {
        setting->redis[i] = redis_process_start(options);
        outbox_writer_open(&setting->writers[i], setting->redis[i]);
    }
    setting->topology.partitions = partitions;
    for (int i = 0; i < partitions; i++) {
        fake_topology_put(&setting->topology, i, redis_process_address(setting->redis[i % redises]));
    }
    start_relay(setting);
}

static inline void stop(struct setting *setting)
{
    for (int i = 0; i < setting->relay_count; i++) {
        relay_run_done(&setting->relays[i]);
    }
    for (int i = 0; i < REDISES && setting->redis[i] != NULL; i++) {
        outbox_writer_close(&setting->writers[i]);
        redis_process_end(setting->redis[i]);
    }
    kafka_fixture_stop(&setting->kafka);
}

static inline bool turn(struct setting *setting)
{
    int pause_ms = 5;
    for (int i = 0; i < setting->relay_count; i++) {
        const int own_ms = relay_run_turn(&setting->relays[i]);
        pause_ms = own_ms < pause_ms ? own_ms : pause_ms;
    }
    if (pause_ms > 0) {
        clock_sleep_ms(pause_ms);
    }
    return true;
}
#define TURNS_UNTIL(setting, condition) WAIT_FOR(turn(setting) && (condition))

static inline const struct outbox_follower *follower(const struct setting *setting, size_t i)
{
    return &setting->relays[0].set.members[i].follower;
}

static inline bool is_published(const struct setting *setting, size_t i, uint64_t count)
{
    return follower(setting, i)->stored.number == count;
}

static inline size_t led(const struct setting *setting, int relay)
{
    return setting->relays[relay].set.led;
}

static inline void add(struct setting *setting, int redises, int partition, int count)
{
    outbox_writer_add(&setting->writers[partition % redises], partition, count);
}

static inline const char *trouble(const struct setting *setting)
{
    static struct relay_state state;
    relay_run_state(&setting->relays[0], &state);
    return state.trouble;
}

/* ---- what the topic has ---- */

struct topic {
    int64_t last[OUTBOX_WRITER_PARTITIONS]; /* the largest value of each partition's resource */
    size_t repeated;
};

static inline void take(void *ctx, const rd_kafka_message_t *message)
{
    struct topic *topic = ctx;
    struct event_copy copy;
    char resource[16];
    assert_int_equal(event_read(EVENT_FORMAT_JSON, (struct text){message->payload, message->len}, &copy), 0);
    const unsigned partition = copy.event.partition;
    assert_true(partition < OUTBOX_WRITER_PARTITIONS);
    snprintf(resource, sizeof(resource), "p%u", partition);
    assert_true(text_equal(copy.event.resource_id, text_of(resource)));
    if (copy.event.value <= topic->last[partition]) {
        topic->repeated++;
        return;
    }
    assert_int_equal(copy.event.value, topic->last[partition] + 1); /* the first occurrences are in order */
    topic->last[partition] = copy.event.value;
}

static inline struct topic read_topic(struct setting *setting)
{
    struct topic topic = {.repeated = 0};
    for (int i = 0; i < TOPIC_PARTITIONS; i++) {
        (void)kafka_fixture_read(&setting->kafka, i, take, &topic);
    }
    return topic;
}

#define NEED_REDIS_SERVER() \
    if (!redis_process_available()) { \
        skip(); \
    }

static inline bool are_published(const struct setting *setting, size_t partitions, uint64_t count)
{
    for (size_t i = 0; i < partitions; i++) {
        if (!is_published(setting, i, count)) {
            return false;
        }
    }
    return true;
}

#endif
