/* Rankings as they stand in a real Redis, read through the store and made into answers. The test writes what the
 * aggregator would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "counter-service/commands/ranking_read.h"
#include "counter-service/ranking/ranking_answer.h"
#include "counter-service/ranking/ranking_places.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "tests/fakes/store_fixture.h"

#define STATE "tally:{p0}:rankings"

static const int64_t day_ms = 24 * 3600 * 1000;

enum { TODAY = 20782, KEEP = 100 }; /* 2026-11-25: even, so that its slot is 0 */

static char like[] = "like";
static struct ranking_config ranking = {
    .counter_type = like,
    .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true},
    .rolling = {{.name = "24h", .length_ms = 86400000}},
    .rolling_count = 1,
    .keep = KEEP,
};
static const struct config config = {.rankings = &ranking, .ranking_count = 1};

/* ---- what the aggregator writes ---- */

static void command(struct store_fixture *fixture, const struct text *words, size_t count)
{
    const char *port = strchr(redis_process_address(fixture->redis), ':') + 1;
    struct redis_conn *conn = redis_conn_open("127.0.0.1", (int)strtol(port, NULL, 10), 10000, NULL, NULL);
    struct buffer request;
    struct redis_reply reply;
    struct error error;
    assert_non_null(conn);
    buffer_init(&request);
    redis_command_append(&request, words, count);
    if (redis_command_begin(conn, &request, 10000, &error) != 0 ||
        redis_command_expect(conn, "a command", &reply, &error) != 0) {
        fail_msg("%s", error.message);
    }
    buffer_done(&request);
    redis_conn_close(conn);
}
#define COMMAND(fixture, ...) \
    command((fixture), (const struct text[]){__VA_ARGS__}, \
            sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

static struct ranking_question question_of(const char *window, const char *period)
{
    struct ranking_question question;
    struct error error;
    assert_int_equal(ranking_question_begin(&question, &config, TEXT("like"), text_of(window), text_of(period), &error),
                     STATUS_OK);
    return question;
}

static struct ranking_window window_of(const char *name)
{
    return question_of(name, "").window;
}

static void set_marks(struct store_fixture *fixture, const char *at, const char *appended)
{
    COMMAND(fixture, TEXT("HSET"), TEXT(STATE), TEXT("at"), text_of(at), TEXT("t"), TEXT("1000"), TEXT("v"),
            TEXT("test:1"), TEXT("fed"), TEXT(" like:day  like:all  like:1440m "));
    COMMAND(fixture, TEXT("HSET"), TEXT("tally:{p0}:outbox"), TEXT("n"), text_of(appended));
}

static void set_board(struct store_fixture *fixture, const char *window, struct ranking_board board)
{
    const struct ranking_window of = window_of(window);
    char field[RANKING_KEY_SIZE];
    char text[RANKING_BOARD_TEXT_SIZE];
    COMMAND(fixture, TEXT("HSET"), TEXT(STATE), ranking_board_field(field, TEXT("like"), &of),
            ranking_board_put(text, &board));
}

static void set_top(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top)
{
    const struct ranking_window of = window_of(window);
    char field[RANKING_KEY_SIZE];
    char text[RANKING_TOP_TEXT_SIZE];
    COMMAND(fixture, TEXT("HSET"), TEXT(STATE), ranking_top_field(field, TEXT("like"), &of, slot),
            ranking_top_put(text, &top));
}

/* "tally:{p0}:r:like:day:0" */
static const char *top_key(const char *window, size_t slot)
{
    static char key[RANKING_KEY_SIZE + 16];
    char name[RANKING_KEY_SIZE];
    const struct ranking_window of = window_of(window);
    const struct text top = ranking_top_key(name, TEXT("like"), &of, slot);
    snprintf(key, sizeof(key), "tally:{p0}:%.*s", (int)top.len, top.data);
    return key;
}

struct member {
    const char *resource_id;
    int64_t score;
};

static struct buffer places_of(const struct member *members, size_t count)
{
    struct buffer places;
    buffer_init(&places);
    ranking_places_begin(&places);
    for (size_t i = 0; i < count; i++) {
        ranking_places_put(&places, text_of(members[i].resource_id), members[i].score);
    }
    return places;
}

/* The string and the top that tells of it. */
static void set_members(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top,
                        const struct member *members, size_t count)
{
    struct buffer places = places_of(members, count);
    top.length = (int64_t)places.len;
    top.members = (int64_t)count;
    COMMAND(fixture, TEXT("SET"), text_of(top_key(window, slot)), (struct text){places.data, places.len});
    set_top(fixture, window, slot, top);
    buffer_done(&places);
}
#define MEMBERS(fixture, window, slot, top, ...) \
    set_members((fixture), (window), (slot), (top), (const struct member[]){__VA_ARGS__}, \
                sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static void set_record(struct store_fixture *fixture, const char *resource_id, int64_t today, int64_t yesterday)
{
    const struct ranking_window day = window_of("day");
    struct ranking_record record;
    char packed[RANKING_RECORD_LEN_MAX];
    int64_t unused;
    assert_int_equal(ranking_record_unpack(TEXT(""), &record), 0);
    ranking_record_add(&record, &day, TODAY - 1, yesterday, &unused);
    ranking_record_add(&record, &day, TODAY, today, &unused);
    COMMAND(fixture, TEXT("HSET"), TEXT("tally:{p0}:r:like"), text_of(resource_id),
            (struct text){packed, ranking_record_pack(&record, packed)});
}

static const struct ranking_top whole = {.since_ms = INT64_MIN};

#define FIVE \
    {"b", 5}, {"first", 2}, {"a", 5}, {"B", 5}, {"last", -3}, \
    { \
        "first", 9 \
    }

/* A day's ranking of five, and one of two the day before. */
static void write_days_as(struct store_fixture *fixture, struct ranking_top today)
{
    set_marks(fixture, "5-0 7", "7");
    set_board(fixture, "day", (struct ranking_board){.period = TODAY});
    MEMBERS(fixture, "day", 0, today, FIVE);
    MEMBERS(fixture, "day", 1, whole, {"b", 80}, {"a", 90}, {"gone", 95}, {"gone", 0});
}

static void write_days(struct store_fixture *fixture)
{
    write_days_as(fixture, whole);
}

/* ---- asking ---- */

struct asked {
    enum status status;
    const char *detail;
    struct error error;
    struct ranking_answer answer; /* an empty one unless STATUS_OK; its entries are valid until the next question */
    bool lacks_rank;
};

static struct asked ask_for(struct store_fixture *fixture, struct ranking_question question,
                            struct ranking_wanted wanted)
{
    static struct ranking_read last;
    struct asked asked = {.status = STATUS_OK};
    ranking_read_done(&last);
    ranking_read_init(&last, &question, wanted);
    struct store_call call = {.operation = STORE_RANKING, .ranking = &last};
    asked.status = store_fixture_run(fixture, &call);
    asked.detail = call.detail;
    if (asked.status == STATUS_OK) {
        asked.status =
            ranking_answer_make(&question, last.snapshot, ranking_read_total(&last), &asked.answer, &asked.error);
        asked.detail = "the answer could not be made: see error";
        asked.lacks_rank = ranking_answer_lacks_rank(&question, last.snapshot, &asked.answer);
    }
    if (asked.status != STATUS_OK) {
        asked.answer = (struct ranking_answer){.rank = 0};
    }
    last.question = NULL;
    return asked;
}

static struct asked ask_best(struct store_fixture *fixture, const char *window, const char *period, uint32_t limit,
                             uint32_t offset)
{
    struct ranking_question question = question_of(window, period);
    struct error error;
    assert_int_equal(ranking_question_of_best(&question, limit, offset, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.order = true});
}

static struct asked ask_one(struct store_fixture *fixture, const char *window, const char *period,
                            const char *resource_id, uint32_t neighbours)
{
    struct ranking_question question = question_of(window, period);
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), neighbours, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.order = true, .total = true});
}

