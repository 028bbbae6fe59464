#include "tests/fakes/outbox_consumer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "tests/fakes/metrics_text.h"

static const struct text test_consumer = {"kafka", 5};

void outbox_consumer_open(struct outbox_consumer *consumer, struct store_fixture *fixture, int lease_ms)
{
    struct error error;
    struct redis_address address;
    *consumer = (struct outbox_consumer){.count = 0};
    assert_int_equal(redis_address_parse(fixture->config.redis.addrs[0], &address, &error), 0);
    if (outbox_conn_open(&consumer->conn, &address, &fixture->config, &error) != 0 ||
        outbox_follower_init(&consumer->follower, 0, test_consumer, lease_ms, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

void outbox_consumer_close(struct outbox_consumer *consumer)
{
    outbox_follower_done(&consumer->follower);
    outbox_conn_close(&consumer->conn);
}

bool outbox_consumer_step(struct outbox_consumer *consumer, size_t events_max)
{
    struct error error;
    bool restarted;
    if (outbox_follower_step(&consumer->follower, &consumer->conn, events_max, &restarted, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return restarted;
}

void outbox_consumer_lead(struct outbox_consumer *consumer)
{
    assert_true(outbox_consumer_step(consumer, 0));
    assert_true(consumer->follower.owns);
}

bool outbox_consumer_take(struct outbox_consumer *consumer, struct event *ret_event, struct outbox_entry **ret_entry)
{
    if (!outbox_follower_peek(&consumer->follower, ret_event, ret_entry)) {
        return false;
    }
    outbox_follower_take(&consumer->follower);
    consumer->count++;
    consumer->sum += ret_event->delta;
    consumer->last_entry = ret_event->entry;
    return true;
}

uint64_t outbox_dropped(void)
{
    return (uint64_t)metrics_text_value("tally_events_dropped_total", 0);
}

void outbox_consumer_consume(struct outbox_consumer *consumer)
{
    struct event event;
    struct outbox_entry *entry;
    consumer->count = 0;
    consumer->sum = 0;
    do {
        assert_false(outbox_consumer_step(consumer, OUTBOX_ALL));
        while (outbox_consumer_take(consumer, &event, &entry)) {
            outbox_follower_event_done(&consumer->follower, entry);
        }
    } while (!consumer->follower.at_end);
    assert_false(outbox_consumer_step(consumer, 0));
}

int outbox_setup(void **state, int outbox_max, enum when_full when_full)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct store_fixture *fixture = store_fixture_create(redis_process_start(NULL));
    *state = fixture;
    store_fixture_keep_events(fixture, outbox_max, when_full);
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    return 0;
}

enum status outbox_increment_many(struct store_fixture *fixture, size_t count)
{
    struct store_item items[BATCH_ITEMS_MAX];
    for (size_t i = 0; i < count; i++) {
        items[i] = store_item_of("a", "n", 1);
    }
    return store_fixture_increment(fixture, items, count);
}

size_t outbox_entries(struct store_fixture *fixture)
{
    return strtoul(REDIS_ASK(fixture->redis, "XLEN", "tally:{p0}:events"), NULL, 10);
}
