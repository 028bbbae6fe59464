/* counter-verify --rankings and --rebuild-rankings on a real Redis, with an aggregator that is driven turn by turn. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/repair/ranking_rebuild.h"
#include "counter-service/verify_rankings/ranking_verify.h"
#include "tests/fakes/ranking_edit.h"
#include "tests/fakes/ranking_run.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

#define ASK RANKING_RUN_ASK

/* ---- what a test needs ------------------------------------------------------------------------------------------- */

static void begin_edit(struct ranking_edit *edit, const struct ranking_run *run, const char *window, bool is_former)
{
    ranking_edit_begin(edit, run->rankings->conn.redis, run->run, window, is_former);
}

/* The resource at that place in the window's running top; to be freed. */
static char *member_of(const struct ranking_run *run, const char *window, size_t place)
{
    int64_t score;
    struct ranking_edit edit;
    begin_edit(&edit, run, window, false);
    char *member = ranking_edit_member(&edit, place, &score);
    ranking_edit_done(&edit);
    return member;
}

/* ---- what is right ----------------------------------------------------------------------------------------------- */

static void test_rankings_that_are_kept_are_equal(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    ranking_run_check_equal(&run);
    assert_non_null(strstr(run.text, ", 1 ranking, 7 windows\n"));
    assert_non_null(strstr(run.text, "\nthe sums are not compared with events: kafka.brokers is empty\n"));
    run.options.shard = (struct shard){1, 3};
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void test_events_that_wait_make_no_difference(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    ranking_run_write(&run, 30, 100);
    ranking_run_check_equal(&run);
    for (int i = 0; i < 5; i++) {
        ranking_run_write(&run, 10, 10 * MINUTE);
        (void)ranking_fixture_turn(run.run);
        ranking_run_check_equal(&run);
    }
    ranking_run_end(&run);
}

/* Nobody knows what they were. */
static void test_events_that_are_missing_leave_no_comparison(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    const struct ranking_event lost = {.resource = 1, .delta = 1};
    ranking_run_begin(&run, fixture);
    ranking_fixture_drop(run.rankings, run.rankings->now_ms + 1, &lost, 1);
    ranking_run_write(&run, 1, 100);
    run.options.timeout_ms = 200;
    ranking_run_task(&run, ranking_verify_run);
    assert_int_equal(run.code, VERIFY_FAILED);
    assert_non_null(strstr(run.error.message, "21 events wait to be ranked, and "));
    ranking_fixture_settle(run.run);
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void *keep_on(void *arg)
{
    struct ranking_run *run = arg;
    for (int i = 0; i < 400; i++) {
        ranking_run_write(run, 2, 20 * 1000);
        for (int turns = 0; turns < 6; turns++) {
            (void)ranking_fixture_turn(run->run);
        }
        ranking_fixture_upkeep_is_due(run->run);
    }
    return NULL;
}

/* How often the top of "all" has been written as a whole. */
static int64_t generation_of(const struct ranking_run *run)
{
    struct ranking_top top;
    assert_true(ranking_top_read(text_of(ASK(run, "HGET", "tally:{p0}:rankings", "s:like:all:0")), &top));
    return top.generation;
}

static void test_it_is_exact_while_events_go_on(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    pthread_t thread;
    int rewritten = 0;
    ranking_run_begin(&run, fixture);
    run.run->rows_max = 10; /* most chunks are counted in parts */
    assert_int_equal(pthread_create(&thread, NULL, keep_on, &run), 0);
    for (int i = 0; i < 8; i++) {
        const int64_t before = generation_of(&run);
        ranking_run_check_equal(&run);
        rewritten += generation_of(&run) > before;
    }
    pthread_join(thread, NULL);
    assert_true(rewritten > 0);
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

static void check_damaged_score(struct ranking_run *run, const char *window)
{
    char piece[256];
    int64_t score;
    struct ranking_edit edit;
    begin_edit(&edit, run, window, false);
    char *member = ranking_edit_member(&edit, 3, &score);
    ranking_edit_put(&edit, member, score + 1, 0);
    ranking_edit_save(&edit);
    snprintf(piece, sizeof(piece), "%s %s: has a place with %" PRId64 ", should have one with %" PRId64 "\n", member,
             edit.name, score + 1, score);
    ranking_run_check_tells(run, piece, 1);
    ranking_edit_put(&edit, member, score, 0);
    ranking_edit_save(&edit);
    ranking_edit_done(&edit);
    free(member);
}

static void test_a_damaged_score_is_told(void **state)
{
    NEED_REDIS(state);
    static const char *const windows[] = {"hour", "day", "week", "month", "all", "1h", "24h"};
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        check_damaged_score(&run, windows[i]);
    }
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void check_missing_and_strange(struct ranking_run *run, const char *window, bool is_former)
{
    char piece[256];
    int64_t score;
    struct ranking_edit edit;
    begin_edit(&edit, run, window, is_former);
    char *member = ranking_edit_member(&edit, 0, &score);
    ranking_edit_put(&edit, member, 0, -1);
    ranking_edit_put(&edit, "stranger", 7, 1);
    ranking_edit_save(&edit);
    snprintf(piece, sizeof(piece), "%s %s: has no place, should have one with %" PRId64 "\n", member, edit.name, score);
    ranking_run_check_tells(run, piece, 2);
    snprintf(piece, sizeof(piece), "stranger %s: has a place with 7, should have none with 0\n", edit.name);
    ranking_run_check_tells(run, piece, 2);
    ranking_edit_put(&edit, "stranger", 0, -1);
    ranking_edit_put(&edit, member, score, 1);
    ranking_edit_save(&edit);
    ranking_edit_done(&edit);
    free(member);
}

static void test_a_member_that_is_missing_or_strange_is_told(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    check_missing_and_strange(&run, "hour", true);
    check_missing_and_strange(&run, "all", false);
    check_missing_and_strange(&run, "1h", false);
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void test_a_record_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    char *member = member_of(&run, "day", 0);
    ASK(&run, "HSET", "tally:{p0}:r:like", member, "x");
    ranking_run_check_tells(&run, " like: has a record that is none\n", 1);
    ASK(&run, "HDEL", "tally:{p0}:r:like", member);
    ranking_run_check_tells(&run, " like day ", 0);
    free(member);
    ranking_run_end(&run);
}

static void test_a_bucket_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    char key[64] = "";
    ranking_run_begin(&run, fixture);
    RANKED_EACH (&run.run->state, ranked) {
        if (strcmp(ranked->window.name, "1h") == 0) {
            snprintf(key, sizeof(key), "tally:{p0}:r:like:60m:b%" PRId64, ranked->board.newest);
        }
    }
    ASK(&run, "HSET", key, "stranger", "3"); /* it has no record: it counts nowhere */
    ranking_run_check_equal(&run);
    ASK(&run, "HSET", key, "stranger", "x");
    ranking_run_check_tells(&run, "stranger like 1h: a bucket has no number\n", 1);
    ASK(&run, "HDEL", key, "stranger");
    ranking_run_check_equal(&run);
    ASK(&run, "EVAL",
        "for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do redis.call('HINCRBY', KEYS[1], id, 1000) end", "1", key);
    ranking_run_check_tells(&run, " like 1h: its record has ", 0); /* those whose record is not ahead */
    ranking_run_end(&run);
}

static void test_a_counter_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    char piece[64];
    ranking_run_begin(&run, fixture);
    char *member = member_of(&run, "all", 0);
    char key[64];
    snprintf(key, sizeof(key), "tally:{p0}:c:%s", member);
    ASK(&run, "HINCRBY", key, "like", "1");
    snprintf(piece, sizeof(piece), "%s like all: has a place with ", member);
    ranking_run_check_tells(&run, piece, 1);
    ASK(&run, "DEL", key);
    ranking_run_check_tells(&run, "should have none with 0\n", 1);
    free(member);
    ranking_run_end(&run);
}

static void test_what_cannot_be_compared_is_told(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    run.rankings->ranking.rolling[0] = (struct ranking_rolling){"2h", 2 * HOUR};
    ranking_run_task(&run, ranking_verify_run);
    assert_int_equal(run.code, VERIFY_FAILED);
    assert_string_equal(run.error.message,
                        "the rankings in Redis lack like 2h: counter-service runs with another configuration");
    ASK(&run, "DEL", "tally:{p0}:rankings");
    ranking_run_task(&run, ranking_verify_run);
    assert_int_equal(run.code, VERIFY_FAILED);
    assert_non_null(strstr(run.error.message, "Redis has no rankings: "));
    ranking_run_end(&run);
}

/* ---- rebuilding -------------------------------------------------------------------------------------------------- */

static void *rebuild(void *arg)
{
    ranking_run_task(arg, ranking_rebuild_run);
    return NULL;
}

/* writes: events go on meanwhile. */
static void rebuild_with(struct ranking_run *run, bool writes)
{
    pthread_t thread;
    run->code = -1;
    assert_int_equal(pthread_create(&thread, NULL, rebuild, run), 0);
    for (int i = 0; pthread_tryjoin_np(thread, NULL) != 0; i++) {
        assert_true(i < 20000);
        if (writes) {
            ranking_run_write(run, 1, 100);
        }
        (void)ranking_fixture_turn(run->run);
        clock_sleep_ms(1);
    }
    assert_string_equal(run->error.message, "");
    assert_int_equal(run->code, VERIFY_EQUAL);
    assert_non_null(strstr(run->text, "7 of 7 windows are filled\nrebuilt\n"));
}

static void damage_all_tops(struct ranking_run *run)
{
    static const char *const windows[] = {"hour", "day", "week", "month", "all", "1h", "24h"};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        struct ranking_edit edit;
        begin_edit(&edit, run, windows[i], false);
        ranking_edit_put(&edit, "stranger", 1000000, 1);
        for (size_t place = 0; place < 3; place++) {
            int64_t score;
            char *member = ranking_edit_member(&edit, place, &score);
            ranking_edit_put(&edit, member, 0, -1);
            free(member);
        }
        ranking_edit_save(&edit);
        ranking_edit_done(&edit);
    }
}

