/* The aggregator on a real Redis: whatever happens, a ranking is the sum of the events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/prng.h"
#include "counter-service/aggregator/ranking_roll.h"
#include "tests/fakes/ranking_fixture.h"

enum { BATCH_MAX = 400 };
enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* What happens to the rankings, drawn at random. */
struct schedule {
    int resources;
    int keep;
    bool even;           /* or by Zipf's law: the n-th as often as 1/n */
    uint32_t decrements; /* percent */
    int entries;
    size_t entry_events;
    int entries_a_kill;
    int entries_a_look;
    size_t rows_max; /* of a transaction; 0: the usual number */
};

static int pick(struct prng *prng, int resource_max, bool even)
{
    const uint32_t max = (uint32_t)resource_max - 1;
    if (even) {
        return (int)prng_up_to(prng, max);
    }
    /* Each doubling of the number as often as the one before. */
    const uint32_t least = UINT32_C(1) << prng_up_to(prng, (uint32_t)(31 - __builtin_clz(max)));
    const uint32_t number = least - 1 + prng_up_to(prng, least - 1);
    return (int)(number < max ? number : max);
}

/* Mostly seconds; now and then over the edge of a bucket, an hour, a day, some weeks. */
static int64_t pause(struct prng *prng)
{
    const uint32_t die = prng_up_to(prng, 999);
    const int64_t longest = die < 900   ? 2000
                            : die < 970 ? 2 * MINUTE
                            : die < 990 ? 90 * MINUTE
                            : die < 998 ? 2 * DAY
                                        : 40 * (int64_t)DAY;
    return (int64_t)(prng_next(prng) % (uint64_t)longest);
}

static size_t make_batch(struct prng *prng, struct ranking_event *out, size_t max, int resource_max, bool even,
                         uint32_t decrements)
{
    const size_t count = 1 + prng_up_to(prng, (uint32_t)max - 1);
    for (size_t i = 0; i < count; i++) {
        const int64_t size = 1 + (int64_t)prng_up_to(prng, 5);
        out[i] = (struct ranking_event){.resource = pick(prng, resource_max, even),
                                        .delta = prng_up_to(prng, 99) < decrements ? -size : size};
    }
    return count;
}

static struct aggregator_run *start(struct ranking_fixture *fixture, const struct schedule *schedule)
{
    struct aggregator_run *run = ranking_fixture_start(fixture);
    run->rows_max = schedule->rows_max > 0 ? schedule->rows_max : run->rows_max;
    return run;
}

static void run_schedule(struct store_fixture *store, uint64_t seed, const struct schedule *schedule)
{
    struct prng prng = {seed};
    struct ranking_fixture *fixture = ranking_fixture_open(store, schedule->resources, schedule->keep);
    struct aggregator_run *run = start(fixture, schedule);
    int64_t now_ms = ranking_fixture_start_ms();
    int taken_up = 0;
    for (int i = 1; i <= schedule->entries; i++) {
        struct ranking_event batch[BATCH_MAX];
        const size_t count =
            make_batch(&prng, batch, schedule->entry_events, schedule->resources, schedule->even, schedule->decrements);
        now_ms += pause(&prng);
        ranking_fixture_write(fixture, now_ms, batch, count);
        for (uint32_t turns = prng_up_to(&prng, 3); turns > 0; turns--) {
            (void)ranking_fixture_turn(run);
        }
        if (prng_up_to(&prng, (uint32_t)schedule->entries_a_kill - 1) == 0) {
            taken_up += run->state.part.lanes > 0;
            ranking_fixture_kill(run);
            run = start(fixture, schedule);
        }
        if (i % schedule->entries_a_look == 0) {
            ranking_fixture_settle(run);
            ranking_fixture_compare(fixture, run);
        }
    }
    assert_true(schedule->rows_max == 0 || taken_up > 10);
    ranking_fixture_kill(run);
    ranking_fixture_free(fixture);
}

static void forget_all(struct store_fixture *fixture)
{
    REDIS_ASK(fixture->redis, "EVAL",
              "for _, key in ipairs(redis.call('KEYS', 'tally:{p0}:*')) do redis.call('DEL', key) end", "0");
}

