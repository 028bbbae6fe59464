/* Reads through the store on a real Redis, many callers at once, and what the store tells of itself. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fakes/metrics_text.h"
#include "tests/fakes/store_fixture.h"

/* A listing; free listed and list_memory afterwards. */
static struct store_call list(struct store_fixture *fixture, const char *resource_id)
{
    struct store_item item = store_item_of(resource_id, "", 0);
    struct store_call call = {.operation = STORE_LIST, .items = &item, .item_count = 1};
    buffer_init(&call.list_memory);
    call.status = store_fixture_run(fixture, &call);
    call.items = NULL;
    return call;
}

static void list_done(struct store_call *call)
{
    free(call->listed);
    buffer_done(&call->list_memory);
}

static void test_a_counter_never_written_is_zero(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
    store_fixture_increment_one(fixture, store_item_of("a", "m", 1));
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
}

static void test_positions_of_a_batch_of_reads_never_shift(void **state)
{
    NEED_REDIS(state);
    store_fixture_increment_one(fixture, store_item_of("a", "n", 7));
    store_fixture_increment_one(fixture, store_item_of("b", "n", -8));
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:c:string", "text");
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:c:b", "word", "seven");
    struct store_item items[] = {
        store_item_of("a", "n", 0),      store_item_of("string", "n", 0), store_item_of("b", "n", 0),
        store_item_of("a", "n", 0),      store_item_of("b", "word", 0),   store_item_of("missing", "n", 0),
        store_item_of("b", "absent", 0),
    };
    struct store_call call = {.operation = STORE_GET, .items = items, .item_count = 7};
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_OK);
    assert_true(items[0].status == STATUS_OK && items[0].value == 7);
    assert_int_equal(items[1].status, STATUS_DATA_DAMAGED);
    assert_true(items[2].status == STATUS_OK && items[2].value == -8);
    assert_true(items[3].status == STATUS_OK && items[3].value == 7);
    assert_int_equal(items[4].status, STATUS_DATA_DAMAGED);
    assert_true(items[5].status == STATUS_OK && items[5].value == 0);
    assert_true(items[6].status == STATUS_OK && items[6].value == 0);
}

static void test_a_listing_is_sorted(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {
        store_item_of("a", "view", 3),
        store_item_of("a", "like", INT64_MAX),
        store_item_of("a", "li", -1),
        store_item_of("a", "z.9", 100000000000001),
    };
    assert_int_equal(store_fixture_increment(fixture, items, 4), STATUS_OK);
    static const char *const types[] = {"li", "like", "view", "z.9"};
    static const int64_t values[] = {-1, INT64_MAX, 3, 100000000000001};
    struct store_call call = list(fixture, "a");
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.listed_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(text_equal(call.listed[i].counter_type, text_of(types[i])));
        assert_true(call.listed[i].value == values[i]);
    }
    list_done(&call);
}

static void test_a_resource_never_written_has_no_counters(void **state)
{
    NEED_REDIS(state);
    struct store_call call = list(fixture, "a");
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.listed_count, 0);
    list_done(&call);
}

static void test_a_damaged_resource_is_not_listed(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:c:string", "text");
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:c:word", "m", "1", "n", "seven");
    struct store_call call = list(fixture, "string");
    assert_int_equal(call.status, STATUS_DATA_DAMAGED);
    list_done(&call);
    call = list(fixture, "word");
    assert_int_equal(call.status, STATUS_DATA_DAMAGED);
    assert_int_equal(call.listed_count, 0);
    list_done(&call);
}

static void test_a_listing_has_a_bound(void **state)
{
    NEED_REDIS(state);
    static const char fill[] = "for i = 1, tonumber(ARGV[1]) do redis.call('HSET', KEYS[1], 't' .. i, i) end";
    REDIS_ASK(fixture->redis, "EVAL", fill, "1", "tally:{p0}:c:full", "1000");
    REDIS_ASK(fixture->redis, "EVAL", fill, "1", "tally:{p0}:c:over", "100000");
    store_fixture_await(fixture, true); /* Redis may have been busy for longer than redis.timeout */
    struct store_call call = list(fixture, "full");
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.listed_count, 1000);
    list_done(&call);
    call = list(fixture, "over");
    assert_int_equal(call.status, STATUS_DATA_DAMAGED);
    list_done(&call);
}

