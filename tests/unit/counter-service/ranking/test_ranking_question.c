#include "counter-service/ranking/ranking_question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char like[] = "like";
static char view[] = "view";

static struct ranking_config rankings[] = {
    {
        .counter_type = like,
        .calendar = {[RANKING_HOUR] = true, [RANKING_DAY] = true, [RANKING_ALL] = true},
        .rolling = {{.name = "24h", .length_ms = 86400000}},
        .rolling_count = 1,
        .keep = 100,
    },
    {.counter_type = view, .calendar = {[RANKING_WEEK] = true, [RANKING_MONTH] = true}, .keep = 100},
};
static const struct config config = {.rankings = rankings, .ranking_count = 2};
static const struct config no_rankings = {.ranking_count = 0};

static struct ranking_question begin(const char *type, const char *window, const char *period)
{
    struct ranking_question question;
    struct error error;
    if (ranking_question_begin(&question, &config, text_of(type), text_of(window), text_of(period), &error) !=
        STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return question;
}

static void assert_refused(const struct config *of, const char *type, const char *window, const char *period,
                           enum status expected, const char *sentence)
{
    struct ranking_question question;
    struct error error;
    const enum status status =
        ranking_question_begin(&question, of, text_of(type), text_of(window), text_of(period), &error);
    assert_int_equal(status, expected);
    assert_string_equal(error.message, sentence);
}

static void test_a_ranking_is_found_by_type_and_window(void **state)
{
    (void)state;
    struct ranking_question question = begin("like", "day", "");
    assert_ptr_equal(question.config, &rankings[0]);
    assert_true(question.window.calendar == RANKING_DAY && !question.has_period);
    question = begin("view", "month", "2026-11");
    assert_ptr_equal(question.config, &rankings[1]);
    assert_true(question.has_period && question.period == (2026 - 1970) * 12 + 10);
    assert_int_equal(begin("like", "24h", "").window.kind, RANKING_KIND_ROLLING);
    assert_int_equal(begin("like", "all", "").window.kind, RANKING_KIND_ALL);
}

static void test_a_ranking_that_is_not_there_is_answered_with_those_that_are(void **state)
{
    (void)state;
    assert_refused(&config, "x", "day", "", STATUS_NO_SUCH_RANKING,
                   "no ranking of \"x\" is configured: there are like, view");
    assert_refused(&config, "like", "year", "", STATUS_NO_SUCH_RANKING,
                   "window \"year\" of like is not configured: there are hour, day, all, 24h");
    assert_refused(&config, "view", "day", "", STATUS_NO_SUCH_RANKING,
                   "window \"day\" of view is not configured: there are week, month");
    assert_refused(&no_rankings, "like", "day", "", STATUS_NO_SUCH_RANKING,
                   "no rankings are configured: see the key rankings");
    assert_refused(&config, "like", "", "", STATUS_INVALID_ARGUMENT,
                   "window must be given: one of hour, day, all, 24h");
    assert_refused(&config, "", "day", "", STATUS_INVALID_ARGUMENT, "counter_type must be 1-64 bytes");
}

static void test_a_callers_words_cannot_break_a_sentence(void **state)
{
    (void)state;
    assert_refused(&config, "like", "a\n\xC3\xA9\xFF", "", STATUS_NO_SUCH_RANKING,
                   "window \"a????\" of like is not configured: there are hour, day, all, 24h");
    assert_refused(&config, "like", "0123456789012345678901234567890123456789", "", STATUS_NO_SUCH_RANKING,
                   "window \"012345678901234567890123...\" of like is not configured: there are hour, day, all, 24h");
}

static void test_a_list_of_very_many_names_is_cut(void **state)
{
    (void)state;
    static char names[RANKINGS_MAX][COUNTER_TYPE_LEN_MAX + 1];
    static struct ranking_config many[RANKINGS_MAX];
    for (size_t i = 0; i < RANKINGS_MAX; i++) {
        memset(names[i], 'a' + (int)i, COUNTER_TYPE_LEN_MAX);
        many[i].counter_type = names[i];
    }
    const struct config of = {.rankings = many, .ranking_count = RANKINGS_MAX};
    struct ranking_question question;
    struct error error;
    assert_int_equal(ranking_question_begin(&question, &of, TEXT("x"), TEXT("day"), TEXT(""), &error),
                     STATUS_NO_SUCH_RANKING);
    assert_in_range(strlen(error.message), 300, sizeof(error.message) - 1);
}

static void test_a_malformed_period_is_told_its_form(void **state)
{
    (void)state;
    assert_refused(&config, "like", "hour", "2026-11-25", STATUS_INVALID_ARGUMENT,
                   "period must be of the form 2026-11-25T14");
    assert_refused(&config, "like", "day", "2026-02-30", STATUS_INVALID_ARGUMENT,
                   "period must be of the form 2026-11-25");
    assert_refused(&config, "view", "week", "2026-W54", STATUS_INVALID_ARGUMENT, "period must be of the form 2026-W48");
    assert_refused(&config, "view", "month", "now", STATUS_INVALID_ARGUMENT, "period must be of the form 2026-11");
    assert_refused(&config, "like", "24h", "2026-11-25", STATUS_INVALID_ARGUMENT,
                   "period must be empty: the window 24h has no periods");
    assert_refused(&config, "like", "all", "2026-11-25", STATUS_INVALID_ARGUMENT,
                   "period must be empty: the window all has no periods");
}

static void test_numbers_have_their_ranges(void **state)
{
    (void)state;
    struct ranking_question question = begin("like", "day", "");
    struct error error;
    assert_int_equal(ranking_question_of_best(&question, 0, 0, &error), STATUS_OK);
    assert_int_equal(question.limit, 10);
    assert_int_equal(ranking_question_of_best(&question, 1000, 100000, &error), STATUS_OK);
    assert_int_equal(ranking_question_of_best(&question, 1001, 0, &error), STATUS_INVALID_ARGUMENT);
    assert_string_equal(error.message, "limit must be 1-1000, or 0 for 10");
    assert_int_equal(ranking_question_of_best(&question, 1, 100001, &error), STATUS_INVALID_ARGUMENT);
    assert_string_equal(error.message, "offset must be 0-100000");
    assert_int_equal(ranking_question_of_one(&question, TEXT("a"), 100, &error), STATUS_OK);
    assert_int_equal(ranking_question_of_one(&question, TEXT("a"), UINT32_MAX, &error), STATUS_INVALID_ARGUMENT);
    assert_string_equal(error.message, "neighbours must be 0-100");
    assert_int_equal(ranking_question_of_one(&question, TEXT("a{b"), 0, &error), STATUS_INVALID_ARGUMENT);
    assert_string_equal(error.message, "resource_id must not have control characters, '{' or '}'");
}

static void test_each_ranking_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct ranking_question questions[5];
    char keys[5][RANKING_QUESTION_KEY_SIZE];
    struct text texts[5];
    questions[0] = begin("like", "day", "");
    questions[1] = begin("like", "hour", "");
    questions[2] = begin("like", "day", "2026-11-25");
    questions[3] = begin("like", "day", "2026-11-24");
    questions[4] = begin("view", "week", "");
    for (size_t i = 0; i < 5; i++) {
        texts[i] = ranking_question_key(&questions[i], keys[i]);
        assert_in_range(texts[i].len, 1, RANKING_QUESTION_KEY_SIZE - 1);
        for (size_t other = 0; other < i; other++) {
            assert_false(text_equal(texts[i], texts[other]));
        }
    }
}

