/* An outbox on a real Redis that is full, or that has filled Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/outbox_consumer.h"

enum { LEASE_MS = 60 * 1000 };

static int setup(void **state)
{
    return outbox_setup(state, 1000000, WHEN_FULL_DROP_OLDEST);
}

static int setup_dropping(void **state)
{
    return outbox_setup(state, 1000, WHEN_FULL_DROP_OLDEST);
}

static int setup_refusing(void **state)
{
    return outbox_setup(state, 1000, WHEN_FULL_REFUSE);
}

static void test_a_full_outbox_drops_its_oldest_and_the_gap_is_counted(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    const uint64_t dropped_before = outbox_dropped();
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    for (int i = 0; i < 1500; i++) {
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    }
    assert_int_equal(outbox_increment_many(fixture, BATCH_ITEMS_MAX), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2500);
    outbox_consumer_consume(&consumer);
    assert_in_range(consumer.count, 1, 1000);
    assert_int_equal(consumer.count + outbox_dropped() - dropped_before, 2500);
    /* With room again nothing is dropped. */
    assert_int_equal(outbox_increment_many(fixture, 900), STATUS_OK);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 900);
    outbox_consumer_close(&consumer);
}

static void test_drops_while_nobody_follows_are_counted_by_who_drops(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    const uint64_t dropped_before = outbox_dropped();
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    outbox_follower_release(&consumer.follower, &consumer.conn);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(outbox_increment_many(fixture, 100), STATUS_OK);
    }
    outbox_consumer_lead(&consumer);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count + outbox_dropped() - dropped_before, 3000);
    assert_in_range(consumer.count, 800, 1000);
    outbox_consumer_close(&consumer);
}

static void test_a_full_outbox_refuses_if_it_is_told_to_and_nothing_is_lost(void **state)
{
    NEED_REDIS(state);
    struct outbox_consumer consumer;
    const double refused = metrics_text_value("tally_events_refused_total", 0);
    const uint64_t dropped_before = outbox_dropped();
    outbox_consumer_open(&consumer, fixture, LEASE_MS);
    outbox_consumer_lead(&consumer);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(outbox_increment_many(fixture, 100), STATUS_OK);
    }
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    assert_int_equal(outbox_increment_many(fixture, 7), STATUS_WRITES_REFUSED);
    assert_true(metrics_text_value("tally_events_refused_total", 0) == refused + 8);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1000);
    outbox_consumer_consume(&consumer);
    assert_int_equal(consumer.count, 1000);
    assert_int_equal(outbox_dropped() - dropped_before, 0);
    assert_int_equal(outbox_increment_many(fixture, BATCH_ITEMS_MAX), STATUS_OK);
    outbox_consumer_close(&consumer);
}

/* A replay changes nothing, so it needs no room. */
static void test_a_full_outbox_still_answers_a_replay(void **state)
{
    NEED_REDIS(state);
    static const char session[] = "session-12345678";
    struct store_item item = store_item_of("b", "n", 1);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(session, 0, 1), &item, 1), STATUS_OK);
    assert_int_equal(outbox_increment_many(fixture, 999), STATUS_OK);
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
    assert_int_equal(outbox_increment_many(fixture, 999), STATUS_OK);
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
    assert_int_equal(outbox_increment_many(fixture, 999), STATUS_OK);
    const uint64_t dropped_before = outbox_dropped();
    assert_int_equal(store_fixture_increment(fixture, &again, 1), STATUS_OK);
    assert_true(again.replayed);
    assert_int_equal(outbox_dropped() - dropped_before, 0);
}

/* maxmemory so much above what Redis uses now. */
static void leave_memory(struct store_fixture *fixture, unsigned long bytes)
{
    const char *used = strstr(REDIS_ASK(fixture->redis, "INFO", "memory"), "used_memory:");
    assert_non_null(used);
    char limit[32];
    snprintf(limit, sizeof(limit), "%lu", strtoul(used + strlen("used_memory:"), NULL, 10) + bytes);
    assert_string_equal(REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", limit), "OK");
}

/* Kafka is gone, and Redis's memory ends before events.outbox_max. */
static void test_a_redis_that_events_have_filled_lets_the_oldest_go(void **state)
{
    NEED_REDIS(state);
    static const char session[] = "session-12345678";
    const uint64_t dropped_before = outbox_dropped();
    leave_memory(fixture, 2UL << 20);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(outbox_increment_many(fixture, BATCH_ITEMS_MAX), STATUS_OK);
    }
    assert_true(outbox_dropped() > dropped_before);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 400 * BATCH_ITEMS_MAX);
    leave_memory(fixture, 0);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
}

static void test_a_redis_that_others_have_filled_refuses_as_before(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "1000");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    }
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
}

static void test_a_redis_that_events_have_filled_refuses_if_told_to(void **state)
{
    NEED_REDIS(state);
    const uint64_t dropped_before = outbox_dropped();
    assert_int_equal(outbox_increment_many(fixture, 900), STATUS_OK);
    leave_memory(fixture, 0);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "1000");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    assert_int_equal(outbox_dropped() - dropped_before, 0);
    assert_int_equal(outbox_entries(fixture), 1);
}

int main(void)
{
#define TEST(name, start) cmocka_unit_test_setup_teardown(name, start, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_replay_pushes_nothing_out_of_a_full_outbox, setup_dropping),
        TEST(test_a_full_outbox_answers_keys_that_it_knows, setup_refusing),
        TEST(test_a_redis_that_events_have_filled_lets_the_oldest_go, setup),
        TEST(test_a_redis_that_others_have_filled_refuses_as_before, setup),
        TEST(test_a_redis_that_events_have_filled_refuses_if_told_to, setup_refusing),
        TEST(test_a_full_outbox_drops_its_oldest_and_the_gap_is_counted, setup_dropping),
        TEST(test_drops_while_nobody_follows_are_counted_by_who_drops, setup_dropping),
        TEST(test_a_full_outbox_refuses_if_it_is_told_to_and_nothing_is_lost, setup_refusing),
        TEST(test_a_full_outbox_still_answers_a_replay, setup_refusing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
