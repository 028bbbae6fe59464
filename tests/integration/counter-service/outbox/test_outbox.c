/* The outbox on a real Redis: what the write script puts there, and consumers that follow it under a lease. */
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
#include "tests/fakes/outbox_consumer.h"

enum {
    LEASE_MS = 60 * 1000,
    SHORT_LEASE_MS = 50,
};

static int setup(void **state)
{
    return outbox_setup(state, 1000000, WHEN_FULL_DROP_OLDEST);
}

static int setup_dropping(void **state)
{
    return outbox_setup(state, 1000, WHEN_FULL_DROP_OLDEST);
}

/* ---- what is an event ---- */

static void test_an_event_is_what_was_applied(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    struct event event;
    struct outbox_entry *entry;
    struct store_item items[] = {
        store_item_of("a", "n", 5), store_item_of("a", "n", INT64_MAX),                     /* overflows */
        store_item_keyed("b", "like", -2, "key"), store_item_keyed("b", "like", -2, "key"), /* a replay */
    };
    items[0].user_id = TEXT("alice");
    assert_int_equal(store_fixture_increment(fixture, items, 4), STATUS_OK);
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    outbox_consumer_step(&consumer, OUTBOX_ALL);
    assert_true(outbox_consumer_take(&consumer, &event, &entry));
    assert_true(text_equal(event.resource_id, TEXT("a")) && text_equal(event.counter_type, TEXT("n")));
    assert_true(text_equal(event.user_id, TEXT("alice")));
    assert_true(event.delta == 5 && event.value == 5 && event.has_value && event.place == 0);
    assert_true(outbox_consumer_take(&consumer, &event, &entry));
    assert_true(text_equal(event.resource_id, TEXT("b")) && event.user_id.len == 0);
    assert_true(event.delta == -2 && event.value == -2 && event.place == 2);
    assert_false(outbox_consumer_take(&consumer, &event, &entry));
    outbox_consumer_close(&consumer);
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
    assert_int_equal(outbox_entries(fixture), 1);
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
    struct outbox_consumer consumer;
    const uint64_t dropped_before = outbox_dropped();
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(outbox_increment_many(fixture, (size_t)(1 + i % 7)), STATUS_OK);
    }
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.sum, store_fixture_get(fixture, "a", "n"));
    assert_int_equal(outbox_dropped() - dropped_before, 0);
    assert_int_equal(outbox_entries(fixture), 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 0);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 1);
    outbox_consumer_close(&consumer);
}

/* So that a WAIT behind it is for what was read (Redis 7.2 and later): from then on the lease has its whole life again.
 */
static void test_a_step_that_reads_writes(void **state)
{
    NEED_REDIS(state);
    enum { LEFT_MS = LEASE_MS - LEASE_MS / 6 };
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    char left[16];
    (void)snprintf(left, sizeof(left), "%d", LEFT_MS);
    for (int is_read = 0; is_read < 2; is_read++) {
        REDIS_ASK(fixture->redis, "PEXPIRE", "tally:{p0}:lease:kafka", left);
        if (is_read != 0) {
            assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
        }
        outbox_consumer_step(&consumer, OUTBOX_ALL);
        const long life = strtol(REDIS_ASK(fixture->redis, "PTTL", "tally:{p0}:lease:kafka"), NULL, 10);
        assert_true(life > 0);
        assert_int_equal(life > LEFT_MS, is_read);
    }
    outbox_consumer_close(&consumer);
}

static void test_the_position_stays_before_what_is_not_done(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    struct event event;
    struct outbox_entry *entries[3];
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(outbox_increment_many(fixture, 2), STATUS_OK);
    outbox_consumer_step(&consumer, OUTBOX_ALL);
    outbox_consumer_step(&consumer, OUTBOX_ALL);
    for (size_t i = 0; i < 3; i++) {
        while (!outbox_consumer_take(&consumer, &event, &entries[i])) {
            outbox_consumer_step(&consumer, OUTBOX_ALL);
        }
    }
    outbox_follower_event_done(&consumer.follower, entries[2]);
    outbox_consumer_step(&consumer, 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 3);
    outbox_follower_event_done(&consumer.follower, entries[0]);
    outbox_consumer_step(&consumer, 0);
    assert_int_equal(outbox_follower_waiting(&consumer.follower), 2);
    assert_int_equal(outbox_entries(fixture), 1);
    /* A successor reads the entry whole. */
    outbox_follower_restart(&consumer.follower);
    assert_true(outbox_consumer_step(&consumer, 0));
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 2);
    outbox_consumer_close(&consumer);
}