static void test_rankings_equal_a_count_of_all_events(void **state)
{
    NEED_REDIS(state);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        const struct schedule schedule = {
            .resources = 600,
            .keep = 40,
            .even = seed % 2 == 0,
            .decrements = seed % 3 == 0 ? 50 : 20,
            .entries = 1500,
            .entry_events = 40,
            .entries_a_kill = 100,
            .entries_a_look = 100,
        };
        forget_all(fixture);
        run_schedule(fixture, seed, &schedule);
    }
}

/* Chunks of many transactions, and leaders that die between any two of them. */
static void test_chunks_that_are_counted_in_parts_equal_a_count_of_all_events(void **state)
{
    NEED_REDIS(state);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        const struct schedule schedule = {
            .resources = 600,
            .keep = 40,
            .even = seed % 2 == 0,
            .decrements = seed % 3 == 0 ? 50 : 20,
            .entries = 600,
            .entry_events = 40,
            .entries_a_kill = 4,
            .entries_a_look = 30,
            .rows_max = seed,
        };
        forget_all(fixture);
        run_schedule(fixture, seed, &schedule);
    }
}

static void test_rankings_of_many_resources_equal_a_count_of_all_events(void **state)
{
    NEED_REDIS(state);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        const struct schedule schedule = {
            .resources = 100 * 1000,
            .keep = 10 * 1000,
            .even = seed == 1,
            .decrements = seed == 1 ? 20 : 50,
            .entries = 1200,
            .entry_events = BATCH_MAX,
            .entries_a_kill = 150,
            .entries_a_look = 300,
        };
        forget_all(fixture);
        run_schedule(fixture, seed, &schedule);
    }
}

static void test_two_that_think_they_lead_count_no_event_twice(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *first = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 20, 1);
    ranking_fixture_settle(first);
    /* It stands still while another takes over, counts, and dies. */
    ranking_fixture_write_each(rankings, now_ms + 1, 20, 2);
    struct aggregator_run *second = ranking_fixture_start(rankings);
    ranking_fixture_settle(second);
    ranking_fixture_write_each(rankings, now_ms + 2, 20, 3);
    /* It has read the lease as its own, and then the other one's is gone: nothing but the transaction protects. */
    first->follower->owns = true;
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:lease:rankings", first->follower->token);
    for (int i = 0; i < 3; i++) {
        (void)ranking_fixture_turn(first);
    }
    assert_non_null(strstr(first->trouble.message, "another instance"));
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:lease:rankings", second->follower->token);
    ranking_fixture_settle(second);
    ranking_fixture_compare(rankings, second);
    ranking_fixture_kill(first);
    ranking_fixture_kill(second);
    ranking_fixture_free(rankings);
}

static void test_what_the_outbox_dropped_is_told_and_mended_where_it_can_be(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t day_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    ranking_fixture_write_each(rankings, day_ms, 30, 1);
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")) &&
                ranking_fixture_is_whole(ranking_fixture_window(run, "1h")));
    const struct ranking_event lost = {.resource = 7, .delta = 1000};
    ranking_fixture_drop(rankings, day_ms + 5, &lost, 1);
    ranking_fixture_write_one(rankings, day_ms + 10, 8, 1);
    ranking_fixture_settle(run);
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "1h")));
    assert_true(ranking_fixture_since(run, "day") ==
                day_ms + 11); /* those of the same millisecond may be missing too */
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all"))); /* from the counters */
    ranking_fixture_compare(rankings, run);
    /* The next periods have all. */
    ranking_fixture_write_each(rankings, day_ms + 40 * (int64_t)DAY, 30, 1);
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")) &&
                ranking_fixture_is_whole(ranking_fixture_window(run, "month")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_counters_that_were_there_before_are_ranked_while_writes_go_on(void **state)
{
    NEED_REDIS(state);
    struct prng prng = {9};
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 3000, 100);
    int64_t now_ms = ranking_fixture_start_ms();
    for (int i = 0; i < 3000; i++) {
        const struct ranking_event before = {.resource = i, .delta = 1 + (i * 7919) % 500};
        ranking_fixture_drop(rankings, now_ms, &before, 1);
    }
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:rankings"); /* they are turned on now */
    struct aggregator_run *run = ranking_fixture_start(rankings);
    assert_true(ranking_fixture_window(run, "all")->board.filling);
    while (ranking_fixture_window(run, "all")->board.filling) {
        struct ranking_event batch[40];
        const size_t count = make_batch(&prng, batch, 40, 3000, true, 50);
        ranking_fixture_write(rankings, ++now_ms, batch, count);
        ranking_fixture_upkeep_is_due(run);
        (void)ranking_fixture_turn(run);
    }
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "month")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_top_that_lost_its_members_is_made_anew(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 600, 20);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 600, 1); /* 580 to 599 are the best */
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_window(run, "day")->table.is_bounded);
    for (int i = 400; i < 600; i++) {
        ranking_fixture_write_one(rankings, now_ms + 1, i, -(1 + i)); /* nothing is left of them */
    }
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_window(run, "day")->table.count >= 20);
    assert_true(ranking_fixture_window(run, "all")->table.count >= 20);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_rolling_window_lets_go_in_steps_and_says_so(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 3000, 50);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 3000, 1);
    ranking_fixture_settle(run);
    ranking_fixture_write_one(rankings, now_ms + 59 * MINUTE, 1, 1);
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_write_one(rankings, now_ms + 61 * MINUTE, 1, 1);
    struct ranked_window *hour = ranking_fixture_window(run, "1h");
    int steps = 0;
    do {
        ranking_fixture_upkeep_is_due(run);
        (void)ranking_fixture_turn(run);
        steps += ranking_board_lets_go(&hour->board, &hour->window);
    } while (outbox_follower_waiting(run->follower) > 0 || ranking_board_lets_go(&hour->board, &hour->window));
    assert_in_range(steps, 6, 3000);
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    assert_int_equal(hour->table.count, 1);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* Its buckets have left the window, and their sums cancel out, so that a sweep drops it. Then one of them is let go of,
 * an event makes the record anew, and the other one is let go of. */
