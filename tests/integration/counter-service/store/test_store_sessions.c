/* Sessions on a real Redis: a call counts once, whatever is sent again and however late; and what is refused writes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "tests/fakes/store_fixture.h"

static const char session[] = "session-12345678";
static const char session_key[] = "tally:{p0}:s:session-12345678";

static void open_session(struct store_fixture *fixture)
{
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
}

/* One increment by 1 of counter a/n. */
static enum status add_one(struct store_fixture *fixture, unsigned lane, int64_t sequence)
{
    struct store_item item = store_item_of("a", "n", 1);
    const enum status status = store_fixture_increment_in(fixture, store_session_of(session, lane, sequence), &item, 1);
    return status == STATUS_OK ? item.status : status;
}

static void test_a_replayed_call_does_not_count_twice(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    store_fixture_increment_one(fixture, store_item_keyed("a", "n", 1, "k"));
    for (int round = 0; round < 3; round++) {
        struct store_item items[] = {
            store_item_keyed("a", "n", 1, "k"),
            store_item_of("a", "n", INT64_MAX),
            store_item_of("a", "n", -3),
        };
        assert_int_equal(store_fixture_increment_in(fixture, store_session_of(session, 7, 1), items, 3), STATUS_OK);
        assert_int_equal(items[0].status, STATUS_OK);
        assert_true(items[0].value == 1 && items[2].value == -2);
        assert_int_equal(items[1].status, STATUS_OVERFLOW);
        /* As they were the first time: the whole call being a replay is no replay of its items. */
        assert_true(items[0].replayed && !items[2].replayed);
        assert_true(store_fixture_get(fixture, "a", "n") == -2);
    }
}

static void test_a_call_that_the_lane_has_left_behind_writes_nothing(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    assert_int_equal(add_one(fixture, 0, 5), STATUS_OK);
    assert_int_equal(add_one(fixture, 0, 6), STATUS_OK);
    assert_int_equal(add_one(fixture, 0, 5), STATUS_NO_SESSION);
    assert_int_equal(add_one(fixture, 0, 1), STATUS_NO_SESSION);
    assert_int_equal(add_one(fixture, 0, 6), STATUS_OK); /* a replay */
    assert_true(store_fixture_get(fixture, "a", "n") == 2);
    /* Another lane is another matter. */
    assert_int_equal(add_one(fixture, 1, 1), STATUS_OK);
    assert_true(store_fixture_get(fixture, "a", "n") == 3);
    assert_string_equal(REDIS_ASK(fixture->redis, "HLEN", session_key), "3");
}

static void test_sequences_are_compared_exactly(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    static const int64_t growing[] = {
        1,
        9,
        10,
        999999999,
        1000000000,
        INT64_C(9007199254740992), /* 2^53 */
        INT64_C(9007199254740993),
        INT64_C(1000000000000000001),
        INT64_C(1000000000000000002),
        INT64_MAX - 1,
        INT64_MAX,
    };
    enum { COUNT = sizeof(growing) / sizeof(growing[0]) };
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(add_one(fixture, 0, growing[i]), STATUS_OK);
        assert_true(store_fixture_get(fixture, "a", "n") == (int64_t)i + 1);
        for (size_t earlier = 0; earlier < i; earlier++) {
            assert_int_equal(add_one(fixture, 0, growing[earlier]), STATUS_NO_SESSION);
        }
    }
    assert_true(store_fixture_get(fixture, "a", "n") == COUNT);
}

static void test_a_sequence_with_other_items_is_refused(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    const struct store_session place = store_session_of(session, 0, 1);
    struct store_item items[] = {store_item_of("a", "n", 1), store_item_of("b", "n", 1)};
    assert_int_equal(store_fixture_increment_in(fixture, place, items, 2), STATUS_OK);
    assert_int_equal(store_fixture_increment_in(fixture, place, items, 1), STATUS_KEY_REUSED);
    items[1].delta = 2;
    assert_int_equal(store_fixture_increment_in(fixture, place, items, 2), STATUS_KEY_REUSED);
    assert_true(store_fixture_get(fixture, "a", "n") == 1);
    assert_true(store_fixture_get(fixture, "b", "n") == 1);
}

