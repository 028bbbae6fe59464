#include "tests/fakes/fake_ranking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_places.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "tests/fakes/loopback.h"

const struct ranking_top fake_ranking_whole = {.since_ms = INT64_MIN};

const struct fake_ranking_member fake_ranking_five[FAKE_RANKING_FIVE_PLACES] = {
    {"b", 5}, {"first", 2}, {"a", 5}, {"B", 5}, {"last", -3}, {"first", 9},
};

static char like[] = "like";
static struct ranking_config ranking = {
    .counter_type = like,
    .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true},
    .rolling = {{.name = "24h", .length_ms = 86400000}},
    .rolling_count = 1,
    .keep = FAKE_RANKING_KEEP,
};
static const struct config config = {.rankings = &ranking, .ranking_count = 1};

/* ---- what the aggregator writes ---- */

void fake_ranking_command(struct store_fixture *fixture, const struct text *words, size_t count)
{
    const char *port = strchr(redis_process_address(fixture->redis), ':') + 1;
    struct redis_conn *conn = loopback_conn((int)strtol(port, NULL, 10), 10000, NULL);
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

static int partition;

void fake_ranking_use_partition(int number)
{
    partition = number;
}

/* "tally:{p0}:rankings"; valid until the next call. */
static const char *key_of(struct text name)
{
    static char key[RANKING_KEY_SIZE + 32];
    snprintf(key, sizeof(key), "tally:{p%d}:%.*s", partition, (int)name.len, name.data);
    return key;
}

void fake_ranking_set_marks(struct store_fixture *fixture, const char *at, const char *appended)
{
    COMMAND(fixture, TEXT("HSET"), text_of(key_of(RANKING_STATE_KEY)), TEXT("at"), text_of(at), TEXT("t"), TEXT("1000"),
            TEXT("v"), TEXT("test:1"), TEXT("fed"), TEXT(" like:day  like:all  like:1440m "));
    COMMAND(fixture, TEXT("HSET"), text_of(key_of(TEXT("outbox"))), TEXT("n"), text_of(appended));
}

void fake_ranking_set_board(struct store_fixture *fixture, const char *window, struct ranking_board board)
{
    const struct ranking_window of = window_of(window);
    char field[RANKING_KEY_SIZE];
    char text[RANKING_BOARD_TEXT_SIZE];
    COMMAND(fixture, TEXT("HSET"), text_of(key_of(RANKING_STATE_KEY)), ranking_board_field(field, TEXT("like"), &of),
            ranking_board_put(text, &board));
}

void fake_ranking_set_top(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top)
{
    const struct ranking_window of = window_of(window);
    char field[RANKING_KEY_SIZE];
    char text[RANKING_TOP_TEXT_SIZE];
    COMMAND(fixture, TEXT("HSET"), text_of(key_of(RANKING_STATE_KEY)),
            ranking_top_field(field, TEXT("like"), &of, slot), ranking_top_put(text, &top));
}

/* "tally:{p0}:r:like:day:0" */
const char *fake_ranking_top_key(const char *window, size_t slot)
{
    char name[RANKING_KEY_SIZE];
    const struct ranking_window of = window_of(window);
    const struct text top = ranking_top_key(name, TEXT("like"), &of, slot);
    return key_of(top);
}

struct buffer fake_ranking_places_of(const struct fake_ranking_member *members, size_t count)
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
void fake_ranking_set_members(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top,
                              const struct fake_ranking_member *members, size_t count)
{
    struct buffer places = fake_ranking_places_of(members, count);
    top.length = (int64_t)places.len;
    top.members = (int64_t)count;
    COMMAND(fixture, TEXT("SET"), text_of(fake_ranking_top_key(window, slot)), (struct text){places.data, places.len});
    fake_ranking_set_top(fixture, window, slot, top);
    buffer_done(&places);
}
void fake_ranking_set_record(struct store_fixture *fixture, const char *resource_id, int64_t today, int64_t yesterday)
{
    const struct ranking_window day = window_of("day");
    struct ranking_record record;
    char packed[RANKING_RECORD_LEN_MAX];
    struct ranking_bucket_change unused;
    assert_int_equal(ranking_record_unpack(TEXT(""), &record), 0);
    ranking_record_add(&record, &day, FAKE_RANKING_TODAY - 1, yesterday, &unused);
    ranking_record_add(&record, &day, FAKE_RANKING_TODAY, today, &unused);
    COMMAND(fixture, TEXT("HSET"), text_of(key_of(TEXT("r:like"))), text_of(resource_id),
            (struct text){packed, ranking_record_pack(&record, packed)});
}

/* A day's ranking of five, and one of two the day before. */
void fake_ranking_write_days_as(struct store_fixture *fixture, struct ranking_top today)
{
    fake_ranking_set_marks(fixture, "5-0 7", "7");
    fake_ranking_set_board(fixture, "day", (struct ranking_board){.period = FAKE_RANKING_TODAY});
    fake_ranking_set_members(fixture, "day", 0, today, fake_ranking_five, FAKE_RANKING_FIVE_PLACES);
    MEMBERS(fixture, "day", 1, fake_ranking_whole, {"b", 80}, {"a", 90}, {"gone", 95}, {"gone", 0});
}

void fake_ranking_write_days(struct store_fixture *fixture)
{
    fake_ranking_write_days_as(fixture, fake_ranking_whole);
}

/* ---- asking ---- */

static struct fake_ranking_asked ask_for(struct store_fixture *fixture, struct ranking_question question,
                                         struct ranking_wanted wanted)
{
    static struct ranking_read last;
    struct fake_ranking_asked asked = {.status = STATUS_OK};
    ranking_read_done(&last);
    ranking_read_init(&last, &question, wanted);
    struct store_call call = {.operation = STORE_RANKING, .ranking = &last};
    asked.status = store_fixture_run(fixture, &call);
    asked.detail = call.detail;
    if (asked.status == STATUS_OK) {
        asked.status =
            ranking_answer_make(&question, last.snapshot, ranking_read_total(&last), &asked.answer, &asked.error);
        asked.detail = "the answer could not be made: see error";
        asked.lacks_rank = ranking_answer_lacks_rank(&question, last.snapshot, last.snapshot, &asked.answer);
    }
    if (asked.status != STATUS_OK) {
        asked.answer = (struct ranking_answer){.rank = 0};
    }
    last.question = NULL;
    return asked;
}

struct fake_ranking_asked fake_ranking_ask_best(struct store_fixture *fixture, const char *window, const char *period,
                                                uint32_t limit, uint32_t offset)
{
    struct ranking_question question = question_of(window, period);
    struct error error;
    assert_int_equal(ranking_question_of_best(&question, limit, offset, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.order = true});
}

struct fake_ranking_asked fake_ranking_ask_one(struct store_fixture *fixture, const char *window, const char *period,
                                               const char *resource_id, uint32_t neighbours)
{
    struct ranking_question question = question_of(window, period);
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), neighbours, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.order = true, .total = true});
}

/* The total alone. */
struct fake_ranking_asked fake_ranking_ask_total(struct store_fixture *fixture, const char *window,
                                                 const char *resource_id)
{
    struct ranking_question question = question_of(window, "");
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), 5, &error), STATUS_OK);
    return ask_for(fixture, question, (struct ranking_wanted){.total = true});
}

/* "1 first 9, 2 B 5": rank, resource, score. */
void fake_ranking_assert_entries(struct fake_ranking_asked asked, const char *expected)
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

void fake_ranking_assert_damaged(struct fake_ranking_asked asked)
{
    assert_int_equal(asked.status, STATUS_DATA_DAMAGED);
    assert_string_equal(asked.detail, "what Redis holds of the ranking is damaged");
}
