/* The outbox on a real Redis: what the write script puts there, and consumers that follow it under a lease. */
#include "counter-service/outbox/outbox_follower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/store_fixture.h"

enum {
    LEASE_MS = 60 * 1000,
    SHORT_LEASE_MS = 50,
    ALL = 100 * 1000,
};

static const struct text test_consumer = {"kafka", 5};

/* ---- what a test needs ---- */

struct consumer {
    struct outbox_conn conn;
    struct outbox_follower follower;
    /* of the events that were taken last */
    size_t count;
    int64_t sum;
    struct stream_id last_entry;
};

static void consumer_open(struct consumer *consumer, struct store_fixture *fixture, int lease_ms)
{
    struct error error;
    struct host_port address;
    *consumer = (struct consumer){.count = 0};
    assert_int_equal(host_port_parse(fixture->config.redis.addr, &address), 0);
    if (outbox_conn_open(&consumer->conn, &address, &fixture->config, &error) != 0 ||
        outbox_follower_init(&consumer->follower, 0, test_consumer, lease_ms, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

static void consumer_close(struct consumer *consumer)
{
    outbox_follower_done(&consumer->follower);
    outbox_conn_close(&consumer->conn);
}

/* Returns whether the follower began anew. */
static bool step(struct consumer *consumer, size_t events_max)
{
    struct error error;
    bool restarted;
    if (outbox_follower_step(&consumer->follower, &consumer->conn, events_max, &restarted, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return restarted;
}

static void lead(struct consumer *consumer)
{
    assert_true(step(consumer, 0));
    assert_true(consumer->follower.owns);
}

/* Takes the next event; true if there was one. */
static bool take(struct consumer *consumer, struct event *ret_event, struct outbox_entry **ret_entry)
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

static uint64_t dropped(void)
{
    return (uint64_t)metrics_text_value("tally_events_dropped_total", 0);
}

/* Reads all there is; each event is done as soon as it is taken. Its position is stored. */
static void consume(struct consumer *consumer)
{
    struct event event;
    struct outbox_entry *entry;
    consumer->count = 0;
    consumer->sum = 0;
    do {
        assert_false(step(consumer, ALL));
        while (take(consumer, &event, &entry)) {
            outbox_follower_event_done(&consumer->follower, entry);
        }
    } while (!consumer->follower.at_end);
    assert_false(step(consumer, 0));
}

static struct store_fixture *keeping(void **state, int outbox_max, enum when_full when_full)
{
    if (!redis_process_available()) {
        return NULL;
    }
    struct store_fixture *fixture = store_fixture_create(redis_process_start(NULL));
    *state = fixture;
    store_fixture_keep_events(fixture, outbox_max, when_full);
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    return fixture;
}

static int setup(void **state)
{
    *state = NULL;
    keeping(state, 1000000, WHEN_FULL_DROP_OLDEST);
    return 0;
}

static int setup_dropping(void **state)
{
    *state = NULL;
    keeping(state, 1000, WHEN_FULL_DROP_OLDEST);
    return 0;
}

static int setup_refusing(void **state)
{
    *state = NULL;
    keeping(state, 1000, WHEN_FULL_REFUSE);
    return 0;
}

static enum status increment_many(struct store_fixture *fixture, size_t count)
{
    struct store_item items[BATCH_ITEMS_MAX];
    for (size_t i = 0; i < count; i++) {
        items[i] = store_item_of("a", "n", 1);
    }
    return store_fixture_increment(fixture, items, count);
}

static size_t entries_in(struct store_fixture *fixture)
{
    return strtoul(REDIS_ASK(fixture->redis, "XLEN", "tally:{p0}:events"), NULL, 10);
}

/* ---- what is an event ---- */

static void test_an_event_is_what_was_applied(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    struct event event;
    struct outbox_entry *entry;
    struct store_item items[] = {
        store_item_of("a", "n", 5), store_item_of("a", "n", INT64_MAX),                     /* overflows */
        store_item_keyed("b", "like", -2, "key"), store_item_keyed("b", "like", -2, "key"), /* a replay */
    };
    items[0].user_id = TEXT("alice");
    assert_int_equal(store_fixture_increment(fixture, items, 4), STATUS_OK);
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    step(&consumer, ALL);
    assert_true(take(&consumer, &event, &entry));
    assert_true(text_equal(event.resource_id, TEXT("a")) && text_equal(event.counter_type, TEXT("n")));
    assert_true(text_equal(event.user_id, TEXT("alice")));
    assert_true(event.delta == 5 && event.value == 5 && event.has_value && event.place == 0);
    assert_true(take(&consumer, &event, &entry));
    assert_true(text_equal(event.resource_id, TEXT("b")) && event.user_id.len == 0);
    assert_true(event.delta == -2 && event.value == -2 && event.place == 2);
    assert_false(take(&consumer, &event, &entry));
    consumer_close(&consumer);
}

static void test_what_changes_nothing_is_no_event(void **state)
{
    NEED_REDIS(state);
    static const char session[] = "session-12345678";
    struct store_item item = store_item_keyed("a", "n", 1, "key");
    struct store_item again = item;
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_fixture_increment_in(fixture, store_session_of(session, 0, 1), &item, 1), STATUS_OK);
    }
    assert_int_equal(store_fixture_increment(fixture, &again, 1), STATUS_OK);
    assert_true(again.replayed);
    (void)store_fixture_increment_in(fixture, store_session_of("session-unknown!", 0, 1), &item, 1);
    assert_int_equal(entries_in(fixture), 1);
}

static void test_an_outbox_of_another_type_refuses_the_write_before_anything_is_counted(void **state)
{
    NEED_REDIS(state);
    static const char *const keys[] = {"tally:{p0}:events", "tally:{p0}:outbox"};
    for (size_t i = 0; i < 2; i++) {
        REDIS_ASK(fixture->redis, "SET", keys[i], "x");
        assert_int_not_equal(store_fixture_try(fixture, "a"), STATUS_OK);
        assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
        REDIS_ASK(fixture->redis, "DEL", keys[i]);
    }
    static const char *const numbers[] = {"many", "1e3", "0x10", "-1", "nan", ""};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:outbox", "n", numbers[i]);
        assert_int_not_equal(store_fixture_try(fixture, "a"), STATUS_OK);
        assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
    }
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:outbox");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
}

/* ---- following ---- */

static void test_every_event_is_read_once_and_the_stream_is_trimmed_behind(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    const uint64_t dropped_before = dropped();
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(increment_many(fixture, (size_t)(1 + i % 7)), STATUS_OK);
    }
    consume(&consumer);
    assert_int_equal(consumer.sum, store_fixture_get(fixture, "a", "n"));
    assert_int_equal(dropped() - dropped_before, 0);
    assert_int_equal(entries_in(fixture), 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 0);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    consume(&consumer);
    assert_int_equal(consumer.count, 1);
    consumer_close(&consumer);
}

static void test_the_position_stays_before_what_is_not_done(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    struct event event;
    struct outbox_entry *entries[3];
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(increment_many(fixture, 2), STATUS_OK);
    step(&consumer, ALL);
    step(&consumer, ALL);
    for (size_t i = 0; i < 3; i++) {
        while (!take(&consumer, &event, &entries[i])) {
            step(&consumer, ALL);
        }
    }
    outbox_follower_event_done(&consumer.follower, entries[2]);
    step(&consumer, 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 3);
    outbox_follower_event_done(&consumer.follower, entries[0]);
    step(&consumer, 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 2);
    assert_int_equal(entries_in(fixture), 1);
    /* A successor reads the entry whole. */
    outbox_follower_restart(&consumer.follower);
    assert_true(step(&consumer, 0));
    consume(&consumer);
    assert_int_equal(consumer.count, 2);
    consumer_close(&consumer);
}

static void test_one_consumer_leads_and_its_successor_begins_where_it_ended(void **state)
{
    NEED_REDIS(state);
    struct consumer first;
    struct consumer second;
    consumer_open(&first, fixture, LEASE_MS);
    consumer_open(&second, fixture, LEASE_MS);
    assert_int_equal(increment_many(fixture, 10), STATUS_OK);
    lead(&first);
    assert_false(step(&second, ALL));
    assert_false(second.follower.owns);
    assert_int_equal(outbox_follower_waiting(&second.follower), 10);
    consume(&first);
    assert_int_equal(increment_many(fixture, 5), STATUS_OK);
    outbox_follower_release(&first.follower, &first.conn);
    lead(&second);
    consume(&second);
    assert_int_equal(second.count, 5);
    consumer_close(&first);
    consumer_close(&second);
}

/* A process that was stopped for longer than its lease. */
static void test_one_that_has_lost_the_lease_moves_nothing(void **state)
{
    NEED_REDIS(state);
    struct consumer sleeper;
    struct consumer successor;
    struct event event;
    struct outbox_entry *entry;
    consumer_open(&sleeper, fixture, SHORT_LEASE_MS);
    consumer_open(&successor, fixture, LEASE_MS);
    assert_int_equal(increment_many(fixture, 3), STATUS_OK);
    lead(&sleeper);
    step(&sleeper, ALL);
    while (take(&sleeper, &event, &entry)) {
        outbox_follower_event_done(&sleeper.follower, entry);
    }
    usleep(2 * SHORT_LEASE_MS * 1000);
    lead(&successor);
    assert_true(step(&sleeper, ALL)); /* wants to store its position */
    assert_false(sleeper.follower.owns);
    assert_int_equal(entries_in(fixture), 1);
    consume(&successor);
    assert_int_equal(successor.count, 3);
    consumer_close(&sleeper);
    consumer_close(&successor);
}

/* Its lease has expired, and nobody came: it may have been another's meanwhile. */
static void test_an_expired_lease_is_taken_anew_from_the_stored_position(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    struct event event;
    struct outbox_entry *entry;
    consumer_open(&consumer, fixture, SHORT_LEASE_MS);
    assert_int_equal(increment_many(fixture, 3), STATUS_OK);
    lead(&consumer);
    step(&consumer, ALL);
    while (take(&consumer, &event, &entry)) {
        outbox_follower_event_done(&consumer.follower, entry);
    }
    usleep(2 * SHORT_LEASE_MS * 1000);
    assert_true(step(&consumer, ALL));
    assert_true(consumer.follower.owns);
    assert_int_equal(entries_in(fixture), 1);
    consumer_close(&consumer);
}

static void test_the_stream_is_trimmed_behind_the_slowest_consumer(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:pos:rankings", "0-0 0");
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    assert_int_equal(increment_many(fixture, 3), STATUS_OK);
    consume(&consumer);
    assert_int_equal(consumer.count, 3);
    assert_int_equal(entries_in(fixture), 1);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:pos:rankings");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    consume(&consumer);
    assert_int_equal(entries_in(fixture), 0);
    consumer_close(&consumer);
}

static void test_a_flush_of_the_scripts_is_not_noticed(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    assert_int_equal(increment_many(fixture, 3), STATUS_OK);
    REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH");
    consume(&consumer);
    assert_int_equal(consumer.count, 3);
    consumer_close(&consumer);
}

static void test_an_entry_of_somebody_else_is_left_out(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    REDIS_ASK(fixture->redis, "XADD", "tally:{p0}:events", "*", "hello", "world");
    REDIS_ASK(fixture->redis, "XADD", "tally:{p0}:events", "*", "n", "1", "i", "garbage", "r", "1");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    consume(&consumer);
    assert_int_equal(consumer.count, 2);
    assert_int_equal(consumer.follower.damaged, 2);
    assert_int_equal(entries_in(fixture), 0);
    consumer_close(&consumer);
}

/* Each has 1000 items of 400 bytes: all at once would keep Redis busy for 0.1 s. */
static void test_a_step_reads_few_entries_where_they_are_large(void **state)
{
    NEED_REDIS(state);
    enum { ENTRIES = 40 };
    struct consumer consumer;
    static char resource_id[RESOURCE_ID_LEN_MAX + 1];
    static struct store_item items[BATCH_ITEMS_MAX];
    memset(resource_id, 'r', RESOURCE_ID_LEN_MAX);
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    for (int i = 0; i < ENTRIES; i++) {
        for (size_t j = 0; j < BATCH_ITEMS_MAX; j++) {
            items[j] = store_item_of(resource_id, "n", 1);
        }
        assert_int_equal(store_fixture_increment(fixture, items, BATCH_ITEMS_MAX), STATUS_OK);
    }
    consumer.count = 0;
    size_t steps = 0;
    do {
        struct event event;
        struct outbox_entry *entry;
        const size_t before = consumer.count;
        step(&consumer, ALL);
        while (take(&consumer, &event, &entry)) {
            outbox_follower_event_done(&consumer.follower, entry);
        }
        assert_in_range(consumer.count - before, 0, 4 * BATCH_ITEMS_MAX);
        steps++;
    } while (!consumer.follower.at_end);
    assert_int_equal(consumer.count, ENTRIES * BATCH_ITEMS_MAX);
    assert_in_range(steps, ENTRIES / 4, ENTRIES + 1);
    consumer_close(&consumer);
}

/* Redis's clock stepped back an hour after the owner of the lease has died. */
static void test_a_lease_that_would_last_too_long_is_cut_short(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:lease:kafka", "somebody", "PX", "3600000");
    consumer_open(&consumer, fixture, SHORT_LEASE_MS);
    assert_false(step(&consumer, ALL));
    usleep(2 * SHORT_LEASE_MS * 1000);
    lead(&consumer);
    consumer_close(&consumer);
}

/* Somebody has deleted one of its keys. */
static void test_an_outbox_whose_numbers_are_gone_is_still_bounded(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    assert_int_equal(increment_many(fixture, 900), STATUS_OK);
    consume(&consumer);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:outbox");
    assert_int_equal(increment_many(fixture, 500), STATUS_OK);
    consume(&consumer);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(increment_many(fixture, 900), STATUS_OK);
    }
    assert_in_range(entries_in(fixture), 0, 2);
    consumer_close(&consumer);
}