static void test_without_its_session_a_call_writes_nothing(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(add_one(fixture, 0, 1), STATUS_NO_SESSION);
    assert_string_equal(REDIS_ASK(fixture->redis, "EXISTS", session_key), "0");
    open_session(fixture);
    assert_int_equal(add_one(fixture, 0, 1), STATUS_OK);
    REDIS_ASK(fixture->redis, "DEL", session_key);
    assert_int_equal(add_one(fixture, 0, 1), STATUS_NO_SESSION);
    assert_int_equal(add_one(fixture, 0, 2), STATUS_NO_SESSION);
    assert_string_equal(REDIS_ASK(fixture->redis, "EXISTS", session_key), "0");
    assert_true(store_fixture_get(fixture, "a", "n") == 1);
}

static long life_ms(struct store_fixture *fixture)
{
    return strtol(REDIS_ASK(fixture->redis, "PTTL", session_key), NULL, 10);
}

static void test_a_session_ends_unless_it_is_kept(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, session), STATUS_NO_SESSION);
    assert_string_equal(REDIS_ASK(fixture->redis, "EXISTS", session_key), "0");
    open_session(fixture);
    assert_in_range(life_ms(fixture), 3600000 - 60000, 3600000);
    REDIS_ASK(fixture->redis, "PEXPIRE", session_key, "60000");
    assert_int_equal(add_one(fixture, 0, 1), STATUS_OK);
    assert_in_range(life_ms(fixture), 1, 60000); /* calls do not keep it: that would cost each of them */
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, session), STATUS_OK);
    assert_in_range(life_ms(fixture), 3600000 - 60000, 3600000);
}

static void test_opening_tells_the_store(void **state)
{
    NEED_REDIS(state);
    struct store_item nothing = {.status = STATUS_OK};
    struct store_call call = {.operation = STORE_OPEN_SESSION,
                              .session = store_session_of(session, 0, 0),
                              .items = &nothing,
                              .item_count = 1};
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_OK);
    assert_string_equal(call.store_id, REDIS_ASK(fixture->redis, "GET", "tally:store"));
    assert_int_equal(strlen(call.store_id), STORE_ID_LEN);
    assert_int_equal(call.idle_timeout_ms, 3600000);
}

/* Redis that was emptied under the service is another store, and the session is not in it. */
static void test_no_session_is_opened_in_data_that_was_replaced(void **state)
{
    NEED_REDIS(state);
    char before[STORE_ID_LEN + 1];
    snprintf(before, sizeof(before), "%s", REDIS_ASK(fixture->redis, "GET", "tally:store"));
    const unsigned changes = store_fixture_changes(fixture);
    REDIS_ASK(fixture->redis, "FLUSHALL");
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_REDIS_DOWN);
    store_fixture_await_reconnect(fixture, changes);
    open_session(fixture);
    assert_string_not_equal(before, REDIS_ASK(fixture->redis, "GET", "tally:store"));
}

static void test_a_session_key_of_another_type_refuses_the_call(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SET", session_key, "text");
    assert_int_equal(add_one(fixture, 0, 1), STATUS_REDIS_DOWN);
    assert_true(store_fixture_get(fixture, "a", "n") == 0);
}

static void test_a_lane_that_somebody_else_wrote_ends_the_session(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    REDIS_ASK(fixture->redis, "HSET", session_key, "0", "garbage");
    assert_int_equal(add_one(fixture, 0, 1), STATUS_NO_SESSION);
    REDIS_ASK(fixture->redis, "HSET", session_key, "0", "");
    assert_int_equal(add_one(fixture, 0, 1), STATUS_NO_SESSION);
    assert_true(store_fixture_get(fixture, "a", "n") == 0);
}

static void test_a_flushed_script_is_sent_again_and_counts_once(void **state)
{
    NEED_REDIS(state);
    open_session(fixture);
    for (int64_t sequence = 1; sequence <= 3; sequence++) {
        REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH");
        assert_int_equal(add_one(fixture, 0, sequence), STATUS_OK);
    }
    assert_true(store_fixture_get(fixture, "a", "n") == 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_replayed_call_does_not_count_twice),
        TEST(test_a_call_that_the_lane_has_left_behind_writes_nothing),
        TEST(test_sequences_are_compared_exactly),
        TEST(test_a_sequence_with_other_items_is_refused),
        TEST(test_without_its_session_a_call_writes_nothing),
        TEST(test_a_session_ends_unless_it_is_kept),
        TEST(test_opening_tells_the_store),
        TEST(test_no_session_is_opened_in_data_that_was_replaced),
        TEST(test_a_session_key_of_another_type_refuses_the_call),
        TEST(test_a_lane_that_somebody_else_wrote_ends_the_session),
        TEST(test_a_flushed_script_is_sent_again_and_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