/* ---- many callers ---- */

enum { CALLERS = 8, ROUNDS = 200, ITEMS = 5 };

struct caller {
    pthread_t thread;
    struct store_fixture *fixture;
    char name[16];
    bool failed;
};

static void *increment_and_read(void *arg)
{
    struct caller *caller = arg;
    for (int round = 1; round <= ROUNDS && !caller->failed; round++) {
        struct store_item items[ITEMS];
        for (int i = 0; i < ITEMS; i++) {
            items[i] = store_item_of(i % 2 == 0 ? "shared" : caller->name, "n", 1);
        }
        struct store_call write = {.operation = STORE_INCREMENT, .items = items, .item_count = ITEMS};
        caller->failed = store_fixture_run(caller->fixture, &write) != STATUS_OK || items[3].value != 2 * round;
        struct store_item item = store_item_of(caller->name, "n", 0);
        struct store_call read = {.operation = STORE_GET, .items = &item, .item_count = 1};
        caller->failed |= store_fixture_run(caller->fixture, &read) != STATUS_OK || item.value != 2 * round;
    }
    return NULL;
}

static void run_callers(struct store_fixture *fixture)
{
    struct caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.fixture = fixture};
        snprintf(callers[i].name, sizeof(callers[i].name), "own-%d", i);
        assert_int_equal(pthread_create(&callers[i].thread, NULL, increment_and_read, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_false(callers[i].failed);
    }
    assert_int_equal(store_fixture_get(fixture, "shared", "n"), CALLERS * ROUNDS * 3);
}

static void test_many_callers_at_once_lose_nothing(void **state)
{
    NEED_REDIS(state);
    run_callers(fixture);
}

static void test_several_workers_lose_nothing(void **state)
{
    NEED_REDIS(state);
    store_free(fixture->store);
    fixture->config.redis.workers = 3;
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    run_callers(fixture);
}

/* ---- metrics ---- */

static double metric(const char *series)
{
    const double value = metrics_text_value(series, -1);
    assert_true(value >= 0);
    return value;
}

static void test_metrics_count_what_was_done(void **state)
{
    NEED_REDIS(state);
    static const char applied[] = "tally_increments_total";
    static const char replayed[] = "tally_increments_replayed_total";
    static const char writes[] = "tally_redis_duration_seconds_count{op=\"write\"}";
    static const char pipelines[] = "tally_store_batch_size_count";
    store_fixture_increment_one(fixture, store_item_of("first", "n", 1));
    /* The worker counts after it has answered: its next answer shows that it has. */
    store_fixture_get(fixture, "first", "n");
    const double applied_before = metric(applied);
    const double replayed_before = metric(replayed);
    const double writes_before = metric(writes);
    const double pipelines_before = metric(pipelines);
    struct store_item items[] = {store_item_keyed("a", "n", 1, "k"), store_item_keyed("a", "n", 1, "k"),
                                 store_item_keyed("a", "n", 2, "k"), store_item_of("a", "n", 1)};
    assert_int_equal(store_fixture_increment(fixture, items, 4), STATUS_OK);
    store_fixture_get(fixture, "a", "n");
    assert_true(metric(applied) == applied_before + 2);
    assert_true(metric(replayed) == replayed_before + 1);
    assert_true(metric(writes) == writes_before + 1);
    assert_true(metric(pipelines) >= pipelines_before + 1);
    assert_true(metric("tally_redis_up") == 1);
    assert_true(metric("tally_store_queue_length") == 0);
    assert_true(metric("tally_redis_duration_seconds_count{op=\"handshake\"}") >= 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_counter_never_written_is_zero),
        TEST(test_positions_of_a_batch_of_reads_never_shift),
        TEST(test_a_listing_is_sorted),
        TEST(test_a_resource_never_written_has_no_counters),
        TEST(test_a_damaged_resource_is_not_listed),
        TEST(test_a_listing_has_a_bound),
        TEST(test_many_callers_at_once_lose_nothing),
        TEST(test_several_workers_lose_nothing),
        TEST(test_metrics_count_what_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
