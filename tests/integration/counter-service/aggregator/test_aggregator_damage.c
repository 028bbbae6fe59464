/* The aggregator on a real Redis that somebody has damaged, beside instances that are configured otherwise, and by
 * clocks that are set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"
#include "tests/fakes/ranking_fixture.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static void test_a_damaged_record_is_as_good_as_none(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:r:like", "r7", "nonsense");
    ranking_fixture_write_one(rankings, now_ms + 1, 7, 1);
    ranking_fixture_kill(run);
    run = ranking_fixture_start(rankings); /* the other one knew what it had written */
    ranking_fixture_settle(run);
    assert_string_equal(run->trouble.message, "");
    assert_true(ranking_fixture_since(run, "day") == now_ms + 1 && ranking_fixture_since(run, "1h") == now_ms + 1);
    assert_true(ranking_fixture_since(run, "all") == INT64_MIN);
    ranking_fixture_compare(rankings, run);
    /* One that leaves its bucket, and one that a scan comes by. */
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:r:like", "r8", "nonsense", "r9", "\x01\x05");
    ranking_fixture_write_one(rankings, now_ms + 2 * HOUR, 1, 1);
    ranking_fixture_settle(run);
    assert_string_equal(run->trouble.message, "");
    /* What was damaged when it was counted is right again when all that was lost has left. */
    ranking_fixture_write_one(rankings, now_ms + 25 * HOUR, 7, 5);
    ranking_fixture_settle(run);
    for (size_t i = 0; i < 2; i++) {
        const struct ranked_window *rolling = ranking_fixture_window(run, i == 0 ? "1h" : "24h");
        assert_true(ranking_table_find(&rolling->table, TEXT("r7"))->score == 5);
    }
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* Somebody sets a counter by hand: the next event puts the top right. */
static void test_a_counter_that_was_set_is_right_with_its_next_event(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 400, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 400, 1);
    ranking_fixture_settle(run);
    const struct ranked_window *all = ranking_fixture_window(run, "all");
    assert_true(all->table.is_bounded && all->table.floor.score > 100);
    assert_non_null(ranking_table_find(&all->table, TEXT("r399")));
    rankings->counters[399] = 5;
    ranking_fixture_write_one(rankings, now_ms + 1, 399, 1);
    ranking_fixture_settle(run);
    assert_null(ranking_table_find(&all->table, TEXT("r399")));
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* ---- buckets ---- */

