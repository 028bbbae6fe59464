/* A store whose data have several partitions, on one Redis: calls that span them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "counter-service/commands/redis_keys.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/wait_for.h"

enum { NAME_SIZE = 16 };

static int setup_of(void **state, int partitions)
{
    *state = NULL;
    if (redis_process_available()) {
        struct store_fixture *fixture = store_fixture_create(redis_process_start(NULL));
        *state = fixture;
        fixture->config.redis.partitions = partitions;
        fixture->config.redis.workers = 2;
        store_fixture_open(fixture);
        store_fixture_await(fixture, true);
    }
    return 0;
}

static int setup_4(void **state)
{
    return setup_of(state, 4);
}

static int setup_64(void **state)
{
    return setup_of(state, 64);
}

static int setup_1024(void **state)
{
    return setup_of(state, 1024);
}

static char names[BATCH_ITEMS_MAX][NAME_SIZE];

/* Items of as many resources, each with its place as delta. keyed: with keys. */
static struct store_item *items_of(size_t count, const char *key)
{
    static struct store_item items[BATCH_ITEMS_MAX];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], NAME_SIZE, "r%zu", i);
        items[i] = store_item_keyed(names[i], "n", (int64_t)i + 1, key);
    }
    return items;
}

static void expect_values(const struct store_item *items, size_t count, int64_t times, bool replayed)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items[i].status, STATUS_OK);
        assert_int_equal(items[i].value, ((int64_t)i + 1) * times);
        assert_int_equal(items[i].replayed, replayed);
    }
}

static void expect_read(struct store_fixture *fixture, size_t count, int64_t times)
{
    struct store_item *items = items_of(count, "");
    struct store_call get = {.operation = STORE_GET, .items = items, .item_count = count};
    assert_int_equal(store_fixture_run(fixture, &get), STATUS_OK);
    expect_values(items, count, times, false);
}

static void test_a_batch_spans_partitions(void **state)
{
    NEED_REDIS(state);
    struct store_item *items = items_of(BATCH_ITEMS_MAX, "");
    assert_int_equal(store_fixture_increment(fixture, items, BATCH_ITEMS_MAX), STATUS_OK);
    expect_values(items, BATCH_ITEMS_MAX, 1, false);
    expect_read(fixture, BATCH_ITEMS_MAX, 1);
    items = items_of(BATCH_ITEMS_MAX, "");
    assert_int_equal(store_fixture_increment(fixture, items, BATCH_ITEMS_MAX), STATUS_OK);
    expect_values(items, BATCH_ITEMS_MAX, 2, false);
}

static void test_each_counter_is_under_the_tag_of_its_partition(void **state)
{
    NEED_REDIS(state);
    struct store_item *items = items_of(20, "");
    const int partitions = fixture->config.redis.partitions;
    assert_int_equal(store_fixture_increment(fixture, items, 20), STATUS_OK);
    for (size_t i = 0; i < 20; i++) {
        char key[64];
        char value[16];
        snprintf(key, sizeof(key), "tally:{p%d}:c:%s", redis_partition_of(items[i].resource_id, partitions), names[i]);
        snprintf(value, sizeof(value), "%zu", i + 1);
        assert_string_equal(REDIS_ASK(fixture->redis, "HGET", key, "n"), value);
    }
}

static void test_a_replayed_batch_does_not_count_twice(void **state)
{
    NEED_REDIS(state);
    struct store_item *items = items_of(100, "key");
    assert_int_equal(store_fixture_increment(fixture, items, 100), STATUS_OK);
    expect_values(items, 100, 1, false);
    items = items_of(100, "key");
    assert_int_equal(store_fixture_increment(fixture, items, 100), STATUS_OK);
    expect_values(items, 100, 1, true);
    expect_read(fixture, 100, 1);
}

static void test_a_batch_in_a_session_counts_once(void **state)
{
    NEED_REDIS(state);
    static const char id[] = "session-of-parts";
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, id), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, id), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct store_item *items = items_of(100, "");
        assert_int_equal(store_fixture_increment_in(fixture, store_session_of(id, 0, 1), items, 100), STATUS_OK);
        for (size_t n = 0; n < 100; n++) {
            assert_int_equal(items[n].status, STATUS_OK);
            assert_int_equal(items[n].value, n + 1);
        }
    }
    expect_read(fixture, 100, 1);
    struct store_item *items = items_of(100, "");
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(id, 0, 2), items, 100), STATUS_OK);
    expect_values(items, 100, 2, false);
}

static void test_a_list_is_of_one_partition(void **state)
{
    NEED_REDIS(state);
    struct store_item items[3] = {store_item_of("r7", "a", 1), store_item_of("r7", "b", 2),
                                  store_item_of("r8", "a", 3)};
    assert_int_equal(store_fixture_increment(fixture, items, 3), STATUS_OK);
    struct store_call list = {.operation = STORE_LIST, .items = items, .item_count = 1};
    buffer_init(&list.list_memory);
    assert_int_equal(store_fixture_run(fixture, &list), STATUS_OK);
    assert_int_equal(list.listed_count, 2);
    assert_int_equal(list.listed[0].value, 1);
    assert_int_equal(list.listed[1].value, 2);
    free(list.listed);
    buffer_done(&list.list_memory);
}