static void check_rebuild(struct store_fixture *fixture, bool writes)
{
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    damage_all_tops(&run);
    ranking_run_task(&run, ranking_verify_run);
    assert_int_equal(run.code, VERIFY_DIFFERENT);
    rebuild_with(&run, writes);
    ranking_run_check_equal(&run);
    ranking_fixture_settle(run.run);
    ranking_fixture_compare(run.rankings, run.run);
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void test_rebuilding_mends_every_order_while_events_go_on(void **state)
{
    NEED_REDIS(state);
    check_rebuild(fixture, true);
}

/* The leader has nothing to write, and sees the marks all the same. */
static void test_rebuilding_mends_every_order_without_events(void **state)
{
    NEED_REDIS(state);
    check_rebuild(fixture, false);
}

static void test_rebuilding_needs_a_leader(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    run.options.timeout_ms = 300;
    ranking_run_task(&run, ranking_rebuild_run);
    assert_int_equal(run.code, VERIFY_FAILED);
    assert_string_equal(
        run.error.message,
        "7 windows are still to be filled, and there is no progress: counter-service's /health says why");
    ASK(&run, "DEL", "tally:{p0}:lease:rankings");
    ranking_run_task(&run, ranking_rebuild_run);
    assert_int_equal(run.code, VERIFY_FAILED);
    assert_non_null(strstr(run.error.message, "nobody keeps the rankings: "));
    ranking_run_end(&run);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rankings_that_are_kept_are_equal),
        TEST(test_events_that_wait_make_no_difference),
        TEST(test_events_that_are_missing_leave_no_comparison),
        TEST(test_it_is_exact_while_events_go_on),
        TEST(test_a_damaged_score_is_told),
        TEST(test_a_member_that_is_missing_or_strange_is_told),
        TEST(test_a_record_that_was_changed_is_told),
        TEST(test_a_bucket_that_was_changed_is_told),
        TEST(test_a_counter_that_was_changed_is_told),
        TEST(test_what_cannot_be_compared_is_told),
        TEST(test_rebuilding_mends_every_order_while_events_go_on),
        TEST(test_rebuilding_mends_every_order_without_events),
        TEST(test_rebuilding_needs_a_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
