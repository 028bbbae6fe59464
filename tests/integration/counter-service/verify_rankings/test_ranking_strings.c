/* counter-verify --rankings where the string of a top is not what the state says, on a real Redis; and copies of the
 * strings, kept up while an aggregator adds to them and writes them anew. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/verify/redis_readers.h"
#include "counter-service/verify_rankings/ranking_cut.h"
#include "tests/fakes/ranking_edit.h"
#include "tests/fakes/ranking_run.h"

enum { MINUTE = 60 * 1000 };

#define ASK RANKING_RUN_ASK

/* ---- damage ------------------------------------------------------------------------------------------------------ */

enum { SENTENCE_SIZE = 128 };

/* Damages the top, and prints what is to be told of it. */
typedef void (*damage_fn)(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE]);

/* A wrong place in another window is told beside it. */
static void check_other_window(struct ranking_run *run, const char *piece)
{
    int64_t score;
    struct ranking_edit other;
    ranking_edit_begin(&other, run->rankings->conn.redis, run->run, "month", false);
    char *member = ranking_edit_member(&other, 0, &score);
    ranking_edit_put(&other, member, score + 1, 0);
    ranking_edit_save(&other);
    ranking_run_check_tells(run, piece, 2);
    ranking_edit_put(&other, member, score, 0);
    ranking_edit_save(&other);
    ranking_edit_done(&other);
    free(member);
}

static void check_window(struct ranking_run *run, const char *window, bool is_former, damage_fn damage)
{
    char sentence[SENTENCE_SIZE];
    char piece[256];
    struct ranking_edit edit;
    ranking_edit_begin(&edit, run->rankings->conn.redis, run->run, window, is_former);
    const struct ranking_top top = edit.top;
    const size_t len = edit.string.len;
    damage(run, &edit, sentence);
    snprintf(piece, sizeof(piece), "\n%s: %s\n", edit.name, sentence);
    ranking_run_check_tells(run, piece, 1);
    check_other_window(run, piece);
    edit.top = top;
    edit.string.len = len;
    ranking_edit_save(&edit);
    ranking_edit_done(&edit);
}

static void check_damage(struct store_fixture *fixture, damage_fn damage)
{
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    check_window(&run, "hour", true, damage);
    check_window(&run, "day", false, damage);
    check_window(&run, "all", false, damage);
    check_window(&run, "1h", false, damage);
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

static void tell_length(const struct ranking_edit *edit, size_t len, char sentence[SENTENCE_SIZE])
{
    snprintf(sentence, SENTENCE_SIZE, "its string has %zu bytes, should have %" PRId64, len, edit->top.length);
}

static void cut_short(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    (void)run;
    edit->string.len -= 3;
    ranking_edit_save(edit);
    tell_length(edit, edit->string.len, sentence);
}

static void make_longer(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    (void)run;
    const int64_t length = edit->top.length;
    ranking_edit_put(edit, "stranger", 1, 0);
    edit->top.length = length;
    ranking_edit_save(edit);
    tell_length(edit, edit->string.len, sentence);
}

static void delete (struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    ASK(run, "DEL", edit->key);
    tell_length(edit, 0, sentence);
}

static void make_list(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    ASK(run, "DEL", edit->key);
    ASK(run, "LPUSH", edit->key, "x");
    snprintf(sentence, SENTENCE_SIZE, "its key holds no string");
}

static void miscount(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    (void)run;
    const int64_t members = edit->top.members++;
    ranking_edit_save(edit);
    snprintf(sentence, SENTENCE_SIZE, "its string has %" PRId64 " members, should have %" PRId64, members, members + 1);
}

static void break_place(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    (void)run;
    buffer_append(&edit->string, "\5ab", 3);
    edit->top.length += 3;
    ranking_edit_save(edit);
    snprintf(sentence, SENTENCE_SIZE, "a place in its string is damaged");
}

static void put_strange_name(struct ranking_run *run, struct ranking_edit *edit, char sentence[SENTENCE_SIZE])
{
    (void)run;
    ranking_edit_put(edit, "a\nb", 5, 1);
    ranking_edit_save(edit);
    snprintf(sentence, SENTENCE_SIZE, "a place in its string is damaged");
}

#define DAMAGE_TEST(name, damage) \
    static void name(void **state) \
    { \
        NEED_REDIS(state); \
        check_damage(fixture, damage); \
    }

DAMAGE_TEST(test_a_string_that_was_cut_short_is_told, cut_short)
DAMAGE_TEST(test_a_string_that_is_too_long_is_told, make_longer)
DAMAGE_TEST(test_a_string_that_was_deleted_is_told, delete)
DAMAGE_TEST(test_a_key_that_holds_no_string_is_told, make_list)
DAMAGE_TEST(test_a_wrong_count_of_members_is_told, miscount)
DAMAGE_TEST(test_a_place_that_is_none_is_told, break_place)
DAMAGE_TEST(test_a_name_that_no_resource_can_have_is_told, put_strange_name)

/* As doubles they would be the same. */
static void test_scores_that_differ_beyond_2_to_the_53rd_are_told(void **state)
{
    NEED_REDIS(state);
    static const char *const windows[] = {"day", "all", "24h"};
    const struct ranking_event event = {.resource = RANKING_RUN_UNUSED, .delta = INT64_C(9007199254740993)};
    struct ranking_run run;
    ranking_run_begin(&run, fixture);
    ranking_fixture_write(run.rankings, run.rankings->now_ms, &event, 1);
    ranking_fixture_settle(run.run);
    ranking_run_check_equal(&run);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        char piece[256];
        int64_t score;
        struct ranking_edit edit;
        ranking_edit_begin(&edit, run.rankings->conn.redis, run.run, windows[i], false);
        char *member = ranking_edit_member(&edit, 0, &score);
        assert_string_equal(member, "r300");
        ranking_edit_put(&edit, member, score - 1, 0);
        ranking_edit_save(&edit);
        snprintf(piece, sizeof(piece), "\nr300 %s: has a place with %" PRId64 ", should have one with %" PRId64 "\n",
                 edit.name, score - 1, score);
        ranking_run_check_tells(&run, piece, 1);
        ranking_edit_put(&edit, member, score, 0);
        ranking_edit_save(&edit);
        ranking_edit_done(&edit);
        free(member);
    }
    ranking_run_check_equal(&run);
    ranking_run_end(&run);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

/* The copies are what the aggregator has in memory. */
static void compare_copies(const struct ranking_cut *cut, const struct aggregator_run *run)
{
    const struct ranked_type *type = &run->state.types[0];
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranking_table *table = &type->windows[i].table;
        const struct ranking_copy *copy = ranking_cut_copy(cut, 0, i, ranked_slot(&type->windows[i]));
        assert_int_equal(copy->damage, RANKING_UNDAMAGED);
        assert_int_equal(copy->table.count, table->count);
        for (size_t k = 0; k < table->bucket_count; k++) {
            for (const struct ranking_member *member = table->buckets[k]; member != NULL; member = member->next) {
                const struct ranking_member *found = ranking_table_find(&copy->table, ranking_member_id(member));
                assert_true(found != NULL && found->score == member->score);
            }
        }
    }
}

