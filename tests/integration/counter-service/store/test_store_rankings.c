/* Rankings as they stand in a real Redis, read through the store and made into answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_part.h"
#include "tests/fakes/fake_ranking.h"

static const int64_t day_ms = 24 * 3600 * 1000;
enum { PART_SEED = 78 };

/* ---- the best ---- */

static void test_before_the_aggregator_has_begun_there_is_nothing(void **state)
{
    NEED_REDIS(state);
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 10, 0);
    fake_ranking_assert_entries(asked, "");
    assert_false(asked.answer.is_complete);
    assert_true(asked.answer.as_of_ms > 1600000000000);
    assert_true(fake_ranking_ask_one(fixture, "all", "", "a", 5).answer.rank == 0);
}

static void test_the_best_come_first_and_equal_ones_by_their_bytes(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 10, 0);
    fake_ranking_assert_entries(asked, "1 first 9, 2 B 5, 3 a 5, 4 b 5, 5 last -3");
    assert_true(asked.answer.is_complete && asked.answer.since_ms == 0);
    assert_string_equal(asked.answer.period, "2026-11-25");
}

static void test_a_page_begins_where_it_was_asked_to(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "", 2, 1), "2 B 5, 3 a 5");
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "", 10, 4), "5 last -3");
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 1000, 100000);
    fake_ranking_assert_entries(asked, "");
    assert_true(asked.answer.is_complete);
}

static void test_a_page_of_a_thousand_comes_whole(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    enum { COUNT = 2000 };
    static char names[COUNT][RESOURCE_ID_LEN_MAX + 1];
    static struct fake_ranking_member members[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "%0250d", i);
        members[i] = (struct fake_ranking_member){names[i], i + 1};
    }
    fake_ranking_set_members(fixture, "day", 0, fake_ranking_whole, members, COUNT);
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 1000, 500);
    assert_int_equal(asked.answer.entry_count, 1000);
    assert_true(asked.answer.entries[0].score == 1500 && asked.answer.entries[999].score == 501);
}

static void test_the_period_before_has_its_own_top(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "2026-11-24", 10, 0);
    fake_ranking_assert_entries(asked, "1 a 90, 2 b 80");
    assert_string_equal(asked.answer.period, "2026-11-24");
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "2026-11-25", 1, 0), "1 first 9");
    static const char *const others[] = {"2026-11-23", "2026-11-26", "1970-01-01"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_ranking_ask_best(fixture, "day", others[i], 10, 0).status, STATUS_NO_SUCH_RANKING);
    }
}

static void test_when_an_answer_is_of_now(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    assert_true(fake_ranking_ask_best(fixture, "day", "", 10, 0).answer.as_of_ms > 1600000000000);
    COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("next"), TEXT("2000"));
    assert_true(fake_ranking_ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1999);
    fake_ranking_set_marks(fixture, "5-0 7", "8");
    assert_true(fake_ranking_ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1000);
    COMMAND(fixture, TEXT("DEL"), TEXT("tally:{p0}:outbox"));
    fake_ranking_set_marks(fixture, "0-0 0", "0");
    assert_true(fake_ranking_ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1999);
}

static void test_a_short_top_is_not_complete(void **state)
{
    NEED_REDIS(state);
    struct ranking_top top = {.since_ms = INT64_MIN, .is_bounded = true};
    ranking_place_set(&top.floor, -4, TEXT("z"));
    fake_ranking_write_days_as(fixture, top);
    assert_true(fake_ranking_ask_best(fixture, "day", "", 5, 0).answer.is_complete);
    assert_false(fake_ranking_ask_best(fixture, "day", "", 5, 1).answer.is_complete);
    assert_true(fake_ranking_ask_one(fixture, "day", "", "a", 2).answer.is_complete);
    assert_false(fake_ranking_ask_one(fixture, "day", "", "a", 3).answer.is_complete);
    assert_false(fake_ranking_ask_one(fixture, "day", "", "nobody", 0).answer.is_complete);
    fake_ranking_write_days_as(fixture, ranking_top_unfilled(INT64_MIN));
    assert_true(fake_ranking_ask_best(fixture, "day", "", 5, 0).answer.is_complete);
}

