#include "counter-service/ranking/ranking_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "counter-service/ranking/ranking_answer.h"
#include "counter-service/ranking/ranking_places.h"

static const int64_t hour_ms = 3600 * 1000;
static const int64_t day_ms = 24 * 3600 * 1000;

enum { TODAY = 20782, KEEP = 20, PARTS_MAX = 8, BUCKET = TODAY * 24 + 12 }; /* 2026-11-25 */

static char like[] = "like";
static struct ranking_config ranking = {
    .counter_type = like,
    .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true},
    .rolling = {{.name = "24h", .length_ms = 86400000}},
    .rolling_count = 1,
    .keep = KEEP,
};
static const struct config config = {.rankings = &ranking, .ranking_count = 1};

static struct ranking_question best_of(const char *window, const char *period, uint32_t limit, uint32_t offset)
{
    struct ranking_question question;
    struct error error;
    assert_int_equal(ranking_question_begin(&question, &config, TEXT("like"), text_of(window), text_of(period), &error),
                     STATUS_OK);
    assert_int_equal(ranking_question_of_best(&question, limit, offset, &error), STATUS_OK);
    return question;
}

static struct ranking_question one_of(const char *window, const char *resource_id)
{
    struct ranking_question question = best_of(window, "", 1, 0);
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), 1, &error), STATUS_OK);
    return question;
}

/* ---- parts ---- */

static struct ranking_snapshot *parts[PARTS_MAX];
static size_t part_count;

static int end(void **state)
{
    (void)state;
    while (part_count > 0) {
        ranking_snapshot_release(parts[--part_count]);
    }
    return 0;
}

/* Today at noon; all is counted, nothing was ever missed, and nobody is in the top. */
static struct ranking_snapshot *add_part(void)
{
    struct ranking_snapshot *part = ranking_snapshot_create();
    assert_non_null(part);
    part->now_ms = TODAY * day_ms + 12 * hour_ms;
    part->has_board = true;
    part->board = (struct ranking_board){.period = TODAY, .newest = -1};
    part->counted = 7;
    part->appended = 7;
    part->counted_ms = TODAY * day_ms + 11 * hour_ms;
    part->next_ms = (TODAY + 1) * day_ms;
    part->has_top = true;
    part->top.since_ms = INT64_MIN;
    part->is_whole = true;
    parts[part_count++] = part;
    return part;
}

struct member {
    const char *resource_id;
    int64_t score;
};