static void test_one_consumer_leads_and_its_successor_begins_where_it_ended(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer first;
    struct outbox_consumer second;
    outbox_consumer_open(&first, fixture, LEASE_MS);
    outbox_consumer_open(&second, fixture, LEASE_MS);
    assert_int_equal(outbox_increment_many(fixture, 10), STATUS_OK);
    outbox_consumer_lead(&first);
    assert_false(outbox_consumer_step(&second, OUTBOX_ALL));
    assert_false(second.follower.owns);
    assert_int_equal(outbox_follower_waiting(&second.follower), 10);
    outbox_consumer_consume(&first);
    assert_int_equal(outbox_increment_many(fixture, 5), STATUS_OK);
    outbox_follower_release(&first.follower, &first.conn);
    outbox_consumer_lead(&second);
    outbox_consumer_consume(&second);
    assert_int_equal(second.count, 5);
    outbox_consumer_close(&first);
    outbox_consumer_close(&second);
}

/* A process that was stopped for longer than its lease. */
static void test_one_that_has_lost_the_lease_moves_nothing(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer sleeper;
    struct outbox_consumer successor;
    struct event event;
    struct outbox_entry *entry;
    outbox_consumer_open(&sleeper, fixture, SHORT_LEASE_MS);
    outbox_consumer_open(&successor, fixture, LEASE_MS);
    assert_int_equal(outbox_increment_many(fixture, 3), STATUS_OK);
    outbox_consumer_lead(&sleeper);
    outbox_consumer_step(&sleeper, OUTBOX_ALL);
    while (outbox_consumer_take(&sleeper, &event, &entry)) {
        outbox_follower_event_done(&sleeper.follower, entry);
    }
    usleep(2 * SHORT_LEASE_MS * 1000);
    outbox_consumer_lead(&successor);
    assert_true(outbox_consumer_step(&sleeper, OUTBOX_ALL)); /* wants to store its position */
    assert_false(sleeper.follower.owns);
    assert_int_equal(outbox_entries(fixture), 1);
    outbox_consumer_consume(&successor);
    assert_int_equal(successor.count, 3);
    outbox_consumer_close(&sleeper);
    outbox_consumer_close(&successor);
}

/* Its lease has expired, and nobody came: it may have been another's meanwhile. */
static void test_an_expired_lease_is_taken_anew_from_the_stored_position(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    struct event event;
    struct outbox_entry *entry;
    outbox_consumer_open(&consumer, fixture, SHORT_LEASE_MS);
    assert_int_equal(outbox_increment_many(fixture, 3), STATUS_OK);
    outbox_consumer_lead(&consumer);
    outbox_consumer_step(&consumer, OUTBOX_ALL);
    while (outbox_consumer_take(&consumer, &event, &entry)) {
        outbox_follower_event_done(&consumer.follower, entry);
    }
    usleep(2 * SHORT_LEASE_MS * 1000);
    assert_true(outbox_consumer_step(&consumer, OUTBOX_ALL));
    assert_true(consumer.follower.owns);
    assert_int_equal(outbox_entries(fixture), 1);
    outbox_consumer_close(&consumer);
}

static void test_the_stream_is_trimmed_behind_the_slowest_consumer(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:pos:rankings", "0-0 0");
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    assert_int_equal(outbox_increment_many(fixture, 3), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 3);
    assert_int_equal(outbox_entries(fixture), 1);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:pos:rankings");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(outbox_entries(fixture), 0);
    outbox_consumer_close(&consumer);
}

static void test_a_flush_of_the_scripts_is_not_noticed(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    assert_int_equal(outbox_increment_many(fixture, 3), STATUS_OK);
    REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH");
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 3);
    outbox_consumer_close(&consumer);
}

static void test_an_entry_of_somebody_else_is_left_out(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    REDIS_ASK(fixture->redis, "XADD", "tally:{p0}:events", "*", "hello", "world");
    REDIS_ASK(fixture->redis, "XADD", "tally:{p0}:events", "*", "n", "1", "i", "garbage", "r", "1");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 2);
    assert_int_equal(consumer.follower.damaged, 2);
    assert_int_equal(outbox_entries(fixture), 0);
    outbox_consumer_close(&consumer);
}

/* Each has 1000 items of 400 bytes: all at once would keep Redis busy for 0.1 s. */
static void test_a_step_reads_few_entries_where_they_are_large(void **state)
{
    NEED_REDIS(state);
    enum { ENTRIES = 40 };
    struct outbox_consumer consumer;
    static char resource_id[RESOURCE_ID_LEN_MAX + 1];
    static struct store_item items[BATCH_ITEMS_MAX];
    memset(resource_id, 'r', RESOURCE_ID_LEN_MAX);
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
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
        outbox_consumer_step(&consumer, OUTBOX_ALL);
        while (outbox_consumer_take(&consumer, &event, &entry)) {
            outbox_follower_event_done(&consumer.follower, entry);
        }
        assert_in_range(consumer.count - before, 0, 4 * BATCH_ITEMS_MAX);
        steps++;
    } while (!consumer.follower.at_end);
    assert_int_equal(consumer.count, ENTRIES * BATCH_ITEMS_MAX);
    assert_in_range(steps, ENTRIES / 4, ENTRIES + 1);
    outbox_consumer_close(&consumer);
}