static void test_a_window_that_the_leader_does_not_keep_has_nothing(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    static const char *const others[] = {"", " like:all ", " like:day+480 ", " dislike:day "};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("fed"), text_of(others[i]));
        const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 10, 0);
        fake_ranking_assert_entries(asked, "");
        assert_true(!asked.answer.is_complete && asked.answer.since_ms == asked.answer.as_of_ms);
    }
    COMMAND(fixture, TEXT("HDEL"), TEXT(FAKE_RANKING_STATE), TEXT("fed"));
    fake_ranking_assert_entries(fake_ranking_ask_one(fixture, "day", "", "a", 3), "");
    COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("fed"), TEXT(" like:day "));
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "", 1, 0), "1 first 9");
}

static void test_a_past_that_is_missing_is_told(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    fake_ranking_set_members(fixture, "day", 0, ((struct ranking_top){.since_ms = FAKE_RANKING_TODAY * day_ms + 1}),
                             fake_ranking_five, FAKE_RANKING_FIVE_PLACES);
    const struct ranking_top before = {.since_ms = (FAKE_RANKING_TODAY - 1) * day_ms};
    fake_ranking_set_members(fixture, "day", 1, before, fake_ranking_five, FAKE_RANKING_FIVE_PLACES);
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 5, 0);
    assert_true(!asked.answer.is_complete && asked.answer.since_ms == FAKE_RANKING_TODAY * day_ms + 1);
    assert_true(fake_ranking_ask_best(fixture, "day", "2026-11-24", 5, 0).answer.is_complete);
}

static void test_a_rolling_window_lets_go(void **state)
{
    NEED_REDIS(state);
    fake_ranking_set_marks(fixture, "5-0 7", "7");
    MEMBERS(fixture, "24h", 0, fake_ranking_whole, {"a", 5});
    for (int64_t period = 1000; period <= 1001; period++) {
        fake_ranking_set_board(fixture, "24h",
                               (struct ranking_board){.period = period, .oldest = period - 23, .newest = period});
        struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "24h", "", 5, 0);
        fake_ranking_assert_entries(asked, "1 a 5");
        assert_true(asked.answer.is_complete);
        assert_string_equal(asked.answer.period, "");
        fake_ranking_set_board(fixture, "24h",
                               (struct ranking_board){.period = period, .oldest = period - 24, .newest = period});
        assert_false(fake_ranking_ask_best(fixture, "24h", "", 5, 0).answer.is_complete);
    }
}

/* ---- one ---- */

static void test_a_resource_has_its_rank_and_its_neighbours(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    fake_ranking_set_record(fixture, "a", 5, 90);
    struct fake_ranking_asked asked = fake_ranking_ask_one(fixture, "day", "", "a", 1);
    fake_ranking_assert_entries(asked, "2 B 5, 3 a 5, 4 b 5");
    assert_true(asked.answer.rank == 3 && asked.answer.score == 5);
    asked = fake_ranking_ask_one(fixture, "day", "", "a", 100);
    fake_ranking_assert_entries(asked, "1 first 9, 2 B 5, 3 a 5, 4 b 5, 5 last -3");
    assert_true(asked.answer.rank == 3);
    asked = fake_ranking_ask_one(fixture, "day", "2026-11-24", "a", 0);
    fake_ranking_assert_entries(asked, "1 a 90");
    assert_true(asked.answer.rank == 1 && asked.answer.score == 90);
}

static void test_a_resource_without_a_rank_has_a_score(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    fake_ranking_set_record(fixture, "outside", -7, 2);
    struct fake_ranking_asked asked = fake_ranking_ask_one(fixture, "day", "", "outside", 5);
    fake_ranking_assert_entries(asked, "");
    assert_true(asked.answer.rank == 0 && asked.answer.score == -7);
    asked = fake_ranking_ask_one(fixture, "day", "", "nobody", 5);
    assert_true(asked.answer.rank == 0 && asked.answer.score == 0);
}