/* ---- a full outbox ---- */

static void test_a_full_outbox_drops_its_oldest_and_the_gap_is_counted(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    const uint64_t dropped_before = dropped();
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    for (int i = 0; i < 1500; i++) {
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    }
    assert_int_equal(increment_many(fixture, BATCH_ITEMS_MAX), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2500);
    consume(&consumer);
    assert_in_range(consumer.count, 1, 1000);
    assert_int_equal(consumer.count + dropped() - dropped_before, 2500);
    /* With room again nothing is dropped. */
    assert_int_equal(increment_many(fixture, 900), STATUS_OK);
    consume(&consumer);
    assert_int_equal(consumer.count, 900);
    consumer_close(&consumer);
}

static void test_drops_while_nobody_follows_are_counted_by_who_drops(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    const uint64_t dropped_before = dropped();
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    outbox_follower_release(&consumer.follower, &consumer.conn);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(increment_many(fixture, 100), STATUS_OK);
    }
    lead(&consumer);
    consume(&consumer);
    assert_int_equal(consumer.count + dropped() - dropped_before, 3000);
    assert_in_range(consumer.count, 800, 1000);
    consumer_close(&consumer);
}

static void test_a_full_outbox_refuses_if_it_is_told_to_and_nothing_is_lost(void **state)
{
    NEED_REDIS(state);
    struct consumer consumer;
    const double refused = metrics_text_value("tally_events_refused_total", 0);
    const uint64_t dropped_before = dropped();
    consumer_open(&consumer, fixture, LEASE_MS);
    lead(&consumer);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(increment_many(fixture, 100), STATUS_OK);
    }
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    assert_int_equal(increment_many(fixture, 7), STATUS_WRITES_REFUSED);
    assert_true(metrics_text_value("tally_events_refused_total", 0) == refused + 8);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1000);
    consume(&consumer);
    assert_int_equal(consumer.count, 1000);
    assert_int_equal(dropped() - dropped_before, 0);
    assert_int_equal(increment_many(fixture, BATCH_ITEMS_MAX), STATUS_OK);
    consumer_close(&consumer);
}