/* The total alone. */
static struct asked ask_total(struct store_fixture *fixture, const char *window, const char *resource_id)
{
    struct ranking_question question = question_of(window, "");
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), 5, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.total = true});
}

/* "1 first 9, 2 B 5": rank, resource, score. */
static void assert_entries(struct asked asked, const char *expected)
{
    char text[512] = "";
    size_t len = 0;
    if (asked.status != STATUS_OK) {
        fail_msg("%s", asked.detail);
    }
    for (size_t i = 0; i < asked.answer.entry_count; i++) {
        const struct ranking_entry *entry = &asked.answer.entries[i];
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld %.*s %lld", i > 0 ? ", " : "",
                                (long long)asked.answer.first_rank + (long long)i, (int)entry->resource_id.len,
                                entry->resource_id.data, (long long)entry->score);
    }
    assert_string_equal(text, expected);
}

static void assert_damaged(struct asked asked)
{
    assert_int_equal(asked.status, STATUS_DATA_DAMAGED);
    assert_string_equal(asked.detail, "what Redis holds of the ranking is damaged");
}

/* ---- the best ---- */

static void test_before_the_aggregator_has_begun_there_is_nothing(void **state)
{
    NEED_REDIS(state);
    const struct asked asked = ask_best(fixture, "day", "", 10, 0);
    assert_entries(asked, "");
    assert_false(asked.answer.is_complete);
    assert_true(asked.answer.as_of_ms > 1600000000000);
    assert_true(ask_one(fixture, "all", "", "a", 5).answer.rank == 0);
}