static void test_the_total_alone_tells_who_should_be_a_member(void **state)
{
    NEED_REDIS(state);
    struct ranking_top top = {.since_ms = INT64_MIN, .is_bounded = true};
    ranking_place_set(&top.floor, -3, TEXT("m"));
    fake_ranking_write_days_as(fixture, top);
    fake_ranking_set_record(fixture, "outside", -7, 2);
    fake_ranking_set_record(fixture, "inside", 6, 2);
    fake_ranking_set_record(fixture, "back", 0, 2);
    struct fake_ranking_asked asked = fake_ranking_ask_total(fixture, "day", "outside");
    fake_ranking_assert_entries(asked, "");
    assert_true(asked.answer.rank == 0 && asked.answer.score == -7 && !asked.answer.is_complete && !asked.lacks_rank);
    asked = fake_ranking_ask_total(fixture, "day", "inside");
    assert_true(asked.answer.rank == 0 && asked.answer.score == 6 && asked.lacks_rank);
    asked = fake_ranking_ask_total(fixture, "day", "back");
    assert_true(asked.answer.score == 0 && !asked.lacks_rank);
    assert_true(fake_ranking_ask_total(fixture, "day", "nobody").answer.score == 0);
    fake_ranking_write_days(fixture);
    assert_true(fake_ranking_ask_total(fixture, "day", "nobody").answer.is_complete);
    /* The length of the string counts here too. */
    REDIS_ASK(fixture->redis, "APPEND", fake_ranking_top_key("day", 0), "x");
    assert_false(fake_ranking_ask_total(fixture, "day", "nobody").answer.is_complete);
}

static size_t lane_of(const char *resource_id)
{
    return ranking_part_lane(ranking_part_hash(PART_SEED, text_of(resource_id)));
}

/* Of the events 8 and 9, that lanes before this one have. */
static void set_part(struct store_fixture *fixture, size_t lanes)
{
    char text[RANKING_PART_TEXT_SIZE];
    const struct ranking_part part = {
        .lanes = lanes, .before = 7, .last_number = 9, .last_ms = 1500, .seed = PART_SEED};
    COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("part"), ranking_part_put(&part, text));
}

/* A chunk is being counted lane by lane: records have it before the top does. */
static void test_a_record_that_is_ahead_of_the_top_says_so(void **state)
{
    NEED_REDIS(state);
    struct ranking_top top = {.since_ms = INT64_MIN, .is_bounded = true};
    ranking_place_set(&top.floor, -3, TEXT("m"));
    fake_ranking_write_days_as(fixture, top);
    fake_ranking_set_marks(fixture, "5-0 7", "12");
    fake_ranking_set_record(fixture, "outside", -7, 2);
    fake_ranking_set_record(fixture, "inside", 6, 2);
    assert_true(fake_ranking_ask_one(fixture, "day", "", "outside", 0).answer.as_of_ms == 1000);
    assert_true(lane_of("inside") < lane_of("outside"));
    set_part(fixture, lane_of("outside") + 1);
    struct fake_ranking_asked asked = fake_ranking_ask_total(fixture, "day", "outside");
    assert_true(asked.answer.score == -7 && asked.answer.as_of_ms == 1500 && !asked.lacks_rank);
    asked = fake_ranking_ask_one(fixture, "day", "", "inside", 0);
    assert_true(asked.answer.score == 6 && asked.answer.as_of_ms == 1500);
    assert_true(asked.answer.rank == 0 && !asked.answer.is_complete);
    /* That it lacks its rank is no reason to read the top again: that does not have it yet. */
    asked = fake_ranking_ask_total(fixture, "day", "inside");
    assert_true(!asked.answer.is_complete && !asked.lacks_rank);
    /* Who is in the top is told by the top. */
    asked = fake_ranking_ask_one(fixture, "day", "", "a", 0);
    assert_true(asked.answer.rank == 3 && asked.answer.as_of_ms == 1000);
    assert_true(fake_ranking_ask_best(fixture, "day", "", 5, 0).answer.as_of_ms == 1000);
    /* Its lane does not have the chunk yet. */
    set_part(fixture, lane_of("outside"));
    assert_true(fake_ranking_ask_total(fixture, "day", "inside").answer.as_of_ms == 1500);
    assert_true(fake_ranking_ask_total(fixture, "day", "outside").answer.as_of_ms == 1000);
    COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("part"), TEXT(""));
    assert_true(fake_ranking_ask_total(fixture, "day", "outside").answer.as_of_ms == 1000);
    COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), TEXT("part"), TEXT("7 9 1500 77"));
    assert_int_equal(fake_ranking_ask_one(fixture, "day", "", "outside", 0).status, STATUS_DATA_DAMAGED);
}

