/* Writes through the store on a real Redis: what a batch does, item by item, and what a repetition of it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "tests/fakes/store_fixture.h"

static const int64_t two_to_62 = INT64_C(1) << 62;

static void assert_value(struct store_item item, int64_t value)
{
    assert_int_equal(item.status, STATUS_OK);
    assert_true(item.value == value);
}

static void test_values_are_exact_over_all_of_int64(void **state)
{
    NEED_REDIS(state);
    assert_value(store_fixture_increment_one(fixture, store_item_of("a", "n", INT64_MAX)), INT64_MAX);
    assert_value(store_fixture_increment_one(fixture, store_item_of("a", "n", INT64_MIN)), -1);
    assert_value(store_fixture_increment_one(fixture, store_item_of("b", "n", INT64_MIN)), INT64_MIN);
    assert_value(store_fixture_increment_one(fixture, store_item_of("c", "n", 100000000000001)), 100000000000001);
    assert_value(store_fixture_increment_one(fixture, store_item_of("c", "n", 9007199254740993)), 9107199254740994);
    assert_true(store_fixture_get(fixture, "b", "n") == INT64_MIN);
    assert_true(store_fixture_get(fixture, "c", "n") == 9107199254740994);
}

/* Up to 2^53 the script takes the value from HINCRBY's number, from there on from HGET. */
static void test_values_around_2_to_53_are_exact(void **state)
{
    struct store_fixture *fixture = *state;
    static const int64_t two_to_53 = INT64_C(1) << 53;
    for (int sign = -1; sign <= 1; sign += 2) {
        const char *name = sign < 0 ? "negative" : "positive";
        int64_t value = sign * (two_to_53 - 2);
        assert_value(store_fixture_increment_one(fixture, store_item_of(name, "n", value)), value);
        for (int i = 0; i < 4; i++) {
            value += sign;
            assert_value(store_fixture_increment_one(fixture, store_item_of(name, "n", sign)), value);
        }
    }
    assert_value(store_fixture_increment_one(fixture, store_item_of("positive", "n", -two_to_53 - 2)), 0);
}

static void test_items_of_a_batch_are_added_one_by_one_in_their_order(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {
        store_item_of("a", "n", two_to_62),
        store_item_of("a", "n", two_to_62),
        store_item_of("a", "n", 1),
        store_item_of("a", "n", -two_to_62),
        store_item_of("a", "n", two_to_62 - 1),
        store_item_of("a", "n", two_to_62 - 1),
    };
    assert_int_equal(store_fixture_increment(fixture, items, 6), STATUS_OK);
    assert_value(items[0], two_to_62);
    assert_int_equal(items[1].status, STATUS_OVERFLOW);
    assert_value(items[2], two_to_62 + 1);
    assert_value(items[3], 1);
    assert_value(items[4], two_to_62);
    assert_value(items[5], INT64_MAX);
    assert_true(store_fixture_get(fixture, "a", "n") == INT64_MAX);
}

static void test_an_overflow_changes_nothing_and_spares_the_other_items(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {store_item_of("low", "n", INT64_MIN), store_item_of("low", "n", -1),
                                 store_item_of("other", "n", 5)};
    assert_int_equal(store_fixture_increment(fixture, items, 3), STATUS_OK);
    assert_int_equal(items[1].status, STATUS_OVERFLOW);
    assert_value(items[2], 5);
    assert_true(store_fixture_get(fixture, "low", "n") == INT64_MIN);
}

/* ---- idempotency keys ---- */

static void test_a_known_key_answers_the_first_result(void **state)
{
    NEED_REDIS(state);
    struct store_item first = store_fixture_increment_one(fixture, store_item_keyed("a", "n", 100000000000001, "k"));
    assert_value(first, 100000000000001);
    assert_false(first.replayed);
    store_fixture_increment_one(fixture, store_item_of("a", "n", 1));
    struct store_item again = store_fixture_increment_one(fixture, store_item_keyed("a", "n", 100000000000001, "k"));
    assert_value(again, 100000000000001);
    assert_true(again.replayed);
    assert_true(store_fixture_get(fixture, "a", "n") == 100000000000002);
}

static void test_a_key_with_another_request_is_refused(void **state)
{
    NEED_REDIS(state);
    store_fixture_increment_one(fixture, store_item_keyed("a", "n", 1, "k"));
    struct store_item delta = store_fixture_increment_one(fixture, store_item_keyed("a", "n", 2, "k"));
    assert_int_equal(delta.status, STATUS_KEY_REUSED);
    struct store_item user = store_item_keyed("a", "n", 1, "k");
    user.user_id = TEXT("somebody");
    assert_int_equal(store_fixture_increment_one(fixture, user).status, STATUS_KEY_REUSED);
    assert_true(store_fixture_get(fixture, "a", "n") == 1);
}