/* Redis's clock stepped back an hour after the owner of the lease has died. */
static void test_a_lease_that_would_last_too_long_is_cut_short(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:lease:kafka", "somebody", "PX", "3600000");
    outbox_consumer_open(&consumer, fixture, SHORT_LEASE_MS);
    assert_false(outbox_consumer_step(&consumer, OUTBOX_ALL));
    usleep(2 * SHORT_LEASE_MS * 1000);
    outbox_consumer_lead(&consumer);
    outbox_consumer_close(&consumer);
}

/* Nobody follows for it any more: the stream is kept for a day. */
static void test_a_consumer_that_was_configured_away_keeps_the_stream_for_a_day(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:pos:rankings", "0-0 0", "PX", "600");
    assert_int_equal(outbox_increment_many(fixture, 10), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(outbox_entries(fixture), 1);
    usleep(700 * 1000);
    assert_int_equal(outbox_increment_many(fixture, 10), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(outbox_entries(fixture), 0);
    /* The follower's own is renewed, also while it moves nothing, and made anew if somebody has deleted it. */
    assert_in_range(strtol(REDIS_ASK(fixture->redis, "TTL", "tally:{p0}:pos:kafka"), NULL, 10), 86000, 86400);
    REDIS_ASK(fixture->redis, "PERSIST", "tally:{p0}:pos:kafka");
    outbox_consumer_step(&consumer, OUTBOX_ALL);
    assert_in_range(strtol(REDIS_ASK(fixture->redis, "TTL", "tally:{p0}:pos:kafka"), NULL, 10), 86000, 86400);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:pos:kafka");
    assert_true(outbox_consumer_step(&consumer, OUTBOX_ALL));
    outbox_consumer_close(&consumer);
}

/* The clock has stepped by more than a position's life, or the consumer has not come yet. */
static void test_nothing_is_trimmed_before_a_configured_consumer_has_a_position(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    consumer.follower.configured = OUTBOX_HAS_KAFKA | OUTBOX_HAS_RANKINGS;
    outbox_consumer_lead(&consumer);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(outbox_increment_many(fixture, 10), STATUS_OK);
        outbox_consumer_consume(&consumer);
        assert_int_equal(outbox_entries(fixture), i);
    }
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:pos:rankings", "99999999999999-0 20");
    assert_int_equal(outbox_increment_many(fixture, 10), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(outbox_entries(fixture), 0);
    outbox_consumer_close(&consumer);
}

/* Somebody has deleted one of its keys. */
static void test_an_outbox_whose_numbers_are_gone_is_still_bounded(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    assert_int_equal(outbox_increment_many(fixture, 900), STATUS_OK);
    outbox_consumer_consume(&consumer);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:outbox");
    assert_int_equal(outbox_increment_many(fixture, 500), STATUS_OK);
    outbox_consumer_consume(&consumer);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outbox_increment_many(fixture, 900), STATUS_OK);
    }
    assert_in_range(outbox_entries(fixture), 0, 2);
    outbox_consumer_close(&consumer);
}

int main(void)
{
#define TEST(name, start) cmocka_unit_test_setup_teardown(name, start, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_is_what_was_applied, setup),
        TEST(test_what_changes_nothing_is_no_event, setup),
        TEST(test_an_outbox_of_another_type_refuses_the_write_before_anything_is_counted, setup),
        TEST(test_every_event_is_read_once_and_the_stream_is_trimmed_behind, setup),
        TEST(test_a_step_that_reads_writes, setup),
        TEST(test_the_position_stays_before_what_is_not_done, setup),
        TEST(test_one_consumer_leads_and_its_successor_begins_where_it_ended, setup),
        TEST(test_one_that_has_lost_the_lease_moves_nothing, setup),
        TEST(test_an_expired_lease_is_taken_anew_from_the_stored_position, setup),
        TEST(test_the_stream_is_trimmed_behind_the_slowest_consumer, setup),
        TEST(test_a_flush_of_the_scripts_is_not_noticed, setup),
        TEST(test_an_entry_of_somebody_else_is_left_out, setup),
        TEST(test_a_step_reads_few_entries_where_they_are_large, setup),
        TEST(test_a_lease_that_would_last_too_long_is_cut_short, setup),
        TEST(test_a_consumer_that_was_configured_away_keeps_the_stream_for_a_day, setup),
        TEST(test_nothing_is_trimmed_before_a_configured_consumer_has_a_position, setup_dropping),
        TEST(test_an_outbox_whose_numbers_are_gone_is_still_bounded, setup_dropping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