static void test_a_great_score_is_exact(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    MEMBERS(fixture, "day", 0, fake_ranking_whole, {"great", 9007199254740993}, {"greatest", INT64_MAX},
            {"least", INT64_MIN});
    fake_ranking_set_record(fixture, "outside", 9007199254740993, 0);
    fake_ranking_assert_entries(
        fake_ranking_ask_best(fixture, "day", "", 3, 0),
        "1 greatest 9223372036854775807, 2 great 9007199254740993, 3 least -9223372036854775808");
    assert_true(fake_ranking_ask_one(fixture, "day", "", "great", 1).answer.score == 9007199254740993);
    assert_true(fake_ranking_ask_one(fixture, "day", "", "outside", 1).answer.score == 9007199254740993);
}

static void test_of_all_the_score_of_one_outside_is_the_counter(void **state)
{
    NEED_REDIS(state);
    fake_ranking_set_marks(fixture, "5-0 7", "7");
    fake_ranking_set_board(fixture, "all", (struct ranking_board){.period = 0});
    MEMBERS(fixture, "all", 0, fake_ranking_whole, {"a", 9});
    store_fixture_increment_one(fixture, store_item_of("a", "like", 10));
    store_fixture_increment_one(fixture, store_item_of("b", "like", INT64_MAX));
    struct fake_ranking_asked asked = fake_ranking_ask_one(fixture, "all", "", "a", 3);
    fake_ranking_assert_entries(asked, "1 a 9");
    assert_true(asked.answer.score == 9 && asked.answer.rank == 1 && asked.answer.is_complete);
    asked = fake_ranking_ask_one(fixture, "all", "", "b", 3);
    assert_true(asked.answer.score == INT64_MAX && asked.answer.rank == 0);
    assert_true(fake_ranking_ask_total(fixture, "all", "b").lacks_rank);
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "all", "", 3, 0), "1 a 9");
    MEMBERS(fixture, "all", 0, (struct ranking_top){.since_ms = 1}, {"a", 9});
    assert_true(fake_ranking_ask_best(fixture, "all", "", 3, 0).answer.since_ms == 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_before_the_aggregator_has_begun_there_is_nothing),
        TEST(test_the_best_come_first_and_equal_ones_by_their_bytes),
        TEST(test_a_page_begins_where_it_was_asked_to),
        TEST(test_a_page_of_a_thousand_comes_whole),
        TEST(test_the_period_before_has_its_own_top),
        TEST(test_when_an_answer_is_of_now),
        TEST(test_a_short_top_is_not_complete),
        TEST(test_a_window_that_the_leader_does_not_keep_has_nothing),
        TEST(test_a_past_that_is_missing_is_told),
        TEST(test_a_rolling_window_lets_go),
        TEST(test_a_resource_has_its_rank_and_its_neighbours),
        TEST(test_a_resource_without_a_rank_has_a_score),
        TEST(test_the_total_alone_tells_who_should_be_a_member),
        TEST(test_a_record_that_is_ahead_of_the_top_says_so),
        TEST(test_a_great_score_is_exact),
        TEST(test_of_all_the_score_of_one_outside_is_the_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