/* A replay changes nothing, so it needs no room. */
static void test_a_full_outbox_still_answers_a_replay(void **state)
{
    NEED_REDIS(state);
    static const char session[] = "session-12345678";
    struct store_item item = store_item_of("b", "n", 1);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(session, 0, 1), &item, 1), STATUS_OK);
    assert_int_equal(increment_many(fixture, 999), STATUS_OK);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(session, 0, 1), &item, 1), STATUS_OK);
    assert_int_equal(item.value, 1);
}

/* It adds nothing, and its caller may not know yet that it was applied. */
static void test_a_full_outbox_answers_keys_that_it_knows(void **state)
{
    NEED_REDIS(state);
    struct store_item first = store_item_keyed("b", "n", 1, "key");
    struct store_item again = first;
    struct store_item other = store_item_keyed("b", "n", 2, "key");
    struct store_item mixed[] = {first, store_item_keyed("b", "n", 1, "new")};
    assert_int_equal(store_fixture_increment(fixture, &first, 1), STATUS_OK);
    assert_int_equal(increment_many(fixture, 999), STATUS_OK);
    assert_int_equal(store_fixture_increment(fixture, &again, 1), STATUS_OK);
    assert_true(again.replayed && again.value == 1);
    assert_int_equal(store_fixture_increment(fixture, &other, 1), STATUS_OK);
    assert_int_equal(other.status, STATUS_KEY_REUSED);
    assert_int_equal(store_fixture_increment(fixture, mixed, 2), STATUS_WRITES_REFUSED);
}