static void test_a_session_lost_in_one_partition_is_lost(void **state)
{
    NEED_REDIS(state);
    static const char id[] = "session-lost-in-";
    const int partitions = fixture->config.redis.partitions;
    char key[64];
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, id), STATUS_OK);
    snprintf(key, sizeof(key), "tally:{p%d}:s:%s", partitions - 2, id);
    assert_string_equal(REDIS_ASK(fixture->redis, "DEL", key), "1");
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, id), STATUS_NO_SESSION);
    /* Only what is in that partition is refused. */
    struct store_item *items = items_of(200, "");
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(id, 0, 1), items, 200), STATUS_OK);
    size_t refused = 0;
    for (size_t i = 0; i < 200; i++) {
        const bool is_there = redis_partition_of(items[i].resource_id, partitions) == partitions - 2;
        assert_int_equal(items[i].status, is_there ? STATUS_NO_SESSION : STATUS_OK);
        refused += is_there;
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < 200; i++) {
        const bool is_there = redis_partition_of(items[i].resource_id, partitions) == partitions - 2;
        assert_int_equal(store_fixture_get(fixture, names[i], "n"), is_there ? 0 : (int64_t)i + 1);
    }
}

static void test_flushed_data_are_noticed_by_a_session(void **state)
{
    NEED_REDIS(state);
    static const char id[] = "session-flushed-";
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, id), STATUS_OK);
    const unsigned changes = store_fixture_changes(fixture);
    assert_string_equal(REDIS_ASK(fixture->redis, "FLUSHALL"), "OK");
    const enum status status = store_fixture_session(fixture, STORE_KEEP_SESSION, id);
    assert_true(status == STATUS_NO_SESSION || status == STATUS_REDIS_DOWN);
    WAIT_FOR(store_fixture_changes(fixture) >= changes + 2);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, id), STATUS_NO_SESSION);
    struct store_item *items = items_of(100, "");
    assert_int_equal(store_fixture_increment_in(fixture, store_session_of(id, 0, 1), items, 100), STATUS_NO_SESSION);
    items = items_of(100, "");
    assert_int_equal(store_fixture_increment(fixture, items, 100), STATUS_OK);
    expect_read(fixture, 100, 1);
}

static void test_a_script_that_was_flushed_is_sent_again(void **state)
{
    NEED_REDIS(state);
    assert_string_equal(REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH"), "OK");
    struct store_item *items = items_of(100, "");
    assert_int_equal(store_fixture_increment(fixture, items, 100), STATUS_OK);
    expect_values(items, 100, 1, false);
}

static void test_parts_whose_replies_are_lost_are_unknown(void **state)
{
    NEED_REDIS(state);
    struct store_item *items = items_of(100, "key");
    redis_process_pause(fixture->redis);
    struct store_call call = {.operation = STORE_INCREMENT, .items = items, .item_count = 100};
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_REPLY_LOST);
    redis_process_resume(fixture->redis);
    store_fixture_await(fixture, true);
    items = items_of(100, "key");
    WAIT_FOR(store_fixture_increment(fixture, items, 100) == STATUS_OK);
    expect_read(fixture, 100, 1);
}

static void test_a_store_that_ends_ends_all_parts(void **state)
{
    NEED_REDIS(state);
    enum { CALLS = 50 };
    static struct pending_call pending[CALLS];
    static struct store_item items[CALLS][20];
    const struct store_item *made = items_of(20, ""); /* once: calls under way point to the names */
    for (int i = 0; i < CALLS; i++) {
        memcpy(items[i], made, sizeof(items[i]));
        pending[i] = (struct pending_call){.call = {.operation = STORE_INCREMENT, .items = items[i], .item_count = 20}};
        assert_int_equal(pending_call_submit(fixture, &pending[i]), STATUS_OK);
    }
    store_free(fixture->store);
    fixture->store = NULL;
    int64_t counted[20] = {0};
    for (int i = 0; i < CALLS; i++) {
        const enum status status = pending_call_wait(&pending[i]);
        for (int n = 0; n < 20; n++) {
            const enum status of_item = status == STATUS_OK ? items[i][n].status : status;
            assert_true(of_item == STATUS_OK || of_item == STATUS_DRAINING);
            counted[n] += of_item == STATUS_OK ? n + 1 : 0;
        }
    }
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    for (int n = 0; n < 20; n++) {
        assert_int_equal(store_fixture_get(fixture, names[n], "n"), counted[n]);
    }
}

#define ON(setup, test) cmocka_unit_test_setup_teardown(test, setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(setup_4, test_a_batch_spans_partitions),
        ON(setup_64, test_a_batch_spans_partitions),
        ON(setup_1024, test_a_batch_spans_partitions),
        ON(setup_64, test_each_counter_is_under_the_tag_of_its_partition),
        ON(setup_4, test_a_replayed_batch_does_not_count_twice),
        ON(setup_64, test_a_replayed_batch_does_not_count_twice),
        ON(setup_4, test_a_batch_in_a_session_counts_once),
        ON(setup_64, test_a_batch_in_a_session_counts_once),
        ON(setup_64, test_a_list_is_of_one_partition),
        ON(setup_4, test_a_session_lost_in_one_partition_is_lost),
        ON(setup_64, test_a_session_lost_in_one_partition_is_lost),
        ON(setup_64, test_flushed_data_are_noticed_by_a_session),
        ON(setup_64, test_a_script_that_was_flushed_is_sent_again),
        ON(setup_64, test_parts_whose_replies_are_lost_are_unknown),
        ON(setup_64, test_a_store_that_ends_ends_all_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
