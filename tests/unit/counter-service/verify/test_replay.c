#include "counter-service/verify/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "counter-service/commands/redis_keys.h"

static const char store_id[] = "9f86d081884c7d659a2feaa0c55ad015";

/* Counters have cuts at entry 100, unless a test says otherwise. */
enum { CUT = 100, LAST = 200 };
static const struct stream_id start_cuts[] = {{CUT, 0}};
static const struct stream_id last_entries[] = {{LAST, 0}};

struct fixture {
    struct counter_table table;
    struct report report;
    struct replay replay;
    char *text;
    size_t text_len;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    counter_table_init(&fixture->table);
    fixture->report.out = open_memstream(&fixture->text, &fixture->text_len);
    assert_non_null(fixture->report.out);
    fixture->replay = (struct replay){
        .table = &fixture->table,
        .report = &fixture->report,
        .shard = {0, 1},
        .store_id = store_id,
        .partitions = 1,
        .start_cuts = start_cuts,
        .last_entries = last_entries,
    };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    counter_table_done(&fixture->table);
    fclose(fixture->report.out);
    free(fixture->text);
    free(fixture);
    return 0;
}

static struct counter *redis_has(struct fixture *fixture, const char *resource_id, int64_t value)
{
    struct counter *counter = counter_table_take(&fixture->table, text_of(resource_id), TEXT("like"));
    assert_non_null(counter);
    counter->in_redis = REDIS_HAS_COUNTER;
    counter->redis_value = value;
    counter->cut = (struct stream_id){CUT, 0};
    return counter;
}

static struct event_copy event_of(const char *resource_id, uint64_t ms, unsigned place, int64_t delta, int64_t value)
{
    return (struct event_copy){
        .store = "9f86d081",
        .event =
            {
                .entry = {ms, 0},
                .place = place,
                .resource_id = text_of(resource_id),
                .counter_type = TEXT("like"),
                .delta = delta,
                .value = value,
                .has_value = true,
            },
    };
}

static void take_copy(struct fixture *fixture, const struct event_copy *copy)
{
    struct error error = {.message = ""};
    if (replay_take(&fixture->replay, 0, copy, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

static void take(struct fixture *fixture, const char *resource_id, uint64_t ms, unsigned place, int64_t delta,
                 int64_t value)
{
    const struct event_copy copy = event_of(resource_id, ms, place, delta, value);
    take_copy(fixture, &copy);
}

static void compare(struct fixture *fixture, const char *expected)
{
    replay_compare(&fixture->replay);
    fflush(fixture->report.out);
    assert_string_equal(fixture->text, expected);
    assert_int_equal(fixture->report.differences == 0, expected[0] == '\0');
}

static void test_events_that_add_up_are_equal(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 5);
    redis_has(fixture, "zero", 0);
    take(fixture, "a", 1, 0, 7, 7);
    take(fixture, "a", 1, 1, -4, 3);
    take(fixture, "a", 2, 0, 2, 5);
    compare(fixture, "");
    assert_int_equal(fixture->replay.events, 3);
}

static void test_another_sum_differs(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "article_001", 42);
    take(fixture, "article_001", 1, 0, 41, 41);
    compare(fixture, "article_001 like: events say 41, redis has 42\n");
}

static void test_a_counter_without_events_differs_unless_it_is_0(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 42);
    redis_has(fixture, "b", 0);
    compare(fixture, "a like: events say 0, redis has 42\n");
}

static void test_repetitions_count_once(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 3);
    for (int i = 0; i < 2; i++) {
        take(fixture, "a", 1, 0, 1, 1);
        take(fixture, "a", 1, 17, 1, 2);
        take(fixture, "a", 2, 0, 1, 3);
    }
    compare(fixture, "");
    assert_int_equal(fixture->replay.events, 3);
    assert_int_equal(fixture->replay.repetitions, 3);
}