static void test_the_best_come_first_and_equal_ones_by_their_bytes(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    const struct asked asked = ask_best(fixture, "day", "", 10, 0);
    assert_entries(asked, "1 first 9, 2 B 5, 3 a 5, 4 b 5, 5 last -3");
    assert_true(asked.answer.is_complete && asked.answer.since_ms == 0);
    assert_string_equal(asked.answer.period, "2026-11-25");
}

static void test_a_page_begins_where_it_was_asked_to(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    assert_entries(ask_best(fixture, "day", "", 2, 1), "2 B 5, 3 a 5");
    assert_entries(ask_best(fixture, "day", "", 10, 4), "5 last -3");
    const struct asked asked = ask_best(fixture, "day", "", 1000, 100000);
    assert_entries(asked, "");
    assert_true(asked.answer.is_complete);
}

static void test_a_page_of_a_thousand_comes_whole(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    enum { COUNT = 2000 };
    static char names[COUNT][RESOURCE_ID_LEN_MAX + 1];
    static struct member members[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "%0250d", i);
        members[i] = (struct member){names[i], i + 1};
    }
    set_members(fixture, "day", 0, whole, members, COUNT);
    const struct asked asked = ask_best(fixture, "day", "", 1000, 500);
    assert_int_equal(asked.answer.entry_count, 1000);
    assert_true(asked.answer.entries[0].score == 1500 && asked.answer.entries[999].score == 501);
}

static void test_the_period_before_has_its_own_top(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    const struct asked asked = ask_best(fixture, "day", "2026-11-24", 10, 0);
    assert_entries(asked, "1 a 90, 2 b 80");
    assert_string_equal(asked.answer.period, "2026-11-24");
    assert_entries(ask_best(fixture, "day", "2026-11-25", 1, 0), "1 first 9");
    static const char *const others[] = {"2026-11-23", "2026-11-26", "1970-01-01"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask_best(fixture, "day", others[i], 10, 0).status, STATUS_NO_SUCH_RANKING);
    }
}

static void test_when_an_answer_is_of_now(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    assert_true(ask_best(fixture, "day", "", 10, 0).answer.as_of_ms > 1600000000000);
    COMMAND(fixture, TEXT("HSET"), TEXT(STATE), TEXT("next"), TEXT("2000"));
    assert_true(ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1999);
    set_marks(fixture, "5-0 7", "8");
    assert_true(ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1000);
    COMMAND(fixture, TEXT("DEL"), TEXT("tally:{p0}:outbox"));
    set_marks(fixture, "0-0 0", "0");
    assert_true(ask_best(fixture, "day", "", 10, 0).answer.as_of_ms == 1999);
}

