/* What a read says of a ranking that somebody has damaged, in a real Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_places.h"
#include "tests/fakes/fake_ranking.h"

static void test_keys_of_another_type_are_damage(void **state)
{
    NEED_REDIS(state);
    static const char *const keys[] = {FAKE_RANKING_STATE, "tally:{p0}:outbox", "tally:{p0}:r:like:day:0",
                                       "tally:{p0}:r:like"};
    for (size_t i = 0; i < 4; i++) {
        REDIS_ASK(fixture->redis, "DEL", keys[0], keys[1], keys[2], keys[3]);
        fake_ranking_write_days(fixture);
        REDIS_ASK(fixture->redis, "DEL", keys[i]);
        REDIS_ASK(fixture->redis, "SADD", keys[i], "text");
        fake_ranking_assert_damaged(fake_ranking_ask_one(fixture, "day", "", "a", 3));
        fake_ranking_assert_damaged(fake_ranking_ask_total(fixture, "day", "a"));
        if (i < 3) {
            fake_ranking_assert_damaged(fake_ranking_ask_best(fixture, "day", "", 3, 0));
        }
    }
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:c:a", "text");
    fake_ranking_assert_damaged(fake_ranking_ask_one(fixture, "all", "", "a", 3));
}

static void test_fields_that_cannot_be_read_are_damage(void **state)
{
    NEED_REDIS(state);
    static const char *const damage[][2] = {
        {"b:like:day", "today"},
        {"b:like:day", "20782 1"},
        {"b:like:day", ""},
        {"s:like:day:0", "always"},
        {"at", "5-0"},
        {"t", "noon"},
        {"next", "midnight"},
        {"s:like:day:0", ""},
        {"b:like:day", "99999999999999999999999 0 0 0"},
    };
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        fake_ranking_write_days(fixture);
        COMMAND(fixture, TEXT("HDEL"), TEXT(FAKE_RANKING_STATE), TEXT("next"));
        COMMAND(fixture, TEXT("HSET"), TEXT(FAKE_RANKING_STATE), text_of(damage[i][0]), text_of(damage[i][1]));
        fake_ranking_assert_damaged(fake_ranking_ask_best(fixture, "day", "", 3, 0));
    }
    fake_ranking_write_days(fixture);
    COMMAND(fixture, TEXT("HDEL"), TEXT(FAKE_RANKING_STATE), TEXT("next"));
    COMMAND(fixture, TEXT("HSET"), TEXT("tally:{p0}:r:like"), TEXT("outside"), TEXT("seven"));
    assert_int_equal(fake_ranking_ask_one(fixture, "day", "", "outside", 3).status, STATUS_DATA_DAMAGED);
    assert_int_equal(fake_ranking_ask_total(fixture, "day", "outside").status, STATUS_DATA_DAMAGED);
    fake_ranking_assert_entries(fake_ranking_ask_one(fixture, "day", "", "first", 0), "1 first 9");
}

/* The string of today's top is this, and the top tells of so many bytes. */
static void set_string(struct store_fixture *fixture, struct text string, size_t length)
{
    struct ranking_top top = fake_ranking_whole;
    top.length = (int64_t)length;
    fake_ranking_set_top(fixture, "day", 0, top);
    COMMAND(fixture, TEXT("SET"), text_of(fake_ranking_top_key("day", 0)), string);
}

static void test_a_string_that_is_shorter_than_said_is_not_complete(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    struct buffer places = fake_ranking_places_of(fake_ranking_five, FAKE_RANKING_FIVE_PLACES);
    for (size_t len = 0; len < places.len; len++) {
        set_string(fixture, (struct text){places.data, len}, places.len);
        const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 10, 0);
        assert_int_equal(asked.status, STATUS_OK);
        assert_false(asked.answer.is_complete);
    }
    set_string(fixture, (struct text){places.data, 4}, places.len);
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "", 10, 0), "");
    COMMAND(fixture, TEXT("DEL"), text_of(fake_ranking_top_key("day", 0)));
    const struct fake_ranking_asked asked = fake_ranking_ask_best(fixture, "day", "", 10, 0);
    fake_ranking_assert_entries(asked, "");
    assert_false(asked.answer.is_complete);
    buffer_done(&places);
}

static void test_a_string_that_cannot_be_read_is_damage(void **state)
{
    NEED_REDIS(state);
    fake_ranking_write_days(fixture);
    char long_name[RESOURCE_ID_LEN_MAX + 5] = "\x01\x81\x02"; /* 257 bytes of a name */
    const struct text strings[] = {
        TEXT("text"),
        TEXT("\x01\x05"
             "abc"),
        TEXT("\x01\x01"
             "a"),
        {long_name, sizeof(long_name)},
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        set_string(fixture, strings[i], strings[i].len);
        fake_ranking_assert_damaged(fake_ranking_ask_best(fixture, "day", "", 3, 0));
        fake_ranking_assert_damaged(fake_ranking_ask_one(fixture, "day", "", "a", 3));
    }
    fake_ranking_assert_entries(fake_ranking_ask_best(fixture, "day", "2026-11-24", 1, 0), "1 a 90");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_of_another_type_are_damage),
        TEST(test_fields_that_cannot_be_read_are_damage),
        TEST(test_a_string_that_is_shorter_than_said_is_not_complete),
        TEST(test_a_string_that_cannot_be_read_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