static void test_a_record_may_go_before_its_buckets(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t day_ms = ranking_fixture_start_ms() / DAY * DAY + DAY;
    ranking_fixture_write_one(rankings, day_ms, 7, -4);
    ranking_fixture_write_one(rankings, day_ms + HOUR, 7, 4);
    ranking_fixture_write_one(rankings, day_ms + 3 * HOUR, 1, 1);
    ranking_fixture_settle(run);
    const struct ranked_window *rolling = ranking_fixture_window(run, "24h");
    const int64_t first = ranking_period_at(&rolling->window, day_ms);
    /* A sweep before anything is let go. */
    struct error error;
    assert_int_equal(
        ranking_roll(&run->state, &run->shared->work.txn, run->conn, day_ms + 26 * HOUR, INT64_MIN, &error), 0);
    for (int steps = 0; steps < 100; steps++) {
        assert_in_range(ranking_scan_step(&run->scan, &run->state, &run->shared->work, run->conn, 0, &error), 0, 1);
    }
    for (int turns = 0; turns < 1000 && rolling->board.oldest <= first; turns++) {
        ranking_fixture_upkeep_is_due(run);
        (void)ranking_fixture_turn(run);
    }
    assert_true(rolling->board.oldest == first + 1);
    ranking_fixture_write_one(rankings, day_ms + 26 * HOUR, 7, 3);
    ranking_fixture_settle(run);
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_a_window_that_another_leader_did_not_keep_up_says_so(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    rankings->ranking.calendar[RANKING_WEEK] = false;
    rankings->ranking.calendar[RANKING_ALL] = false;
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_each(rankings, now_ms + 10, 30, 1);
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    ranking_fixture_kill(run);
    rankings->ranking.calendar[RANKING_WEEK] = true;
    rankings->ranking.calendar[RANKING_ALL] = true;
    run = ranking_fixture_start(rankings);
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "week")));
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* The leader that does not keep a window up leads over the turn of its period. */
static void test_what_a_window_missed_is_missing_in_the_next_period_too(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t hour_ms = ranking_fixture_start_ms() / HOUR * HOUR + HOUR;
    ranking_fixture_write_each(rankings, hour_ms + 50 * MINUTE, 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    rankings->ranking.calendar[RANKING_HOUR] = false;
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_each(rankings, hour_ms + 65 * MINUTE, 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    rankings->ranking.calendar[RANKING_HOUR] = true;
    run = ranking_fixture_start(rankings);
    ranking_fixture_write_one(rankings, hour_ms + 66 * MINUTE, 3, 1);
    ranking_fixture_settle(run);
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "hour")));
    ranking_fixture_write_one(rankings, hour_ms + 121 * MINUTE, 3, 1);
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "hour")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