static void test_a_short_top_is_not_complete(void **state)
{
    NEED_REDIS(state);
    struct ranking_top top = {.since_ms = INT64_MIN, .is_bounded = true};
    ranking_place_set(&top.floor, -4, TEXT("z"));
    write_days_as(fixture, top);
    assert_true(ask_best(fixture, "day", "", 5, 0).answer.is_complete);
    assert_false(ask_best(fixture, "day", "", 5, 1).answer.is_complete);
    assert_true(ask_one(fixture, "day", "", "a", 2).answer.is_complete);
    assert_false(ask_one(fixture, "day", "", "a", 3).answer.is_complete);
    assert_false(ask_one(fixture, "day", "", "nobody", 0).answer.is_complete);
    write_days_as(fixture, ranking_top_unfilled(INT64_MIN));
    assert_true(ask_best(fixture, "day", "", 5, 0).answer.is_complete);
}

static void test_a_window_that_the_leader_does_not_keep_has_nothing(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    static const char *const others[] = {"", " like:all ", " like:day+480 ", " dislike:day "};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        COMMAND(fixture, TEXT("HSET"), TEXT(STATE), TEXT("fed"), text_of(others[i]));
        const struct asked asked = ask_best(fixture, "day", "", 10, 0);
        assert_entries(asked, "");
        assert_true(!asked.answer.is_complete && asked.answer.since_ms == asked.answer.as_of_ms);
    }
    COMMAND(fixture, TEXT("HDEL"), TEXT(STATE), TEXT("fed"));
    assert_entries(ask_one(fixture, "day", "", "a", 3), "");
    COMMAND(fixture, TEXT("HSET"), TEXT(STATE), TEXT("fed"), TEXT(" like:day "));
    assert_entries(ask_best(fixture, "day", "", 1, 0), "1 first 9");
}

static void test_a_past_that_is_missing_is_told(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    MEMBERS(fixture, "day", 0, ((struct ranking_top){.since_ms = TODAY * day_ms + 1}), FIVE);
    MEMBERS(fixture, "day", 1, ((struct ranking_top){.since_ms = (TODAY - 1) * day_ms}), FIVE);
    const struct asked asked = ask_best(fixture, "day", "", 5, 0);
    assert_true(!asked.answer.is_complete && asked.answer.since_ms == TODAY * day_ms + 1);
    assert_true(ask_best(fixture, "day", "2026-11-24", 5, 0).answer.is_complete);
}

static void test_a_rolling_window_lets_go(void **state)
{
    NEED_REDIS(state);
    set_marks(fixture, "5-0 7", "7");
    MEMBERS(fixture, "24h", 0, whole, {"a", 5});
    for (int64_t period = 1000; period <= 1001; period++) {
        set_board(fixture, "24h", (struct ranking_board){.period = period, .oldest = period - 23, .newest = period});
        struct asked asked = ask_best(fixture, "24h", "", 5, 0);
        assert_entries(asked, "1 a 5");
        assert_true(asked.answer.is_complete);
        assert_string_equal(asked.answer.period, "");
        set_board(fixture, "24h", (struct ranking_board){.period = period, .oldest = period - 24, .newest = period});
        assert_false(ask_best(fixture, "24h", "", 5, 0).answer.is_complete);
    }
}

/* ---- one ---- */

static void test_a_resource_has_its_rank_and_its_neighbours(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    set_record(fixture, "a", 5, 90);
    struct asked asked = ask_one(fixture, "day", "", "a", 1);
    assert_entries(asked, "2 B 5, 3 a 5, 4 b 5");
    assert_true(asked.answer.rank == 3 && asked.answer.score == 5);
    asked = ask_one(fixture, "day", "", "a", 100);
    assert_entries(asked, "1 first 9, 2 B 5, 3 a 5, 4 b 5, 5 last -3");
    assert_true(asked.answer.rank == 3);
    asked = ask_one(fixture, "day", "2026-11-24", "a", 0);
    assert_entries(asked, "1 a 90");
    assert_true(asked.answer.rank == 1 && asked.answer.score == 90);
}