static void test_questions_about_one_ranking_share_its_key(void **state)
{
    (void)state;
    char keys[2][RANKING_QUESTION_KEY_SIZE];
    struct ranking_question best = begin("like", "day", "");
    struct ranking_question one = begin("like", "day", "");
    struct error error;
    assert_int_equal(ranking_question_of_best(&best, 7, 1, &error), STATUS_OK);
    assert_int_equal(ranking_question_of_one(&one, TEXT("a"), 1, &error), STATUS_OK);
    assert_true(text_equal(ranking_question_key(&best, keys[0]), ranking_question_key(&one, keys[1])));
}

static void test_the_longest_key_has_room(void **state)
{
    (void)state;
    static char type[COUNTER_TYPE_LEN_MAX + 1];
    memset(type, 'x', sizeof(type) - 1);
    const struct ranking_config ranking = {.counter_type = type};
    struct ranking_question question = {.config = &ranking, .has_period = true, .period = INT64_MIN};
    char key[RANKING_QUESTION_KEY_SIZE];
    memset(question.window.key, 'y', sizeof(question.window.key) - 1);
    const struct text text = ranking_question_key(&question, key);
    assert_in_range(text.len, 1, RANKING_QUESTION_KEY_SIZE - 1);
    assert_int_equal(key[text.len - 1], '8');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ranking_is_found_by_type_and_window),
        cmocka_unit_test(test_a_ranking_that_is_not_there_is_answered_with_those_that_are),
        cmocka_unit_test(test_a_callers_words_cannot_break_a_sentence),
        cmocka_unit_test(test_a_list_of_very_many_names_is_cut),
        cmocka_unit_test(test_a_malformed_period_is_told_its_form),
        cmocka_unit_test(test_numbers_have_their_ranges),
        cmocka_unit_test(test_each_ranking_has_a_key_of_its_own),
        cmocka_unit_test(test_questions_about_one_ranking_share_its_key),
        cmocka_unit_test(test_the_longest_key_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