static void test_a_replay_pushes_nothing_out_of_a_full_outbox(void **state)
{
    NEED_REDIS(state);
    struct store_item first = store_item_keyed("b", "n", 1, "key");
    struct store_item again = first;
    assert_int_equal(store_fixture_increment(fixture, &first, 1), STATUS_OK);
    assert_int_equal(increment_many(fixture, 999), STATUS_OK);
    const uint64_t dropped_before = dropped();
    assert_int_equal(store_fixture_increment(fixture, &again, 1), STATUS_OK);
    assert_true(again.replayed);
    assert_int_equal(dropped() - dropped_before, 0);
}

int main(void)
{
#define TEST(name, start) cmocka_unit_test_setup_teardown(name, start, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_is_what_was_applied, setup),
        TEST(test_what_changes_nothing_is_no_event, setup),
        TEST(test_an_outbox_of_another_type_refuses_the_write_before_anything_is_counted, setup),
        TEST(test_every_event_is_read_once_and_the_stream_is_trimmed_behind, setup),
        TEST(test_the_position_stays_before_what_is_not_done, setup),
        TEST(test_one_consumer_leads_and_its_successor_begins_where_it_ended, setup),
        TEST(test_one_that_has_lost_the_lease_moves_nothing, setup),
        TEST(test_an_expired_lease_is_taken_anew_from_the_stored_position, setup),
        TEST(test_the_stream_is_trimmed_behind_the_slowest_consumer, setup),
        TEST(test_a_flush_of_the_scripts_is_not_noticed, setup),
        TEST(test_an_entry_of_somebody_else_is_left_out, setup),
        TEST(test_a_step_reads_few_entries_where_they_are_large, setup),
        TEST(test_a_lease_that_would_last_too_long_is_cut_short, setup),
        TEST(test_an_outbox_whose_numbers_are_gone_is_still_bounded, setup_dropping),
        TEST(test_a_replay_pushes_nothing_out_of_a_full_outbox, setup_dropping),
        TEST(test_a_full_outbox_answers_keys_that_it_knows, setup_refusing),
        TEST(test_a_full_outbox_drops_its_oldest_and_the_gap_is_counted, setup_dropping),
        TEST(test_drops_while_nobody_follows_are_counted_by_who_drops, setup_dropping),
        TEST(test_a_full_outbox_refuses_if_it_is_told_to_and_nothing_is_lost, setup_refusing),
        TEST(test_a_full_outbox_still_answers_a_replay, setup_refusing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
