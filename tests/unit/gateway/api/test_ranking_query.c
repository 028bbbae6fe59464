#include "gateway/api/ranking_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char raw[256];
static struct ranking_query query;
static struct operation_list sentences;

/* NULL, or the rule that is broken. */
static const char *read(enum ranking_query_kind kind, const char *text)
{
    const int len = snprintf(raw, sizeof(raw), "%s", text);
    assert_in_range(len, 0, sizeof(raw) - 1);
    query = (struct ranking_query){0};
    return ranking_query_read(kind, http_query_of(raw, (size_t)len), &sentences, &query);
}

static int set_up(void **state)
{
    (void)state;
    operation_list_init(&sentences);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    operation_list_done(&sentences);
    return 0;
}

static void test_a_window_is_enough(void **state)
{
    (void)state;
    assert_null(read(RANKING_QUERY_TOP, "window=day"));
    assert_true(text_equal(query.window, TEXT("day")));
    assert_int_equal(query.period.len, 0);
    assert_int_equal(query.limit, 10);
    assert_int_equal(query.offset, 0);
    assert_null(read(RANKING_QUERY_RANK, "window=24h&period="));
    assert_true(text_equal(query.window, TEXT("24h")));
    assert_int_equal(query.period.len, 0);
    assert_int_equal(query.neighbours, 0);
}

static void test_all_that_may_be_given(void **state)
{
    (void)state;
    assert_null(read(RANKING_QUERY_TOP, "offset=100000&limit=1000&period=2026%2d11-24&w%69ndow=d%61y"));
    assert_true(text_equal(query.window, TEXT("day")));
    assert_true(text_equal(query.period, TEXT("2026-11-24")));
    assert_int_equal(query.limit, 1000);
    assert_int_equal(query.offset, 100000);
    assert_null(read(RANKING_QUERY_RANK, "window=day&neighbours=100"));
    assert_int_equal(query.neighbours, 100);
    assert_null(read(RANKING_QUERY_TOP, "window=!~345678901234567890123456789012&limit=1"));
    assert_int_equal(query.window.len, 32);
    assert_int_equal(query.limit, 1);
}

static void test_what_breaks_a_rule_is_named_with_it(void **state)
{
    static const struct {
        enum ranking_query_kind kind;
        const char *query;
        const char *sentence;
    } bad[] = {
        {RANKING_QUERY_TOP, "", "window is missing"},
        {RANKING_QUERY_TOP, "limit=3", "window is missing"},
        {RANKING_QUERY_RANK, "window=", "window is missing"},
        {RANKING_QUERY_TOP, "window=a+b", "window must be at most 32 characters of visible ASCII (0x21-0x7E)"},
        {RANKING_QUERY_TOP, "window=%C3%A9", "window must be at most 32 characters of visible ASCII (0x21-0x7E)"},
        {RANKING_QUERY_TOP, "window=123456789012345678901234567890123",
         "window must be at most 32 characters of visible ASCII (0x21-0x7E)"},
        {RANKING_QUERY_TOP, "window=day&period=%7F",
         "period must be at most 32 characters of visible ASCII (0x21-0x7E)"},
        {RANKING_QUERY_TOP, "window=day&limit=0", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=1001", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=-1", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=+1", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=1.0", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&limit=4294967306", "limit must be a number from 1 to 1000"},
        {RANKING_QUERY_TOP, "window=day&offset=100001", "offset must be a number from 0 to 100000"},
        {RANKING_QUERY_RANK, "window=day&neighbours=101", "neighbours must be a number from 0 to 100"},
        {RANKING_QUERY_RANK, "window=day&neighbours=two", "neighbours must be a number from 0 to 100"},
        {RANKING_QUERY_TOP, "window=day&neighbours=1", "neighbours is not a parameter of this call"},
        {RANKING_QUERY_RANK, "window=day&limit=1", "limit is not a parameter of this call"},
        {RANKING_QUERY_RANK, "window=day&offset=1", "offset is not a parameter of this call"},
        {RANKING_QUERY_TOP, "window=day&Limit=1", "Limit is not a parameter of this call"},
        {RANKING_QUERY_TOP, "window=day&caf%C3%A9=1", "caf\xC3\xA9 is not a parameter of this call"},
        {RANKING_QUERY_TOP, "window=day&=1", "\"\" is not a parameter of this call"},
        {RANKING_QUERY_TOP, "window=day&%FF=1", "the query must be UTF-8"},
        {RANKING_QUERY_TOP, "window=day&window=day", "window is given twice"},
        {RANKING_QUERY_TOP, "window=day&period=&period=", "period is given twice"},
        {RANKING_QUERY_TOP, "limit=1&limit=2", "limit is given twice"},
        {RANKING_QUERY_TOP, "window=%", "the query must have two hexadecimal digits behind each '%', and not %00"},
        {RANKING_QUERY_TOP, "window=%00", "the query must have two hexadecimal digits behind each '%', and not %00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *broken = read(bad[i].kind, bad[i].query);
        assert_non_null(broken);
        assert_string_equal(broken, bad[i].sentence);
        assert_null(query.window.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_window_is_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_that_may_be_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_breaks_a_rule_is_named_with_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
