#include "counter-service/ranking/ranking_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

/* Today at noon; all is counted, and nothing was ever missed. */
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
        .rank = -1,
    };
}

static struct ranking_answer *make(struct ranking_question question, const struct ranking_snapshot *snapshot)
{
    struct ranking_answer *answer;
    struct error error;
    if (ranking_answer_make(&question, snapshot, &answer, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return answer;
}

/* A copy without entries, for the state alone. */
static struct ranking_answer state_of(struct ranking_question question, const struct ranking_snapshot *snapshot)
{
    struct ranking_answer *answer = make(question, snapshot);
    const struct ranking_answer copy = *answer;
    ranking_answer_release(answer);
    return copy;
}

static void test_without_waiting_events_an_answer_is_of_now(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    assert_true(state_of(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.now_ms);
    /* The next day has begun, and nobody has begun its ranking yet. */
    snapshot.now_ms = snapshot.next_ms + 5;
    assert_true(state_of(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.next_ms - 1);
    snapshot.next_ms = INT64_MAX;
    assert_true(state_of(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.now_ms);
    /* The clock has stepped back. */
    snapshot.now_ms = snapshot.counted_ms - 1;
    assert_true(state_of(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.counted_ms);
}

static void test_while_events_wait_it_is_of_the_last_one_counted(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.appended = 8;
    assert_true(state_of(best_of("day", "", 0, 0), &snapshot).as_of_ms == snapshot.counted_ms);
}

static void test_before_anybody_has_counted_there_is_nothing(void **state)
{
    (void)state;
    const struct ranking_entry member = {1, TEXT("a")};
    const struct ranking_snapshot snapshot = {.now_ms = TODAY * day_ms + hour_ms, .rank = -1, .members = {&member, 1}};
    const struct ranking_answer answer = state_of(best_of("day", "", 0, 0), &snapshot);
    assert_string_equal(answer.period, "2026-11-25");
    assert_true(answer.as_of_ms == snapshot.now_ms && answer.since_ms == snapshot.now_ms);
    assert_false(answer.is_complete);
    assert_int_equal(answer.entry_count, 0);
    assert_string_equal(state_of(best_of("day", "2026-11-24", 0, 0), &snapshot).period, "2026-11-24");
}

static void test_the_running_period_and_the_one_before_are_kept(void **state)
{
    (void)state;
    const struct ranking_snapshot snapshot = snapshot_of_today();
    struct ranking_answer *answer = NULL;
    struct error error;
    assert_string_equal(state_of(best_of("day", "", 0, 0), &snapshot).period, "2026-11-25");
    assert_string_equal(state_of(best_of("day", "2026-11-24", 0, 0), &snapshot).period, "2026-11-24");
    assert_string_equal(state_of(best_of("all", "", 0, 0), &snapshot).period, "");
    static const char *const others[] = {"2026-11-23", "2026-11-26"};
    for (size_t i = 0; i < 2; i++) {
        const struct ranking_question question = best_of("day", others[i], 0, 0);
        assert_int_equal(ranking_answer_make(&question, &snapshot, &answer, &error), STATUS_NO_SUCH_RANKING);
    }
    assert_string_equal(error.message, "period 2026-11-26 is not kept: 2026-11-24 and 2026-11-25 are");
}

static void test_a_bounded_top_is_complete_while_it_has_the_places(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.top_count = 30;
    assert_true(state_of(best_of("day", "", 1000, 0), &snapshot).is_complete);
    snapshot.top.is_bounded = true;
    assert_true(state_of(best_of("day", "", 10, 20), &snapshot).is_complete);
    assert_false(state_of(best_of("day", "", 10, 21), &snapshot).is_complete);
    snapshot.rank = 9; /* the 10th */
    assert_true(state_of(one_of("day", "a", 20), &snapshot).is_complete);
    assert_false(state_of(one_of("day", "a", 21), &snapshot).is_complete);
    /* Nobody knows that it has no place among the best unless there are as many. */
    snapshot.rank = -1;
    assert_false(state_of(one_of("day", "a", 0), &snapshot).is_complete);
    snapshot.top_count = KEEP;
    assert_true(state_of(one_of("day", "a", 0), &snapshot).is_complete);
}

static void assert_past(const char *window, const char *period, int64_t whole_until_ms,
                        struct ranking_snapshot snapshot)
{
    snapshot.top.since_ms = whole_until_ms;
    struct ranking_answer answer = state_of(best_of(window, period, 0, 0), &snapshot);
    assert_true(answer.is_complete && answer.since_ms == 0);
    snapshot.top.since_ms = whole_until_ms + 1;
    answer = state_of(best_of(window, period, 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == whole_until_ms + 1);
    snapshot.top.since_ms = INT64_MAX; /* it was turned on, and nothing has come yet */
    answer = state_of(best_of(window, period, 0, 0), &snapshot);
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
    assert_true(state_of(best_of("24h", "", 0, 0), &snapshot).is_complete);
    snapshot.board.oldest = 976;
    const struct ranking_answer answer = state_of(best_of("24h", "", 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == 0);
}

static void test_a_period_without_a_top_has_missed_everything(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.has_top = false;
    const struct ranking_answer answer = state_of(best_of("day", "2026-11-24", 0, 0), &snapshot);
    assert_true(!answer.is_complete && answer.since_ms == snapshot.now_ms);
}

static void test_entries_are_copies_in_their_places(void **state)
{
    (void)state;
    char names[] = "bac";
    struct ranking_entry members[] = {{9, {names, 1}}, {7, {names + 1, 1}}, {7, {names + 2, 1}}};
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.members = (struct ranking_list){members, 3};
    struct ranking_answer *answer = make(best_of("day", "", 3, 40), &snapshot);
    memset(names, 'x', sizeof(names));
    assert_int_equal(answer->entry_count, 3);
    assert_true(answer->first_rank == 41 && answer->rank == 0);
    assert_true(text_equal(answer->entries[0].resource_id, TEXT("b")) && answer->entries[0].score == 9);
    assert_true(text_equal(answer->entries[2].resource_id, TEXT("c")) && answer->entries[2].score == 7);
    assert_true(answer->bytes > sizeof(*answer) + 3 * sizeof(struct ranking_entry));
    ranking_answer_hold(answer);
    ranking_answer_release(answer);
    ranking_answer_release(answer);
    ranking_answer_release(NULL);
}

static void test_neighbours_begin_at_the_first_place(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.rank = 5;
    struct ranking_answer answer = state_of(one_of("day", "a", 2), &snapshot);
    assert_true(answer.rank == 6 && answer.first_rank == 4);
    answer = state_of(one_of("day", "a", 5), &snapshot);
    assert_true(answer.rank == 6 && answer.first_rank == 1);
    answer = state_of(one_of("day", "a", 6), &snapshot);
    assert_true(answer.rank == 6 && answer.first_rank == 1);
    snapshot.rank = -1;
    assert_true(state_of(one_of("day", "a", 2), &snapshot).rank == 0);
}

static void test_the_score_of_one_is_exact(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    struct ranking_question question = one_of("day", "a", 0);
    struct ranking_record record;
    char packed[RANKING_RECORD_LEN_MAX];
    int64_t bucket_sum;
    assert_int_equal(ranking_record_unpack(TEXT(""), &record), 0);
    ranking_record_add(&record, &question.window, TODAY - 1, 5, &bucket_sum);
    ranking_record_add(&record, &question.window, TODAY, INT64_MAX - 1, &bucket_sum);
    snapshot.total = (struct text){packed, ranking_record_pack(&record, packed)};
    assert_true(state_of(question, &snapshot).score == INT64_MAX - 1);
    question.has_period = true;
    question.period = TODAY - 1;
    assert_true(state_of(question, &snapshot).score == 5);
    snapshot.total = TEXT("9223372036854775805");
    assert_true(state_of(one_of("all", "a", 0), &snapshot).score == INT64_MAX - 2);
    snapshot.total = TEXT("");
    assert_true(state_of(one_of("all", "a", 0), &snapshot).score == 0);
    assert_true(state_of(one_of("day", "a", 0), &snapshot).score == 0);
}

static void test_a_damaged_total_is_told(void **state)
{
    (void)state;
    struct ranking_snapshot snapshot = snapshot_of_today();
    snapshot.total = TEXT("seven");
    static const char *const windows[] = {"day", "24h", "all"};
    for (size_t i = 0; i < 3; i++) {
        const struct ranking_question question = one_of(windows[i], "a", 0);
        struct ranking_answer *answer;
        struct error error = {""};
        assert_int_equal(ranking_answer_make(&question, &snapshot, &answer, &error), STATUS_DATA_DAMAGED);
        assert_string_equal(error.message, "what Redis holds of the resource in the ranking is damaged");
    }
}

static void test_scores_beyond_doubles_are_told_as_the_nearest(void **state)
{
    (void)state;
    assert_true(ranking_score_told(-3) == -3 && !ranking_score_is_inexact(-3));
    assert_false(ranking_score_is_inexact(9007199254740991.0));
    assert_true(ranking_score_is_inexact(9007199254740992.0) && ranking_score_is_inexact(-9007199254740992.0));
    assert_true(ranking_score_told(9007199254740992.0) == 9007199254740992);
    assert_true(ranking_score_told((double)INT64_MAX) == INT64_MAX);
    assert_true(ranking_score_told((double)INT64_MIN) == INT64_MIN);
    assert_true(ranking_score_told(1e300) == INT64_MAX && ranking_score_told(-1e300) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_waiting_events_an_answer_is_of_now),
        cmocka_unit_test(test_while_events_wait_it_is_of_the_last_one_counted),
        cmocka_unit_test(test_before_anybody_has_counted_there_is_nothing),
        cmocka_unit_test(test_the_running_period_and_the_one_before_are_kept),
        cmocka_unit_test(test_a_bounded_top_is_complete_while_it_has_the_places),
        cmocka_unit_test(test_missing_events_matter_only_inside_the_window),
        cmocka_unit_test(test_a_rolling_window_that_lets_go_is_not_complete),
        cmocka_unit_test(test_a_period_without_a_top_has_missed_everything),
        cmocka_unit_test(test_entries_are_copies_in_their_places),
        cmocka_unit_test(test_neighbours_begin_at_the_first_place),
        cmocka_unit_test(test_the_score_of_one_is_exact),
        cmocka_unit_test(test_a_damaged_total_is_told),
        cmocka_unit_test(test_scores_beyond_doubles_are_told_as_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