/* A bucket that holds no number, and a key of another type, which is mended. */
static void test_a_damaged_bucket_stops_nothing(void **state)
{
    NEED_REDIS(state);
    char key[64];
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms() / HOUR * HOUR;
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    const struct ranked_window *hour = ranking_fixture_window(run, "1h");
    snprintf(key, sizeof(key), "tally:{p0}:r:like:60m:b%lld", (long long)hour->board.period);
    REDIS_ASK(fixture->redis, "HSET", key, "r1", "abc");
    ranking_fixture_write_one(rankings, now_ms + 65 * MINUTE, 2, 1);
    ranking_fixture_settle(run);
    assert_true(hour->board.oldest == hour->board.newest && ranking_fixture_since(run, "1h") > now_ms);
    snprintf(key, sizeof(key), "tally:{p0}:r:like:60m:b%lld", (long long)hour->board.period);
    REDIS_ASK(fixture->redis, "DEL", key);
    REDIS_ASK(fixture->redis, "SET", key, "x");
    ranking_fixture_write_one(rankings, now_ms + 65 * MINUTE + 1, 3, 1);
    for (int i = 0; i < 3; i++) {
        (void)ranking_fixture_turn(run); /* a part of what it writes is refused */
    }
    assert_true(run->state.is_torn);
    REDIS_ASK(fixture->redis, "DEL", key);
    for (int i = 0; i < 3; i++) {
        ranking_fixture_hurry(run);
        (void)ranking_fixture_turn(run);
    }
    ranking_fixture_settle(run);
    assert_false(run->state.is_torn || ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* The day of the one is not the day of the other. */
static void test_a_changed_offset_mixes_no_periods(void **state)
{
    NEED_REDIS(state);
    static const int offsets[] = {0, 480, -480, 0};
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    const int64_t day_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        rankings->ranking.utc_offset_min = offsets[i];
        struct aggregator_run *run = ranking_fixture_start(rankings);
        ranking_fixture_write_each(rankings, day_ms + (int64_t)i * 7 * HOUR, 30, 1);
        ranking_fixture_settle(run);
        struct ranked_window *day = ranking_fixture_window(run, "day");
        assert_true(day->board.period == ranking_period_at(&day->window, rankings->now_ms));
        /* Whole if it has begun since this offset's leader leads. */
        const int64_t led_ms = day_ms + ((int64_t)i - 1) * 7 * HOUR;
        assert_int_equal(ranking_fixture_is_whole(day),
                         i == 0 || ranking_period_start(&day->window, day->board.period) >= led_ms);
        assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
        ranking_fixture_compare(rankings, run);
        ranking_fixture_kill(run);
    }
    ranking_fixture_free(rankings);
}

/* Nothing that the buckets of before hold is taken from sums that it is not in. */
static void test_a_state_that_was_deleted_begins_with_nothing(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t day_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    ranking_fixture_write_each(rankings, day_ms, 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:rankings");
    run = ranking_fixture_start(rankings);
    for (int minute = 0; minute < 140; minute += 35) {
        ranking_fixture_write_one(rankings, day_ms + 1000 + minute * MINUTE, 3, 1); /* the first in the same bucket */
        ranking_fixture_settle(run);
    }
    assert_int_equal(ranking_fixture_window(run, "1h")->table.count, 1);
    assert_true(ranking_table_find(&ranking_fixture_window(run, "1h")->table, TEXT("r3"))->score == 2);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_board_that_was_deleted_lets_its_buckets_go(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t day_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    ranking_fixture_write_each(rankings, day_ms, 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    REDIS_ASK(fixture->redis, "HDEL", "tally:{p0}:rankings", "b:like:60m");
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_one(rankings, day_ms + 5 * MINUTE, 29, 1);
    ranking_fixture_settle(run);
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "1h")));
    ranking_fixture_write_one(rankings, day_ms + 200 * MINUTE, 29, 1);
    ranking_fixture_settle(run);
    const struct ranked_window *hour = ranking_fixture_window(run, "1h");
    assert_int_equal(hour->table.count, 1);
    assert_true(ranking_table_find(&hour->table, TEXT("r29"))->score == 1);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* What somebody does to the string of a top. */
static const char *const damages[][4] = {
    {"DEL", "tally:{p0}:r:like:all:0"},
    {"SET", "tally:{p0}:r:like:all:0", ""},
    {"APPEND", "tally:{p0}:r:like:all:0", "x"},
    {"SETRANGE", "tally:{p0}:r:like:all:0", "0", "\x02"},
    {"SETRANGE", "tally:{p0}:r:like:all:0", "1", "\x7f"},
};

static void test_a_top_that_was_damaged_is_made_anew(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    for (size_t i = 0; i <= sizeof(damages) / sizeof(damages[0]); i++) {
        const bool leads_on = i == 0; /* found by the next write; the others by whoever begins to lead */
        ranking_fixture_kill(run);
        run = leads_on ? ranking_fixture_start(rankings) : NULL;
        if (i == sizeof(damages) / sizeof(damages[0])) {
            REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:r:like:all:0");
            REDIS_ASK(fixture->redis, "LPUSH", "tally:{p0}:r:like:all:0", "x");
        } else if (damages[i][3] != NULL) {
            REDIS_ASK(fixture->redis, damages[i][0], damages[i][1], damages[i][2], damages[i][3]);
        } else if (damages[i][2] != NULL) {
            REDIS_ASK(fixture->redis, damages[i][0], damages[i][1], damages[i][2]);
        } else {
            REDIS_ASK(fixture->redis, damages[i][0], damages[i][1]);
        }
        run = leads_on ? run : ranking_fixture_start(rankings);
        ranking_fixture_write_one(rankings, ++now_ms, 29, 1);
        for (int turns = 0; turns < 5 && leads_on; turns++) {
            ranking_fixture_hurry(run);
            (void)ranking_fixture_turn(run);
        }
        ranking_fixture_settle(run);
        assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
        ranking_fixture_compare(rankings, run);
    }
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_as_long_as_an_instance_adds_no_events_they_are_missing(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    /* Each of its heartbeats says so. */
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:uncounted", "1");
    for (int i = 1; i <= 3; i++) {
        run->follower->clock_ms = now_ms + i * 1000;
        run->uncounted_look_us = 0;
        (void)ranking_fixture_turn(run);
        ranking_fixture_upkeep_is_due(run);
    }
    assert_true(ranking_fixture_since(run, "day") >= now_ms &&
                !ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:uncounted");
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all"))); /* from the counters */
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_heartbeat_tells_that_this_instance_adds_no_events(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:lease:rankings", "somebody");
    const int64_t give_up_us = clock_monotonic_us() + 10 * 1000 * 1000;
    while (strcmp(REDIS_ASK(fixture->redis, "EXISTS", "tally:{p0}:uncounted"), "1") != 0) {
        assert_true(clock_monotonic_us() < give_up_us);
        clock_sleep_ms(20);
    }
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:lease:rankings");
}

/* They were the last of their hour, and no event has come since. */
static void test_the_last_events_of_a_period_are_missing_in_it(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t hour_ms = ranking_fixture_start_ms() / HOUR * HOUR + HOUR;
    ranking_fixture_write_each(rankings, hour_ms + 58 * MINUTE, 30, 1);
    ranking_fixture_settle(run);
    const struct ranking_event lost = {.resource = 7, .delta = 1000};
    ranking_fixture_drop(rankings, hour_ms + 59 * MINUTE, &lost, 1);
    for (int i = 0; i < 5; i++) {
        (void)ranking_fixture_turn(run);
    }
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "hour")));
    ranking_fixture_write_one(rankings, hour_ms + 60 * MINUTE + 500, 1, 1);
    ranking_fixture_settle(run);
    const struct ranked_window *hour = ranking_fixture_window(run, "hour");
    assert_true(ranking_fixture_is_whole(hour));
    assert_true(hour->board.tops[1 - ranked_slot(hour)].since_ms != INT64_MIN);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_clock_that_is_set_forward_ends_no_period(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    run->follower->clock_ms = now_ms + DAY; /* and back, and nothing has happened meanwhile */
    assert_int_equal(aggregator_roll_if_due(run), 0);
    assert_true(ranking_fixture_window(run, "day")->board.period ==
                ranking_period_at(&ranking_fixture_window(run, "day")->window, now_ms));
    for (int hour = 1; hour < 5; hour++) {
        ranking_fixture_write_each(rankings, now_ms + hour * (int64_t)HOUR, 30, 1);
    }
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_store_that_was_emptied_is_not_written(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    ranking_fixture_write_each(rankings, ranking_fixture_start_ms(), 30, 1);
    (void)ranking_fixture_turn(run);
    REDIS_ASK(fixture->redis, "DEL", "tally:store");
    ranking_fixture_write_each(rankings, ranking_fixture_start_ms() + 1000, 30, 1);
    for (int i = 0; i < 5 && run->conn != NULL; i++) {
        (void)ranking_fixture_turn(run);
    }
    assert_null(run->conn);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_damaged_record_is_as_good_as_none),
        TEST(test_a_counter_that_was_set_is_right_with_its_next_event),
        TEST(test_a_damaged_bucket_stops_nothing),
        TEST(test_a_changed_offset_mixes_no_periods),
        TEST(test_a_state_that_was_deleted_begins_with_nothing),
        TEST(test_a_board_that_was_deleted_lets_its_buckets_go),
        TEST(test_a_top_that_was_damaged_is_made_anew),
        TEST(test_as_long_as_an_instance_adds_no_events_they_are_missing),
        TEST(test_a_heartbeat_tells_that_this_instance_adds_no_events),
        TEST(test_the_last_events_of_a_period_are_missing_in_it),
        TEST(test_a_clock_that_is_set_forward_ends_no_period),
        TEST(test_a_store_that_was_emptied_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
