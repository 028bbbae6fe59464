#include "counter-service/ranking/ranking_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_places.h"
#include "counter-service/ranking/ranking_record.h"

static const int64_t hour_ms = 3600 * 1000;
static const int64_t day_ms = 24 * 3600 * 1000;

enum { TODAY = 20782, KEEP = 100 }; /* 2026-11-25 */

static char like[] = "like";
static struct ranking_config ranking = {
    .counter_type = like,
    .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true},
    .rolling = {{.name = "24h", .length_ms = 86400000}},
    .rolling_count = 1,
    .keep = KEEP,
};
static const struct config config = {.rankings = &ranking, .ranking_count = 1};

static struct ranking_question question_of(const char *window, const char *period)
{
    struct ranking_question question;
    struct error error;
    assert_int_equal(ranking_question_begin(&question, &config, TEXT("like"), text_of(window), text_of(period), &error),
                     STATUS_OK);
    return question;
}

static struct ranking_question best_of(const char *window, const char *period, uint32_t limit, uint32_t offset)
{
    struct ranking_question question = question_of(window, period);
    struct error error;
    assert_int_equal(ranking_question_of_best(&question, limit, offset, &error), STATUS_OK);
    return question;
}

static struct ranking_question one_of(const char *window, const char *resource_id, uint32_t neighbours)
{
    struct ranking_question question = question_of(window, "");
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), neighbours, &error), STATUS_OK);
    return question;
}

/* ---- snapshots ---- */

static struct text nobody(void)
{
    static const char version = RANKING_PLACES_VERSION;
    return (struct text){&version, 1};
}

/* Today at noon; all is counted, nothing was ever missed, and nobody is in the top. */
static struct ranking_snapshot snapshot_of_today(void)
{
    return (struct ranking_snapshot){
        .now_ms = TODAY * day_ms + 12 * hour_ms,
        .has_board = true,
        .board.period = TODAY,
        .counted = 7,
        .appended = 7,
        .counted_ms = TODAY * day_ms + 11 * hour_ms,
        .next_ms = (TODAY + 1) * day_ms,
        .has_top = true,
        .top.since_ms = INT64_MIN,
        .is_whole = true,
    };
}

static void read_places(struct ranking_snapshot *snapshot, struct text places)
{
    snapshot->has_order = false;
    ranking_order_done(&snapshot->order);
    snapshot->top.length = (int64_t)places.len;
    assert_int_equal(ranking_snapshot_read_places(snapshot, places), STATUS_OK);
}

/* "r0" is the best of so many, with their number as its score. The caller frees its order. */
static struct ranking_snapshot snapshot_with(int members)
{
    struct ranking_snapshot snapshot = snapshot_of_today();
    struct buffer places;
    char name[16];
    buffer_init(&places);
    ranking_places_begin(&places);
    for (int i = 0; i < members; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        ranking_places_put(&places, text_of(name), members - i);
    }
    read_places(&snapshot, (struct text){places.data, places.len});
    buffer_done(&places);
    return snapshot;
}

/* ---- answers ---- */

