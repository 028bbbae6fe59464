/* The aggregator on a real Redis: chunks that are counted in parts, and a leader that dies, or stops, within one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/ranking_fixture.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Of 30 resources. */
static struct aggregator_run *begin_part(struct ranking_fixture *rankings, int64_t now_ms)
{
    struct aggregator_run *run = ranking_fixture_start(rankings);
    run->rows_max = 5;
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    for (int i = 0; i < 20 && run->state.part.lanes == 0; i++) {
        (void)ranking_fixture_turn(run);
    }
    assert_in_range(run->state.part.lanes, 1, RANKING_LANES - 1);
    return run;
}

static void test_whoever_stops_in_good_order_ends_the_part(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = begin_part(rankings, ranking_fixture_start_ms());
    ranking_fixture_finish(run);
    ranking_fixture_kill(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:rankings", "part"), "");
    run = ranking_fixture_start(rankings);
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* It begins again by then, and does not wait before it does. */
static void settle_after_a_loss(struct aggregator_run *run)
{
    for (int i = 0; i < 50; i++) {
        ranking_fixture_hurry(run);
        (void)ranking_fixture_turn(run);
    }
    ranking_fixture_settle(run);
}

/* The part's events are gone, or the part is not of the state's position: what is in it nobody knows. */
static void check_unknown_part(struct store_fixture *fixture, bool is_dropped)
{
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    const int64_t now_ms = ranking_fixture_start_ms() / DAY * DAY;
    struct aggregator_run *run = begin_part(rankings, now_ms);
    if (is_dropped) {
        REDIS_ASK(fixture->redis, "XTRIM", "tally:{p0}:events", "MAXLEN", "0");
        REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:outbox", "t", "30");
    } else {
        ranking_fixture_settle(run);
        REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:rankings", "part", "3 99 99 5 100");
    }
    ranking_fixture_kill(run);
    run = ranking_fixture_start(rankings);
    settle_after_a_loss(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:rankings", "part"), "");
    assert_true(ranking_fixture_since(run, "day") >= now_ms + is_dropped &&
                ranking_fixture_since(run, "1h") >= now_ms + is_dropped);
    /* The next day and all of it is right again. */
    rankings->event_count = 0;
    for (int hour = 0; hour < 30; hour += 5) {
        ranking_fixture_write_each(rankings, now_ms + 2 * DAY + hour * HOUR, 30, 3);
    }
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_part_whose_events_are_gone_is_given_up(void **state)
{
    NEED_REDIS(state);
    check_unknown_part(fixture, true);
}

static void test_a_part_of_another_time_is_given_up(void **state)
{
    NEED_REDIS(state);
    check_unknown_part(fixture, false);
}

/* Its end is later than all events. */
static void test_a_part_that_never_ends_is_given_up(void **state)
{
    NEED_REDIS(state);
    char part[RANKING_PART_TEXT_SIZE];
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = begin_part(rankings, ranking_fixture_start_ms());
    ranking_fixture_settle(run);
    const int64_t at = (int64_t)run->state.at.number;
    ranking_fixture_write_one(rankings, rankings->now_ms, 1, 1);
    ranking_fixture_kill(run);
    snprintf(part, sizeof(part), "%lld %lld 5 6 7", (long long)at, (long long)INT64_MAX);
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:rankings", "part", part);
    run = ranking_fixture_start(rankings);
    settle_after_a_loss(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:rankings", "part"), "");
    assert_true((int64_t)run->state.at.number == at + 1);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* The leader that began the part did not keep the rolling windows; buckets of them are left from long before. */
static void test_a_window_may_be_kept_again_within_a_part(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    const int64_t now_ms = ranking_fixture_start_ms() / DAY * DAY;
    struct aggregator_run *run = ranking_fixture_start(rankings);
    for (int k = 0; k < 20; k++) {
        ranking_fixture_write_each(rankings, now_ms + k * MINUTE, 30, 1);
    }
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    const size_t rolling_count = rankings->ranking.rolling_count;
    rankings->ranking.rolling_count = 0;
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_one(rankings, now_ms + 8 * (int64_t)DAY, 1, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    run = begin_part(rankings, now_ms + 8 * (int64_t)DAY + 1);
    ranking_fixture_kill(run);
    rankings->ranking.rolling_count = rolling_count;
    run = ranking_fixture_start(rankings);
    for (int i = 0; i < 50 && run->state.part.lanes > 0; i++) {
        run->shared->upkeep_us = INT64_MAX; /* there is no time for it */
        (void)ranking_fixture_turn(run);
    }
    ranking_fixture_kill(run); /* as soon as the part is ended, or given up */
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_each(rankings, now_ms + 11 * (int64_t)DAY, 3, 3);
    ranking_fixture_settle(run);
    const struct ranking_table *hour = &ranking_fixture_window(run, "1h")->table;
    assert_int_equal(hour->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ranking_table_find(hour, text_of((const char *[]){"r0", "r1", "r2"}[i]))->score, 3 + i);
    }
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* While a chunk is counted no bucket is let go of: that is made up for after it. */
static void test_upkeep_is_made_up_for(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 3000, 50);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 3000, 1);
    ranking_fixture_write_one(rankings, now_ms + 59 * MINUTE, 1, 1);
    ranking_fixture_write_one(rankings, now_ms + 61 * MINUTE, 1, 1);
    const struct ranked_window *hour = ranking_fixture_window(run, "1h");
    int turns = 0;
    do {
        run->shared->upkeep_us = INT64_MAX;
        (void)ranking_fixture_turn(run);
    } while (run->state.at.number < rankings->number);
    while (ranking_board_lets_go(&hour->board, &hour->window)) {
        run->shared->upkeep_us = 0;
        (void)ranking_fixture_turn(run);
        turns++;
    }
    assert_in_range(turns, 1, 5); /* of one step each they would be 6 or more */
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whoever_stops_in_good_order_ends_the_part), TEST(test_a_part_whose_events_are_gone_is_given_up),
        TEST(test_a_part_of_another_time_is_given_up),        TEST(test_a_part_that_never_ends_is_given_up),
        TEST(test_a_window_may_be_kept_again_within_a_part),  TEST(test_upkeep_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