/* Whoever may write to Redis may write anything. */
static void test_numbers_that_nobody_should_have_written_stop_nothing(void **state)
{
    NEED_REDIS(state);
    static const char *const boards[] = {"9223372036854775807 0 0 0", "-5 0 0 0", "1 9223372036854775807 5 1", "x"};
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    int64_t now_ms = ranking_fixture_start_ms();
    for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
        struct aggregator_run *run = ranking_fixture_start(rankings);
        ranking_fixture_write_each(rankings, ++now_ms, 30, 1);
        ranking_fixture_settle(run);
        ranking_fixture_kill(run);
        REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:rankings", "b:like:hour+480", boards[i]);
        REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:rankings", "b:like:60m", boards[i]);
    }
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:rankings", "t", "4000000000000000");
    struct aggregator_run *run = ranking_fixture_start(rankings);
    /* The year 11476. */
    ranking_fixture_write_each(rankings, INT64_C(300000000000000), 30, 1);
    ranking_fixture_settle(run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_what_an_instance_without_events_has_counted_is_missing(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 50, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 30, 1);
    ranking_fixture_settle(run);
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    const struct ranking_event uncounted = {.resource = 7, .delta = 1000};
    ranking_fixture_drop(rankings, now_ms + 5, &uncounted, 1);
    rankings->number--; /* not even a number was used up */
    REDIS_ASK(fixture->redis, "HSET", "tally:{p0}:outbox", "n", "30");
    ranking_fixture_open_store(rankings, false);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:rankings", "uncounted"), "1");
    ranking_fixture_open_store(rankings, true); /* it goes */
    REDIS_ASK(fixture->redis, "DEL", "tally:{p0}:uncounted");
    ranking_fixture_write_one(rankings, now_ms + 10, 8, 1);
    for (int i = 0; i < 5; i++) {
        ranking_fixture_hurry(run);
        (void)ranking_fixture_turn(run); /* what it would write is refused: it reads everything anew */
    }
    ranking_fixture_settle(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:rankings", "uncounted"), "(nil)");
    assert_false(ranking_fixture_is_whole(ranking_fixture_window(run, "day")));
    assert_true(ranking_fixture_is_whole(ranking_fixture_window(run, "all")));
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

static void test_records_of_which_nothing_is_left_are_dropped(void **state)
{
    NEED_REDIS(state);
    struct ranking_fixture *rankings = ranking_fixture_open(fixture, 300, 10);
    struct aggregator_run *run = ranking_fixture_start(rankings);
    const int64_t now_ms = ranking_fixture_start_ms();
    ranking_fixture_write_each(rankings, now_ms, 300, 1);
    ranking_fixture_settle(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HLEN", "tally:{p0}:r:like"), "300");
    ranking_fixture_write_one(rankings, now_ms + 70 * (int64_t)DAY, 1, 1);
    ranking_fixture_settle(run);
    assert_string_equal(REDIS_ASK(fixture->redis, "HLEN", "tally:{p0}:r:like"), "1");
    ranking_fixture_compare(rankings, run);
    ranking_fixture_kill(run);
    ranking_fixture_free(rankings);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rankings_equal_a_count_of_all_events),
        TEST(test_chunks_that_are_counted_in_parts_equal_a_count_of_all_events),
        TEST(test_rankings_of_many_resources_equal_a_count_of_all_events),
        TEST(test_two_that_think_they_lead_count_no_event_twice),
        TEST(test_what_the_outbox_dropped_is_told_and_mended_where_it_can_be),
        TEST(test_counters_that_were_there_before_are_ranked_while_writes_go_on),
        TEST(test_a_top_that_lost_its_members_is_made_anew),
        TEST(test_a_rolling_window_lets_go_in_steps_and_says_so),
        TEST(test_a_record_may_go_before_its_buckets),
        TEST(test_a_window_that_another_leader_did_not_keep_up_says_so),
        TEST(test_what_a_window_missed_is_missing_in_the_next_period_too),
        TEST(test_numbers_that_nobody_should_have_written_stop_nothing),
        TEST(test_what_an_instance_without_events_has_counted_is_missing),
        TEST(test_records_of_which_nothing_is_left_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