static void test_events_of_other_stores_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 1);
    struct event_copy copy = event_of("a", 5, 0, 1, 77);
    memcpy(copy.store, "9f86d082", sizeof(copy.store));
    take_copy(fixture, &copy);
    take(fixture, "a", 1, 0, 1, 1);
    compare(fixture, "");
    assert_int_equal(fixture->replay.other_stores, 1);
}

static void test_events_beyond_the_cut_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 2);
    redis_has(fixture, "later", 2)->cut = (struct stream_id){CUT + 1, 0};
    take(fixture, "a", CUT, 0, 2, 2);
    take(fixture, "a", CUT + 1, 0, 1, 3);
    take(fixture, "later", CUT + 1, 0, 2, 2);
    take(fixture, "new", CUT + 1, 0, 1, 1);
    compare(fixture, "");
    assert_int_equal(fixture->replay.beyond, 2);
    assert_int_equal(fixture->table.count, 2);
}

static void test_events_that_redis_does_not_know_are_a_difference(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 2);
    take(fixture, "a", 1, 0, 2, 2);
    take(fixture, "a", LAST, 0, 1, 3);
    take(fixture, "a", LAST + 2, 0, 1, 4);
    take(fixture, "new", LAST + 1, 0, 1, 1);
    compare(fixture, "2 events up to entry 202-0 are on the topic that Redis does not know: it has lost writes\n");
    assert_int_equal(fixture->replay.beyond, 1);
}

static void test_a_counter_that_redis_lacks_differs_unless_its_events_are_0(void **state)
{
    struct fixture *fixture = *state;
    take(fixture, "a", 1, 0, 41, 41);
    take(fixture, "b", 1, 1, 1, 1);
    take(fixture, "b", 1, 2, -1, 0);
    compare(fixture, "a like: events say 41, redis has none\n");
}

static void test_a_value_that_does_not_follow_tells_of_missing_events(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "article_001", 17);
    take(fixture, "article_001", 1, 0, 14, 14);
    take(fixture, "article_001", 2, 3, 1, 17);
    compare(fixture, "article_001 like: events missing before 9f86d081-0-2-0-3 (value 17, expected 15)\n"
                     "article_001 like: events say 15, redis has 17\n");
}

static void test_an_unknown_value_is_the_sum(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", 3);
    take(fixture, "a", 1, 0, 1, 1);
    struct event_copy copy = event_of("a", 2, 0, 1, 0);
    copy.event.has_value = false;
    take_copy(fixture, &copy);
    take(fixture, "a", 3, 0, 1, 3);
    compare(fixture, "");
}

static void from_snapshot(struct counter *counter, int64_t value, uint64_t ms)
{
    counter->sum = value;
    counter->value = value;
    counter->last_entry = (struct stream_id){ms, 0};
    counter->last_place = COUNTER_WHOLE_ENTRY;
}

static void test_a_snapshot_has_what_came_before_its_cut(void **state)
{
    struct fixture *fixture = *state;
    from_snapshot(redis_has(fixture, "a", 12), 10, 50);
    take(fixture, "a", 49, 0, 1, 9);
    take(fixture, "a", 50, 999, 1, 10);
    take(fixture, "a", 51, 0, 2, 12);
    take(fixture, "a", 51, 0, 2, 12);
    compare(fixture, "");
    assert_int_equal(fixture->replay.events, 1);
    assert_int_equal(fixture->replay.before_snapshot, 2);
    assert_int_equal(fixture->replay.repetitions, 1);
}

static void test_a_counter_of_the_snapshot_that_redis_lacks_differs(void **state)
{
    struct fixture *fixture = *state;
    from_snapshot(counter_table_take(&fixture->table, TEXT("a"), TEXT("like")), 10, 50);
    compare(fixture, "a like: events say 10, redis has none\n");
}

static void test_resources_of_other_shards_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    fixture->replay.shard.count = 2;
    for (unsigned i = 0; i < 2; i++) {
        fixture->replay.shard.index = i;
        take(fixture, "a", 1, 0, 1, 1);
    }
    assert_int_equal(fixture->replay.events, 1);
    assert_int_equal(fixture->replay.repetitions, 0);
}