static void test_a_key_belongs_to_one_counter(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {
        store_item_keyed("a", "n", 1, "k"),   store_item_keyed("a", "m", 2, "k"),   store_item_keyed("b", "n", 3, "k"),
        store_item_keyed("a:n", "n", 4, "k"), store_item_keyed("a", "n", 5, "n:k"),
    };
    assert_int_equal(store_fixture_increment(fixture, items, 5), STATUS_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(items[i].status, STATUS_OK);
        assert_false(items[i].replayed);
    }
}

static void test_a_refused_increment_leaves_its_key_free(void **state)
{
    NEED_REDIS(state);
    store_fixture_increment_one(fixture, store_item_of("a", "n", INT64_MAX));
    struct store_item refused = store_fixture_increment_one(fixture, store_item_keyed("a", "n", 1, "k"));
    assert_int_equal(refused.status, STATUS_OVERFLOW);
    struct store_item other = store_fixture_increment_one(fixture, store_item_keyed("a", "n", -1, "k"));
    assert_value(other, INT64_MAX - 1);
    assert_false(other.replayed);
}

static void test_the_same_key_twice_in_a_batch_counts_once(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {
        store_item_keyed("a", "n", 7, "k"),
        store_item_of("a", "n", 1),
        store_item_keyed("a", "n", 7, "k"),
        store_item_keyed("a", "n", 8, "k"),
    };
    assert_int_equal(store_fixture_increment(fixture, items, 4), STATUS_OK);
    assert_value(items[0], 7);
    assert_value(items[1], 8);
    assert_value(items[2], 7);
    assert_true(!items[0].replayed && !items[1].replayed && items[2].replayed);
    assert_int_equal(items[3].status, STATUS_KEY_REUSED);
}

static void test_a_replay_does_not_lengthen_the_life_of_a_key(void **state)
{
    NEED_REDIS(state);
    static const char key[] = "tally:{p0}:i:1:a:n:k";
    store_fixture_increment_one(fixture, store_item_keyed("a", "n", 1, "k"));
    const long created_ms = strtol(REDIS_ASK(fixture->redis, "PTTL", key), NULL, 10);
    assert_in_range(created_ms, 86400000 - 60000, 86400000);
    assert_string_equal(REDIS_ASK(fixture->redis, "PEXPIRE", key, "5000"), "1");
    assert_true(store_fixture_increment_one(fixture, store_item_keyed("a", "n", 1, "k")).replayed);
    assert_in_range(strtol(REDIS_ASK(fixture->redis, "PTTL", key), NULL, 10), 1, 5000);
}

static void test_a_damaged_key_record_refuses_its_item_only(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:i:1:a:n:k", "f", "v");
    struct store_item items[] = {store_item_keyed("a", "n", 1, "k"), store_item_keyed("a", "n", 2, "l")};
    assert_int_equal(store_fixture_increment(fixture, items, 2), STATUS_OK);
    assert_int_equal(items[0].status, STATUS_DATA_DAMAGED);
    assert_value(items[1], 2);
}

static void test_a_batch_of_1000_items_with_all_there_is(void **state)
{
    NEED_REDIS(state);
    static char names[BATCH_ITEMS_MAX][RESOURCE_ID_LEN_MAX + 1];
    struct store_item *items = calloc(BATCH_ITEMS_MAX, sizeof(*items));
    assert_non_null(items);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, "session-12345678"), STATUS_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
            snprintf(names[i], sizeof(names[i]), "%0*zu", RESOURCE_ID_LEN_MAX, i);
            items[i] = store_item_keyed(names[i], "a-type-of-counter", INT64_MIN + (int64_t)i, names[i] + 128);
            items[i].user_id = text_of(names[i] + 128);
        }
        const struct store_session place = store_session_of("session-12345678", SESSION_LANES - 1, INT64_MAX);
        assert_int_equal(store_fixture_increment_in(fixture, place, items, BATCH_ITEMS_MAX), STATUS_OK);
        for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
            assert_value(items[i], INT64_MIN + (int64_t)i);
        }
    }
    free(items);
}

/* ---- bounds and deadlines ---- */

static void fill_types(struct store_fixture *fixture, int first, int count)
{
    static char names[BATCH_ITEMS_MAX][16];
    struct store_item *items = calloc((size_t)count, sizeof(*items));
    assert_non_null(items);
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "t%d", first + i);
        items[i] = store_item_of("a", names[i], 1);
    }
    assert_int_equal(store_fixture_increment(fixture, items, (size_t)count), STATUS_OK);
    for (int i = 0; i < count; i++) {
        assert_value(items[i], 1);
    }
    free(items);
}