static void test_a_resource_without_a_rank_has_a_score(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    set_record(fixture, "outside", -7, 2);
    struct asked asked = ask_one(fixture, "day", "", "outside", 5);
    assert_entries(asked, "");
    assert_true(asked.answer.rank == 0 && asked.answer.score == -7);
    asked = ask_one(fixture, "day", "", "nobody", 5);
    assert_true(asked.answer.rank == 0 && asked.answer.score == 0);
}

static void test_the_total_alone_tells_who_should_be_a_member(void **state)
{
    NEED_REDIS(state);
    struct ranking_top top = {.since_ms = INT64_MIN, .is_bounded = true};
    ranking_place_set(&top.floor, -3, TEXT("m"));
    write_days_as(fixture, top);
    set_record(fixture, "outside", -7, 2);
    set_record(fixture, "inside", 6, 2);
    set_record(fixture, "back", 0, 2);
    struct asked asked = ask_total(fixture, "day", "outside");
    assert_entries(asked, "");
    assert_true(asked.answer.rank == 0 && asked.answer.score == -7 && !asked.answer.is_complete && !asked.lacks_rank);
    asked = ask_total(fixture, "day", "inside");
    assert_true(asked.answer.rank == 0 && asked.answer.score == 6 && asked.lacks_rank);
    asked = ask_total(fixture, "day", "back");
    assert_true(asked.answer.score == 0 && !asked.lacks_rank);
    assert_true(ask_total(fixture, "day", "nobody").answer.score == 0);
    write_days(fixture);
    assert_true(ask_total(fixture, "day", "nobody").answer.is_complete);
    /* The length of the string counts here too. */
    REDIS_ASK(fixture->redis, "APPEND", top_key("day", 0), "x");
    assert_false(ask_total(fixture, "day", "nobody").answer.is_complete);
}

static void test_a_great_score_is_exact(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    MEMBERS(fixture, "day", 0, whole, {"great", 9007199254740993}, {"greatest", INT64_MAX}, {"least", INT64_MIN});
    set_record(fixture, "outside", 9007199254740993, 0);
    assert_entries(ask_best(fixture, "day", "", 3, 0),
                   "1 greatest 9223372036854775807, 2 great 9007199254740993, 3 least -9223372036854775808");
    assert_true(ask_one(fixture, "day", "", "great", 1).answer.score == 9007199254740993);
    assert_true(ask_one(fixture, "day", "", "outside", 1).answer.score == 9007199254740993);
}

static void test_of_all_the_score_of_one_outside_is_the_counter(void **state)
{
    NEED_REDIS(state);
    set_marks(fixture, "5-0 7", "7");
    set_board(fixture, "all", (struct ranking_board){.period = 0});
    MEMBERS(fixture, "all", 0, whole, {"a", 9});
    store_fixture_increment_one(fixture, store_item_of("a", "like", 10));
    store_fixture_increment_one(fixture, store_item_of("b", "like", INT64_MAX));
    struct asked asked = ask_one(fixture, "all", "", "a", 3);
    assert_entries(asked, "1 a 9");
    assert_true(asked.answer.score == 9 && asked.answer.rank == 1 && asked.answer.is_complete);
    asked = ask_one(fixture, "all", "", "b", 3);
    assert_true(asked.answer.score == INT64_MAX && asked.answer.rank == 0);
    assert_true(ask_total(fixture, "all", "b").lacks_rank);
    assert_entries(ask_best(fixture, "all", "", 3, 0), "1 a 9");
    MEMBERS(fixture, "all", 0, (struct ranking_top){.since_ms = 1}, {"a", 9});
    assert_true(ask_best(fixture, "all", "", 3, 0).answer.since_ms == 1);
}