static struct ranking_snapshot *add_part_of(const struct member *members, size_t count)
{
    struct ranking_snapshot *part = add_part();
    struct buffer places;
    buffer_init(&places);
    ranking_places_begin(&places);
    for (size_t i = 0; i < count; i++) {
        ranking_places_put(&places, text_of(members[i].resource_id), members[i].score);
    }
    part->top.length = (int64_t)places.len;
    part->top.members = (int64_t)count;
    assert_int_equal(ranking_snapshot_read_places(part, (struct text){places.data, places.len}), STATUS_OK);
    buffer_done(&places);
    return part;
}
#define PART(...) \
    add_part_of((const struct member[]){__VA_ARGS__}, \
                sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static void set_floor(struct ranking_snapshot *part, int64_t score, const char *resource_id)
{
    part->top.is_bounded = true;
    ranking_place_set(&part->top.floor, score, text_of(resource_id));
}

static struct ranking_snapshot *merge(struct ranking_question question)
{
    struct ranking_snapshot *merged = NULL;
    assert_int_equal(ranking_merge(&question, parts, part_count, &merged), STATUS_OK);
    assert_non_null(merged);
    return merged;
}

struct said {
    enum status status;
    struct ranking_answer answer; /* without entries */
    char entries[4096];           /* "1 a 9, 2 b 5" */
};

static struct said ask(struct ranking_question question)
{
    struct ranking_snapshot *merged = merge(question);
    struct said said = {.status = STATUS_OK};
    struct error error;
    size_t len = 0;
    said.status = ranking_answer_make(&question, merged, TEXT(""), &said.answer, &error);
    for (size_t i = 0; said.status == STATUS_OK && i < said.answer.entry_count; i++) {
        const struct ranking_entry *entry = &said.answer.entries[i];
        len += (size_t)snprintf(said.entries + len, sizeof(said.entries) - len, "%s%lld %.*s %lld", i > 0 ? ", " : "",
                                (long long)said.answer.first_rank + (long long)i, (int)entry->resource_id.len,
                                entry->resource_id.data, (long long)entry->score);
        assert_true(len < sizeof(said.entries));
    }
    ranking_snapshot_release(merged);
    return said;
}

/* ---- who stands where ---- */

static void test_the_best_of_all_are_the_best_of_each(void **state)
{
    (void)state;
    PART({"a", 9}, {"b", 5}, {"c", -3});
    PART({"d", 10}, {"B", 5});
    add_part(); /* nobody */
    const struct said said = ask(best_of("day", "", 10, 0));
    assert_string_equal(said.entries, "1 d 10, 2 a 9, 3 B 5, 4 b 5, 5 c -3");
    assert_true(said.answer.is_complete && said.answer.since_ms == 0);
    assert_string_equal(said.answer.period, "2026-11-25");
    assert_string_equal(ask(best_of("day", "", 2, 1)).entries, "2 a 9, 3 B 5");
    const struct said one = ask(one_of("day", "B"));
    assert_true(one.answer.rank == 3 && one.answer.score == 5 && one.answer.is_complete);
    assert_string_equal(one.entries, "2 a 9, 3 B 5, 4 b 5");
}

static void test_who_may_stand_before_a_place_takes_it_from_the_order(void **state)
{
    (void)state;
    set_floor(PART({"a", 9}, {"b", 5}), 4, "x");
    PART({"c", 8}, {"d", 3}, {"e", 2});
    struct said said = ask(best_of("day", "", 3, 0));
    assert_string_equal(said.entries, "1 a 9, 2 c 8, 3 b 5"); /* d may be behind x */
    assert_true(said.answer.is_complete);
    said = ask(best_of("day", "", 4, 0));
    assert_string_equal(said.entries, "1 a 9, 2 c 8, 3 b 5");
    assert_false(said.answer.is_complete);
    set_floor(parts[1], 8, "f");
    said = ask(best_of("day", "", 2, 0));
    assert_string_equal(said.entries, "1 a 9, 2 c 8");
    assert_true(said.answer.is_complete);
}

enum { RESOURCES = 400 };

struct resource {
    char name[16];
    int64_t score;
    size_t part;
};

static int by_place(const void *left, const void *right)
{
    const struct resource *a = left;
    const struct resource *b = right;
    return ranking_place_compare(a->score, text_of(a->name), b->score, text_of(b->name));
}

/* The best of the part's, as many as by chance; the next one is the floor. resources: in their order. */
static void add_random_part(const struct resource *resources, size_t count, size_t part, bool is_short,
                            struct prng *prng)
{
    struct member members[RESOURCES];
    const size_t few = prng_up_to(prng, KEEP);
    const size_t most = is_short ? few : KEEP + prng_up_to(prng, KEEP / 2);
    size_t member_count = 0;
    const struct resource *floor = NULL;
    for (size_t i = 0; i < count && floor == NULL; i++) {
        if (resources[i].part == part && member_count < most) {
            members[member_count++] = (struct member){resources[i].name, resources[i].score};
        } else if (resources[i].part == part) {
            floor = &resources[i];
        }
    }
    struct ranking_snapshot *snapshot = add_part_of(members, member_count);
    if (floor != NULL) {
        set_floor(snapshot, floor->score, floor->name);
    }
}

static void assert_like_all(const struct ranking_snapshot *merged, const struct resource *resources, size_t count)
{
    assert_true(merged->order.count <= count);
    assert_int_equal(merged->order.count, merged->top.members);
    assert_true(merged->order.count <= KEEP + KEEP / 2);
    assert_true(merged->order.count == count || merged->top.is_bounded);
    for (size_t i = 0; i < count; i++) {
        const struct text name = text_of(resources[i].name);
        const bool is_in = i < merged->order.count;
        assert_int_equal(ranking_snapshot_find(merged, name), is_in ? (int64_t)i : -1);
        assert_int_equal(ranking_snapshot_belongs(merged, resources[i].score, name), is_in);
        assert_true(!is_in || merged->order.entries[i].score == resources[i].score);
        assert_true(!is_in || text_equal(merged->order.entries[i].resource_id, name));
    }
}

static void assert_answers(const struct resource *resources, size_t count, size_t known, uint32_t limit)
{
    const struct said said = ask(best_of("day", "", limit, 0));
    assert_int_equal(said.answer.entry_count, limit < known ? limit : known);
    assert_int_equal(said.answer.is_complete, limit <= known || known == count);
    if (count > 0) {
        const size_t place = limit % count;
        const struct said one = ask(one_of("day", resources[place].name));
        assert_int_equal(one.answer.rank, place < known ? (int64_t)place + 1 : 0);
        assert_true(place >= known || one.answer.score == resources[place].score);
    }
}

static void test_any_partitions_are_as_one(void **state)
{
    struct prng prng = {.state = 4711};
    size_t bounded = 0;
    for (int round = 0; round < 800; round++) {
        struct resource resources[RESOURCES];
        const size_t partitions = 1 + (size_t)round % PARTS_MAX;
        const size_t count = prng_up_to(&prng, round % 3 == 0 ? RESOURCES : 3 * KEEP);
        const bool has_short = round % 4 == 3;
        const uint32_t score_max = round % 2 == 0 ? 1000000 : 12;
        for (size_t i = 0; i < count; i++) {
            snprintf(resources[i].name, sizeof(resources[i].name), "r%zu", i);
            resources[i].score = (int64_t)prng_up_to(&prng, score_max) - score_max / 3;
            resources[i].score += resources[i].score == 0;
            resources[i].part = prng_up_to(&prng, (uint32_t)partitions - 1);
        }
        qsort(resources, count, sizeof(resources[0]), by_place);
        for (size_t i = 0; i < partitions; i++) {
            add_random_part(resources, count, i, has_short && i == 0, &prng);
        }
        struct ranking_snapshot *merged = merge(best_of("day", "", 1, 0));
        const size_t known = merged->order.count;
        assert_like_all(merged, resources, count);
        assert_true(has_short || known == count || known >= KEEP);
        bounded += known < count;
        ranking_snapshot_release(merged);
        assert_answers(resources, count, known, 1 + prng_up_to(&prng, 2 * KEEP));
        end(state);
    }
    assert_in_range(bounded, 100, 700);
}

/* ---- what may be said of it ---- */

static void test_it_is_as_of_the_earliest(void **state)
{
    (void)state;
    PART({"a", 9});
    PART({"b", 8})->now_ms -= 7;
    assert_true(ask(best_of("day", "", 1, 0)).answer.as_of_ms == TODAY * day_ms + 12 * hour_ms - 7);
    parts[0]->appended = 8; /* an event waits */
    const struct said said = ask(best_of("day", "", 2, 0));
    assert_true(said.answer.as_of_ms == TODAY * day_ms + 11 * hour_ms);
    assert_true(said.answer.is_complete);
    assert_true(ask(one_of("day", "b")).answer.as_of_ms == TODAY * day_ms + 11 * hour_ms);
    assert_true(ask(one_of("day", "nobody")).answer.as_of_ms == TODAY * day_ms + 11 * hour_ms);
}

static void test_it_is_whole_since_the_latest(void **state)
{
    (void)state;
    PART({"a", 9})->top.since_ms = TODAY * day_ms + 2 * hour_ms;
    PART({"b", 8});
    PART({"c", 7})->top.since_ms = TODAY * day_ms + 3 * hour_ms;
    const struct said said = ask(best_of("day", "", 3, 0));
    assert_true(said.answer.since_ms == TODAY * day_ms + 3 * hour_ms && !said.answer.is_complete);
    assert_string_equal(said.entries, "1 a 9, 2 b 8, 3 c 7");
    for (size_t i = 0; i < 3; i++) {
        parts[i]->top.since_ms = TODAY * day_ms - (int64_t)i * hour_ms;
    }
    const struct said past = ask(best_of("day", "", 3, 0));
    assert_true(past.answer.since_ms == 0 && past.answer.is_complete);
}

static void test_a_damaged_part_makes_it_incomplete(void **state)
{
    (void)state;
    PART({"a", 9});
    PART({"b", 8})->is_whole = false;
    const struct said said = ask(best_of("day", "", 2, 0));
    assert_false(said.answer.is_complete);
}

static void test_a_part_that_nobody_counts_leaves_no_place(void **state)
{
    (void)state;
    PART({"a", 9});
    struct ranking_snapshot *part = add_part();
    part->has_top = false;
    part->is_whole = false;
    struct said said = ask(best_of("day", "", 2, 0));
    assert_string_equal(said.entries, "");
    assert_false(said.answer.is_complete);
    assert_true(said.answer.since_ms == part->now_ms);
    part->has_board = false;
    part->now_ms -= 5;
    said = ask(best_of("day", "", 2, 0));
    assert_string_equal(said.entries, "");
    assert_false(said.answer.is_complete);
    assert_true(said.answer.as_of_ms == part->now_ms && said.answer.since_ms == part->now_ms);
    assert_string_equal(said.answer.period, "2026-11-25");
    parts[0]->has_board = false; /* none is counted */
    said = ask(best_of("day", "", 2, 0));
    assert_false(said.answer.is_complete);
    assert_true(said.answer.as_of_ms == part->now_ms);
    assert_string_equal(said.answer.period, "2026-11-25");
}

/* ---- periods ---- */

static void test_the_running_period_is_that_of_the_latest(void **state)
{
    (void)state;
    PART({"a", 9});
    struct ranking_snapshot *behind = PART({"b", 80});
    behind->board.period = TODAY - 1;
    behind->next_ms = TODAY * day_ms;
    behind->counted_ms = TODAY * day_ms - hour_ms;
    behind->top.since_ms = (TODAY - 1) * day_ms + hour_ms; /* of yesterday it lacks some */
    set_floor(behind, 50, "x");
    const struct said said = ask(best_of("day", "", 2, 0));
    assert_string_equal(said.entries, "1 a 9"); /* the others are of yesterday */
    assert_string_equal(said.answer.period, "2026-11-25");
    assert_true(said.answer.is_complete && said.answer.since_ms == 0);
    assert_true(said.answer.as_of_ms == TODAY * day_ms - 1); /* of today nothing may be known of it */
    assert_string_equal(ask(best_of("day", "2026-11-25", 2, 0)).entries, "1 a 9");
}

static void test_a_period_that_is_asked_for_is_each_parts(void **state)
{
    (void)state;
    PART({"a", 9}); /* its former one, as the script tells it */
    struct ranking_snapshot *behind = PART({"b", 80});
    behind->board.period = TODAY - 1;
    assert_string_equal(ask(best_of("day", "2026-11-24", 2, 0)).entries, "1 b 80, 2 a 9");
    assert_int_equal(ask(best_of("day", "2026-11-23", 2, 0)).status, STATUS_NO_SUCH_RANKING);
    assert_int_equal(ask(best_of("day", "2026-11-26", 2, 0)).status, STATUS_NO_SUCH_RANKING);
}

static void set_rolling(struct ranking_snapshot *part, int64_t bucket)
{
    part->board = (struct ranking_board){.period = bucket, .oldest = bucket - 5, .newest = bucket};
    part->next_ms = (bucket + 1) * hour_ms;
}

static void test_rolling_windows_are_as_of_their_parts(void **state)
{
    (void)state;
    set_rolling(PART({"a", 9}), BUCKET);
    set_rolling(PART({"b", 8}), BUCKET - 1);
    struct said said = ask(best_of("24h", "", 2, 0));
    assert_string_equal(said.entries, "1 a 9, 2 b 8");
    assert_true(said.answer.is_complete);
    parts[1]->top.since_ms = (BUCKET - 23) * hour_ms; /* it is behind what the other one's window begins with, and */
    said = ask(best_of("24h", "", 2, 0));             /* lacks some of its own */
    assert_true(!said.answer.is_complete && said.answer.since_ms == (BUCKET - 23) * hour_ms);
    parts[1]->top.since_ms = (BUCKET - 24) * hour_ms;
    assert_true(ask(best_of("24h", "", 2, 0)).answer.is_complete);
    parts[0]->board.oldest = BUCKET - 24;
    assert_false(ask(best_of("24h", "", 2, 0)).answer.is_complete);
}

static void test_all_has_no_periods(void **state)
{
    (void)state;
    PART({"a", 9})->board.period = 0;
    PART({"b", 8})->board.period = 0;
    const struct said said = ask(best_of("all", "", 2, 0));
    assert_string_equal(said.entries, "1 a 9, 2 b 8");
    assert_string_equal(said.answer.period, "");
    assert_true(said.answer.is_complete);
}

#define TEST(function) cmocka_unit_test_teardown(function, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_best_of_all_are_the_best_of_each),
        TEST(test_who_may_stand_before_a_place_takes_it_from_the_order),
        TEST(test_any_partitions_are_as_one),
        TEST(test_it_is_as_of_the_earliest),
        TEST(test_it_is_whole_since_the_latest),
        TEST(test_a_damaged_part_makes_it_incomplete),
        TEST(test_a_part_that_nobody_counts_leaves_no_place),
        TEST(test_the_running_period_is_that_of_the_latest),
        TEST(test_a_period_that_is_asked_for_is_each_parts),
        TEST(test_rolling_windows_are_as_of_their_parts),
        TEST(test_all_has_no_periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