static void test_a_resource_has_at_most_1000_counter_types(void **state)
{
    NEED_REDIS(state);
    fill_types(fixture, 0, COUNTER_TYPES_MAX - 2);
    struct store_item items[] = {
        store_item_of("a", "u0", 1), store_item_of("a", "u1", -1),         store_item_of("a", "u2", 1),
        store_item_of("a", "t0", 1), store_item_keyed("a", "u3", 1, "k1"), store_item_of("b", "u3", 1),
    };
    assert_int_equal(store_fixture_increment(fixture, items, 6), STATUS_OK);
    assert_value(items[0], 1);
    assert_value(items[1], -1);
    assert_int_equal(items[2].status, STATUS_TOO_MANY_COUNTER_TYPES);
    assert_value(items[3], 2);
    assert_int_equal(items[4].status, STATUS_TOO_MANY_COUNTER_TYPES);
    assert_value(items[5], 1);
    assert_string_equal(REDIS_ASK(fixture->redis, "HLEN", "tally:{p0}:c:a"), "1000");
    assert_string_equal(REDIS_ASK(fixture->redis, "HEXISTS", "tally:{p0}:c:a", "u3"), "0");
    assert_string_equal(REDIS_ASK(fixture->redis, "EXISTS", "tally:{p0}:i:1:a:u3:k1"), "0");
}

static void test_a_full_resource_can_count_on_from_zero(void **state)
{
    NEED_REDIS(state);
    fill_types(fixture, 0, COUNTER_TYPES_MAX);
    assert_value(store_fixture_increment_one(fixture, store_item_of("a", "t0", -1)), 0);
    assert_value(store_fixture_increment_one(fixture, store_item_of("a", "t0", 5)), 5);
}

static void test_a_call_past_its_deadline_is_not_sent(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "CONFIG", "RESETSTAT");
    struct store_item item = store_item_of("a", "n", 1);
    struct store_call call = {
        .operation = STORE_INCREMENT,
        .items = &item,
        .item_count = 1,
        .deadline_us = clock_monotonic_us() - 1,
    };
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_EXPIRED);
    assert_null(strstr(REDIS_ASK(fixture->redis, "INFO", "commandstats"), "evalsha"));
}

/* The caller's deadline may be far: the service's own bound holds. What Redis has got runs, however late. */
static void test_no_call_lives_longer_than_max_deadline(void **state)
{
    NEED_REDIS(state);
    fixture->config.counter_service.max_deadline_ms = 3000;
    fixture->config.redis.timeout_ms = 20000;
    store_free(fixture->store);
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call pending = {
        .call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1, .deadline_us = INT64_MAX},
    };
    /* A read that waits behind it. */
    struct store_item read = store_item_of("a", "n", 0);
    struct pending_call waiting = {
        .call = {.operation = STORE_GET, .items = &read, .item_count = 1, .deadline_us = INT64_MAX},
    };
    redis_process_pause(fixture->redis);
    assert_int_equal(pending_call_submit(fixture, &pending), STATUS_OK);
    store_fixture_await_taken(fixture);
    assert_int_equal(pending_call_submit(fixture, &waiting), STATUS_OK);
    clock_sleep_ms(3100);
    redis_process_resume(fixture->redis);
    assert_int_equal(pending_call_wait(&pending), STATUS_OK);
    assert_int_equal(pending_call_wait(&waiting), STATUS_EXPIRED);
    assert_true(store_fixture_get(fixture, "a", "n") == 1);
}

static void test_damaged_counters_refuse_their_items_only(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:c:a", "text");
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:c:b", "n", "1.5");
    struct store_item items[] = {store_item_of("a", "n", 1), store_item_of("b", "n", 1), store_item_of("b", "m", 1)};
    assert_int_equal(store_fixture_increment(fixture, items, 3), STATUS_OK);
    assert_int_equal(items[0].status, STATUS_DATA_DAMAGED);
    assert_int_equal(items[1].status, STATUS_DATA_DAMAGED);
    assert_value(items[2], 1);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:c:b", "n"), "1.5");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values_are_exact_over_all_of_int64),
        TEST(test_values_around_2_to_53_are_exact),
        TEST(test_items_of_a_batch_are_added_one_by_one_in_their_order),
        TEST(test_an_overflow_changes_nothing_and_spares_the_other_items),
        TEST(test_a_known_key_answers_the_first_result),
        TEST(test_a_key_with_another_request_is_refused),
        TEST(test_a_key_belongs_to_one_counter),
        TEST(test_a_refused_increment_leaves_its_key_free),
        TEST(test_the_same_key_twice_in_a_batch_counts_once),
        TEST(test_a_replay_does_not_lengthen_the_life_of_a_key),
        TEST(test_a_damaged_key_record_refuses_its_item_only),
        TEST(test_a_batch_of_1000_items_with_all_there_is),
        TEST(test_a_resource_has_at_most_1000_counter_types),
        TEST(test_a_full_resource_can_count_on_from_zero),
        TEST(test_a_call_past_its_deadline_is_not_sent),
        TEST(test_no_call_lives_longer_than_max_deadline),
        TEST(test_damaged_counters_refuse_their_items_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