/* ---- damage ---- */

static void test_keys_of_another_type_are_damage(void **state)
{
    NEED_REDIS(state);
    static const char *const keys[] = {STATE, "tally:{p0}:outbox", "tally:{p0}:r:like:day:0", "tally:{p0}:r:like"};
    for (size_t i = 0; i < 4; i++) {
        REDIS_ASK(fixture->redis, "DEL", keys[0], keys[1], keys[2], keys[3]);
        write_days(fixture);
        REDIS_ASK(fixture->redis, "DEL", keys[i]);
        REDIS_ASK(fixture->redis, "SADD", keys[i], "text");
        assert_damaged(ask_one(fixture, "day", "", "a", 3));
        assert_damaged(ask_total(fixture, "day", "a"));
        if (i < 3) {
            assert_damaged(ask_best(fixture, "day", "", 3, 0));
        }
    }
    REDIS_ASK(fixture->redis, "SET", "tally:{p0}:c:a", "text");
    assert_damaged(ask_one(fixture, "all", "", "a", 3));
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
        write_days(fixture);
        COMMAND(fixture, TEXT("HDEL"), TEXT(STATE), TEXT("next"));
        COMMAND(fixture, TEXT("HSET"), TEXT(STATE), text_of(damage[i][0]), text_of(damage[i][1]));
        assert_damaged(ask_best(fixture, "day", "", 3, 0));
    }
    write_days(fixture);
    COMMAND(fixture, TEXT("HDEL"), TEXT(STATE), TEXT("next"));
    COMMAND(fixture, TEXT("HSET"), TEXT("tally:{p0}:r:like"), TEXT("outside"), TEXT("seven"));
    assert_int_equal(ask_one(fixture, "day", "", "outside", 3).status, STATUS_DATA_DAMAGED);
    assert_int_equal(ask_total(fixture, "day", "outside").status, STATUS_DATA_DAMAGED);
    assert_entries(ask_one(fixture, "day", "", "first", 0), "1 first 9");
}

/* The string of today's top is this, and the top tells of so many bytes. */
static void set_string(struct store_fixture *fixture, struct text string, size_t length)
{
    struct ranking_top top = whole;
    top.length = (int64_t)length;
    set_top(fixture, "day", 0, top);
    COMMAND(fixture, TEXT("SET"), text_of(top_key("day", 0)), string);
}

static void test_a_string_that_is_shorter_than_said_is_not_complete(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
    struct buffer places = places_of((const struct member[]){FIVE}, 6);
    for (size_t len = 0; len < places.len; len++) {
        set_string(fixture, (struct text){places.data, len}, places.len);
        const struct asked asked = ask_best(fixture, "day", "", 10, 0);
        assert_int_equal(asked.status, STATUS_OK);
        assert_false(asked.answer.is_complete);
    }
    set_string(fixture, (struct text){places.data, 4}, places.len);
    assert_entries(ask_best(fixture, "day", "", 10, 0), "1 b 5");
    COMMAND(fixture, TEXT("DEL"), text_of(top_key("day", 0)));
    const struct asked asked = ask_best(fixture, "day", "", 10, 0);
    assert_entries(asked, "");
    assert_false(asked.answer.is_complete);
    buffer_done(&places);
}

static void test_a_string_that_cannot_be_read_is_damage(void **state)
{
    NEED_REDIS(state);
    write_days(fixture);
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
        assert_damaged(ask_best(fixture, "day", "", 3, 0));
        assert_damaged(ask_one(fixture, "day", "", "a", 3));
    }
    assert_entries(ask_best(fixture, "day", "2026-11-24", 1, 0), "1 a 90");
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
        TEST(test_a_great_score_is_exact),
        TEST(test_of_all_the_score_of_one_outside_is_the_counter),
        TEST(test_keys_of_another_type_are_damage),
        TEST(test_fields_that_cannot_be_read_are_damage),
        TEST(test_a_string_that_is_shorter_than_said_is_not_complete),
        TEST(test_a_string_that_cannot_be_read_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