static struct ranking_answer make_with(struct ranking_question question, const struct ranking_snapshot *snapshot,
                                       struct text total)
{
    struct ranking_answer answer;
    struct error error;
    if (ranking_answer_make(&question, snapshot, total, &answer, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return answer;
}

static struct ranking_answer make(struct ranking_question question, const struct ranking_snapshot *snapshot)
{
    return make_with(question, snapshot, TEXT(""));
}

/* ---- the state ---- */

static void test_without_waiting_events_an_answer_is_of_now(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    assert_true(make(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.now_ms);
    /* The next day has begun, and nobody has begun its ranking yet. */
    snapshot.now_ms = snapshot.next_ms + 5;
    assert_true(make(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.next_ms - 1);
    snapshot.next_ms = INT64_MAX;
    assert_true(make(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.now_ms);
    /* The clock has stepped back. */
    snapshot.now_ms = snapshot.counted_ms - 1;
    assert_true(make(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.counted_ms);
}

static void test_while_events_wait_it_is_of_the_last_one_counted(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.appended = 8;
    assert_true(make(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.counted_ms);
}

static void test_before_anybody_has_counted_there_is_nothing(void **state)
{
    (void)state;
    const struct ranking_snapshot snapshot = {.now_ms = TODAY * day_ms + hour_ms};
    const struct ranking_answer answer = make(best_of("day", "", 0, 0), &snapshot);
    assert_string_equal(answer.period, "2026-11-25");
    assert_true(answer.as_of_ms == snapshot.now_ms && answer.since_ms == snapshot.now_ms);
    assert_false(answer.is_complete);
    assert_int_equal(answer.entry_count, 0);
    assert_string_equal(make(best_of("day", "2026-11-24", 0, 0), &snapshot).period, "2026-11-24");
}

static void test_the_running_period_and_the_one_before_are_kept(void **state)
{
    (void)state;
    const struct ranking_snapshot snapshot = snapshot_of_today();
    struct ranking_answer answer;
    struct error error;
    assert_string_equal(make(best_of("day", "", 0, 0), &snapshot).period, "2026-11-25");
    assert_string_equal(make(best_of("day", "2026-11-24", 0, 0), &snapshot).period, "2026-11-24");
    assert_string_equal(make(best_of("all", "", 0, 0), &snapshot).period, "");
    static const char *const others[] = {"2026-11-23", "2026-11-26"};
    for (size_t i = 0; i < 2; i++) {
        const struct ranking_question question = best_of("day", others[i], 0, 0);
        assert_int_equal(ranking_answer_make(&question, &snapshot, TEXT(""), &answer, &error), STATUS_NO_SUCH_RANKING);
    }
    assert_string_equal(error.message, "period 2026-11-26 is not kept: 2026-11-24 and 2026-11-25 are");
}

static void test_a_bounded_top_is_complete_while_it_has_the_places(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_with(30);
    assert_true(make(best_of("day", "", 1000, 0), &snapshot).is_complete);
    snapshot.top.is_bounded = true;
    assert_true(make(best_of("day", "", 10, 20), &snapshot).is_complete);
    assert_false(make(best_of("day", "", 10, 21), &snapshot).is_complete);
    assert_true(make(one_of("day", "r9", 20), &snapshot).is_complete); /* the 10th */
    assert_false(make(one_of("day", "r9", 21), &snapshot).is_complete);
    /* Nobody knows that it has no place among the best unless there are as many. */
    assert_false(make(one_of("day", "a", 0), &snapshot).is_complete);
    ranking_order_done(&snapshot.order);
    snapshot = snapshot_with(KEEP);
    snapshot.top.is_bounded = true;
    assert_true(make(one_of("day", "a", 0), &snapshot).is_complete);
    ranking_order_done(&snapshot.order);
}

static void test_without_an_order_the_members_are_as_many_as_the_top_says(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.top.is_bounded = true;
    snapshot.top.members = KEEP;
    assert_true(make(one_of("day", "a", 0), &snapshot).is_complete);
    snapshot.top.members = KEEP - 1;
    assert_false(make(one_of("day", "a", 0), &snapshot).is_complete);
}

static void test_a_string_of_another_length_is_not_complete(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_with(3);
    assert_true(make(best_of("day", "", 10, 0), &snapshot).is_complete);
    snapshot.is_whole = false;
    const struct ranking_answer answer = make(best_of("day", "", 10, 0), &snapshot);
    assert_true(!answer.is_complete && answer.entry_count == 3 && answer.since_ms == 0);
    ranking_order_done(&snapshot.order);
    /* What cannot be read is damaged if it is all, and gone if it is not. */
    snapshot = snapshot_of_today();
    snapshot.top.length = 2;
    assert_int_equal(ranking_snapshot_read_places(&snapshot, TEXT("\x01\x05")), STATUS_DATA_DAMAGED);
    snapshot = snapshot_of_today();
    snapshot.top.length = 7;
    assert_int_equal(ranking_snapshot_read_places(&snapshot, TEXT("\x01\x05")), STATUS_OK);
    assert_true(!snapshot.is_whole && snapshot.order.count == 0);
}

static void assert_past(const char *window, const char *period, int64_t whole_until_ms,
                        struct ranking_snapshot snapshot)
{
    snapshot.top.since_ms = whole_until_ms;
    struct ranking_answer answer = make(best_of(window, period, 0, 0), &snapshot);
    assert_true(answer.is_complete && answer.since_ms == 0);
    snapshot.top.since_ms = whole_until_ms + 1;
    answer = make(best_of(window, period, 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == whole_until_ms + 1);
    snapshot.top.since_ms = INT64_MAX; /* it was turned on, and nothing has come yet */
    answer = make(best_of(window, period, 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == answer.as_of_ms);
}

static void test_missing_events_matter_only_inside_the_window(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    assert_past("day", "", TODAY * day_ms, snapshot);
    assert_past("day", "2026-11-24", (TODAY - 1) * day_ms, snapshot);
    assert_past("all", "", INT64_MIN, snapshot);
    snapshot.board = (struct ranking_board){.period = TODAY * 24, .oldest = 1}; /* none holds anything */
    assert_past("24h", "", (TODAY * 24 - 23) * hour_ms, snapshot);
}

static void test_a_rolling_window_that_lets_go_is_not_complete(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.board = (struct ranking_board){.period = 1000, .oldest = 977, .newest = 1000};
    assert_true(make(best_of("24h", "", 0, 0), &snapshot).is_complete);
    snapshot.board.oldest = 976;
    const struct ranking_answer answer = make(best_of("24h", "", 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == 0);
}

static void test_a_period_without_a_top_has_missed_everything(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.has_top = false;
    const struct ranking_answer answer = make(best_of("day", "2026-11-24", 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == snapshot.now_ms);
}

/* ---- the places ---- */

static void assert_places(struct ranking_answer answer, int64_t first_rank, size_t count, const char *first)
{
    assert_int_equal(answer.first_rank, first_rank);
    assert_int_equal(answer.entry_count, count);
    if (count > 0) {
        assert_true(text_equal(answer.entries[0].resource_id, text_of(first)));
    }
}

static void test_the_best_are_a_page_of_the_order(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_with(50);
    assert_places(make(best_of("day", "", 0, 0), &snapshot), 1, 10, "r0");
    assert_places(make(best_of("day", "", 3, 40), &snapshot), 41, 3, "r40");
    assert_places(make(best_of("day", "", 1000, 45), &snapshot), 46, 5, "r45");
    assert_places(make(best_of("day", "", 1000, 50), &snapshot), 51, 0, NULL);
    assert_places(make(best_of("day", "", 1000, 100000), &snapshot), 100001, 0, NULL);
    const struct ranking_answer answer = make(best_of("day", "", 3, 40), &snapshot);
    assert_true(answer.rank == 0 && answer.entries[2].score == 8);
    assert_ptr_equal(answer.entries, snapshot.order.entries + 40);
    ranking_order_done(&snapshot.order);
}

static void test_neighbours_are_between_the_first_place_and_the_last(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_with(10);
    struct ranking_answer answer = make(one_of("day", "r5", 2), &snapshot);
    assert_true(answer.rank == 6 && answer.score == 5);
    assert_places(answer, 4, 5, "r3");
    assert_places(make(one_of("day", "r5", 0), &snapshot), 6, 1, "r5");
    assert_places(make(one_of("day", "r5", 5), &snapshot), 1, 10, "r0");
    assert_places(make(one_of("day", "r5", 6), &snapshot), 1, 10, "r0");
    assert_places(make(one_of("day", "r9", 100), &snapshot), 1, 10, "r0");
    answer = make(one_of("day", "a", 2), &snapshot);
    assert_true(answer.rank == 0 && answer.score == 0);
    assert_places(answer, 1, 0, NULL);
    ranking_order_done(&snapshot.order);
}

/* ---- the resource ---- */

static void test_the_total_is_for_those_outside_the_order(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_with(10);
    const struct ranking_question best = best_of("day", "", 0, 0);
    const struct ranking_question inside = one_of("all", "r5", 0);
    const struct ranking_question outside = one_of("all", "a", 0);
    assert_false(ranking_answer_needs_total(&best, &snapshot));
    assert_false(ranking_answer_needs_total(&inside, &snapshot));
    assert_true(ranking_answer_needs_total(&outside, &snapshot));
    snapshot.board.period = 0;
    assert_true(make_with(inside, &snapshot, TEXT("77")).score == 5);
    assert_true(make_with(outside, &snapshot, TEXT("77")).score == 77);
    ranking_order_done(&snapshot.order);
}

static void test_who_should_have_a_rank_is_looked_for_in_the_order(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    const struct ranking_question question = one_of("day", "a", 0);
    struct ranking_answer answer = {.score = 5};
    assert_true(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    snapshot.top.is_bounded = true;
    ranking_place_set(&snapshot.top.floor, 5, TEXT("b"));
    assert_true(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    ranking_place_set(&snapshot.top.floor, 5, TEXT("a"));
    assert_false(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    snapshot.top.is_bounded = false;
    answer.score = 0;
    assert_false(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    answer.score = 5;
    snapshot.has_top = false;
    assert_false(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    snapshot.has_top = true;
    read_places(&snapshot, nobody());
    assert_false(ranking_answer_lacks_rank(&question, &snapshot, &snapshot, &answer));
    ranking_order_done(&snapshot.order);
}

static void test_the_score_of_one_outside_is_exact(void **state)
{
    (void)state;
    const struct ranking_snapshot snapshot = snapshot_of_today();
    struct ranking_question question = one_of("day", "a", 0);
    struct ranking_record record;
    char packed[RANKING_RECORD_LEN_MAX];
    struct ranking_bucket_change change;
    assert_int_equal(ranking_record_unpack(TEXT(""), &record), 0);
    ranking_record_add(&record, &question.window, TODAY - 1, 5, &change);
    ranking_record_add(&record, &question.window, TODAY, INT64_MAX - 1, &change);
    const struct text total = {packed, ranking_record_pack(&record, packed)};
    assert_true(make_with(question, &snapshot, total).score == INT64_MAX - 1);
    question.has_period = true;
    question.period = TODAY - 1;
    assert_true(make_with(question, &snapshot, total).score == 5);
    assert_true(make_with(one_of("all", "a", 0), &snapshot, TEXT("9223372036854775805")).score == INT64_MAX - 2);
    assert_true(make(one_of("all", "a", 0), &snapshot).score == 0);
    assert_true(make(one_of("day", "a", 0), &snapshot).score == 0);
}

static void test_a_damaged_total_is_told(void **state)
{
    (void)state;
    const struct ranking_snapshot snapshot = snapshot_of_today();
    static const char *const windows[] = {"day", "24h", "all"};
    for (size_t i = 0; i < 3; i++) {
        const struct ranking_question question = one_of(windows[i], "a", 0);
        struct ranking_answer answer;
        struct error error = {""};
        assert_int_equal(ranking_answer_make(&question, &snapshot, TEXT("seven"), &answer, &error),
                         STATUS_DATA_DAMAGED);
        assert_string_equal(error.message, "what Redis holds of the resource in the ranking is damaged");
    }
}

static void test_a_snapshot_lives_until_its_last_holder_is_done(void **state)
{
    (void)state;
    struct ranking_snapshot *snapshot = ranking_snapshot_create();
    assert_non_null(snapshot);
    snapshot->has_board = true;
    snapshot->has_top = true;
    read_places(snapshot, TEXT("\x01\x01"
                               "a\x02"));
    assert_true(snapshot->order.bytes > 0);
    assert_int_equal(ranking_snapshot_bytes(snapshot), sizeof(*snapshot) + snapshot->order.bytes);
    ranking_snapshot_hold(snapshot);
    ranking_snapshot_release(snapshot);
    assert_int_equal(ranking_snapshot_find(snapshot, TEXT("a")), 0);
    ranking_snapshot_release(snapshot);
    ranking_snapshot_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_waiting_events_an_answer_is_of_now),
        cmocka_unit_test(test_while_events_wait_it_is_of_the_last_one_counted),
        cmocka_unit_test(test_before_anybody_has_counted_there_is_nothing),
        cmocka_unit_test(test_the_running_period_and_the_one_before_are_kept),
        cmocka_unit_test(test_a_bounded_top_is_complete_while_it_has_the_places),
        cmocka_unit_test(test_without_an_order_the_members_are_as_many_as_the_top_says),
        cmocka_unit_test(test_a_string_of_another_length_is_not_complete),
        cmocka_unit_test(test_missing_events_matter_only_inside_the_window),
        cmocka_unit_test(test_a_rolling_window_that_lets_go_is_not_complete),
        cmocka_unit_test(test_a_period_without_a_top_has_missed_everything),
        cmocka_unit_test(test_the_best_are_a_page_of_the_order),
        cmocka_unit_test(test_neighbours_are_between_the_first_place_and_the_last),
        cmocka_unit_test(test_the_total_is_for_those_outside_the_order),
        cmocka_unit_test(test_who_should_have_a_rank_is_looked_for_in_the_order),
        cmocka_unit_test(test_the_score_of_one_outside_is_exact),
        cmocka_unit_test(test_a_damaged_total_is_told),
        cmocka_unit_test(test_a_snapshot_lives_until_its_last_holder_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