static void read_all(struct ranking_cut *cut)
{
    struct error error;
    const struct text any = TEXT("r1");
    assert_int_equal(ranking_cut_read(cut, 0, RANKING_OF_RECORDS, &any, 1, &error), 0);
    assert_int_equal(ranking_cut_read(cut, 0, RANKING_OF_COUNTERS, &any, 1, &error), 0);
}

static void test_a_copy_follows_a_top_that_grows_and_is_written_anew(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    struct redis_readers readers = {.count = 0};
    struct ranking_cut cut;
    struct error error;
    int grown = 0;
    int rewritten = 0;
    ranking_run_begin(&run, fixture);
    assert_int_equal(redis_readers_open(&readers, &run.rankings->config, &error), 0);
    assert_int_equal(ranking_cut_init(&cut, &readers.all[0], &run.rankings->config, 5000, false, &error), 0);
    read_all(&cut);
    for (int i = 0; i < 200; i++) {
        const struct ranking_copy before = *ranking_cut_copy(&cut, 0, 1, ranked_slot(&cut.state->types[0].windows[1]));
        ranking_run_write(&run, 1, MINUTE);
        ranking_fixture_settle(run.run);
        read_all(&cut);
        compare_copies(&cut, run.run);
        const struct ranking_copy *after = ranking_cut_copy(&cut, 0, 1, ranked_slot(&cut.state->types[0].windows[1]));
        grown += after->generation == before.generation && after->length > before.length;
        rewritten += after->generation > before.generation;
    }
    assert_true(grown > 20);
    assert_true(rewritten > 2);
    ranking_cut_done(&cut);
    redis_readers_close(&readers);
    ranking_run_end(&run);
}

/* The string goes while it is known: its length tells. */
static void test_a_string_that_is_lost_between_two_reads_is_seen(void **state)
{
    NEED_REDIS(state);
    struct ranking_run run;
    struct redis_readers readers = {.count = 0};
    struct ranking_cut cut;
    struct error error;
    struct ranking_edit edit;
    ranking_run_begin(&run, fixture);
    assert_int_equal(redis_readers_open(&readers, &run.rankings->config, &error), 0);
    assert_int_equal(ranking_cut_init(&cut, &readers.all[0], &run.rankings->config, 5000, false, &error), 0);
    read_all(&cut);
    ranking_edit_begin(&edit, run.rankings->conn.redis, run.run, "day", false);
    ASK(&run, "DEL", edit.key);
    read_all(&cut);
    const struct ranking_copy *copy = ranking_cut_copy(&cut, 0, 1, ranked_slot(&cut.state->types[0].windows[1]));
    assert_int_equal(copy->damage, RANKING_LENGTH);
    edit.top.generation++;
    ranking_edit_save(&edit);
    read_all(&cut);
    assert_int_equal(copy->damage, RANKING_UNDAMAGED);
    assert_int_equal(copy->table.count, edit.table.count);
    ranking_edit_done(&edit);
    ranking_cut_done(&cut);
    redis_readers_close(&readers);
    ranking_run_end(&run);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_string_that_was_cut_short_is_told),
        TEST(test_a_string_that_is_too_long_is_told),
        TEST(test_a_string_that_was_deleted_is_told),
        TEST(test_a_key_that_holds_no_string_is_told),
        TEST(test_a_wrong_count_of_members_is_told),
        TEST(test_a_place_that_is_none_is_told),
        TEST(test_a_name_that_no_resource_can_have_is_told),
        TEST(test_scores_that_differ_beyond_2_to_the_53rd_are_told),
        TEST(test_a_copy_follows_a_top_that_grows_and_is_written_anew),
        TEST(test_a_string_that_is_lost_between_two_reads_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