static void test_events_of_one_counter_in_two_partitions_cannot_be_compared(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {.message = ""};
    take(fixture, "a", 1, 0, 1, 1);
    const struct event_copy copy = event_of("a", 2, 0, 1, 2);
    assert_int_equal(replay_take(&fixture->replay, 5, &copy, &error), -1);
    assert_non_null(strstr(error.message, "counter a like has events in partitions 0 and 5"));
}

static void test_a_repetition_in_another_partition_is_only_a_repetition(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {.message = ""};
    redis_has(fixture, "a", 2);
    take(fixture, "a", 1, 0, 1, 1);
    const struct event_copy copy = event_of("a", 1, 0, 1, 1);
    assert_int_equal(replay_take(&fixture->replay, 5, &copy, &error), 0);
    take(fixture, "a", 2, 0, 1, 2);
    assert_int_equal(fixture->replay.repetitions, 1);
    compare(fixture, "");
}

static void test_sums_beyond_64_bits_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    redis_has(fixture, "a", INT64_MAX);
    take(fixture, "a", 1, 0, INT64_MAX, INT64_MAX);
    take(fixture, "a", 2, 0, INT64_MAX, 5);
    replay_compare(&fixture->replay);
    assert_int_equal(fixture->report.differences, 2);
}

/* Each partition of Redis has cuts of its own; "a" and "b" are in two of them. */
static void test_an_event_is_compared_with_the_cut_of_its_own_partition(void **state)
{
    struct fixture *fixture = *state;
    const struct stream_id starts[] = {{CUT, 0}, {10 * CUT, 0}};
    const struct stream_id lasts[] = {{LAST, 0}, {10 * LAST, 0}};
    const char *const names[] = {"a", "b", "c", "d"};
    const char *found[2] = {NULL, NULL};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        found[redis_partition_of(text_of(names[i]), 2)] = names[i];
    }
    assert_true(found[0] != NULL && found[1] != NULL);
    fixture->replay.partitions = 2;
    fixture->replay.start_cuts = starts;
    fixture->replay.last_entries = lasts;
    take(fixture, found[0], CUT + 1, 0, 1, 1);
    assert_int_equal(fixture->replay.beyond, 1);
    take(fixture, found[1], CUT + 1, 0, 1, 1);
    assert_int_equal(fixture->replay.events, 1);
    take(fixture, found[1], LAST + 1, 0, 1, 2);
    assert_int_equal(fixture->replay.events, 2);
    assert_int_equal(fixture->replay.lost, 0);
    take(fixture, found[0], LAST + 1, 0, 1, 2);
    assert_int_equal(fixture->replay.lost, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_that_add_up_are_equal),
        TEST(test_another_sum_differs),
        TEST(test_a_counter_without_events_differs_unless_it_is_0),
        TEST(test_repetitions_count_once),
        TEST(test_events_of_other_stores_do_not_count),
        TEST(test_events_beyond_the_cut_do_not_count),
        TEST(test_events_that_redis_does_not_know_are_a_difference),
        TEST(test_a_counter_that_redis_lacks_differs_unless_its_events_are_0),
        TEST(test_a_value_that_does_not_follow_tells_of_missing_events),
        TEST(test_an_unknown_value_is_the_sum),
        TEST(test_a_snapshot_has_what_came_before_its_cut),
        TEST(test_a_counter_of_the_snapshot_that_redis_lacks_differs),
        TEST(test_resources_of_other_shards_are_left_out),
        TEST(test_events_of_one_counter_in_two_partitions_cannot_be_compared),
        TEST(test_a_repetition_in_another_partition_is_only_a_repetition),
        TEST(test_sums_beyond_64_bits_do_no_harm),
        TEST(test_an_event_is_compared_with_the_cut_of_its_own_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
