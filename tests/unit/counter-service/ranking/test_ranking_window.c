/* Periods and buckets, their numbers and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "counter-service/ranking/ranking_window.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* 2026-11-25T10:20:30.400Z, a Wednesday. */
static const int64_t moment = INT64_C(1795602030400);

static struct ranking_window window_of(enum ranking_calendar calendar, int utc_offset_min)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    struct ranking_config config = {.utc_offset_min = utc_offset_min};
    config.calendar[calendar] = true;
    assert_int_equal(ranking_windows_of(&config, windows), 1);
    return windows[0];
}

static struct ranking_window rolling_of(const char *name, int64_t length_ms)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    struct ranking_config config = {.rolling_count = 1, .rolling = {{.length_ms = length_ms}}};
    snprintf(config.rolling[0].name, sizeof(config.rolling[0].name), "%s", name);
    assert_int_equal(ranking_windows_of(&config, windows), 1);
    return windows[0];
}

static void assert_name(enum ranking_calendar calendar, int utc_offset_min, int64_t ms, const char *expected)
{
    char name[RANKING_PERIOD_SIZE];
    const struct ranking_window window = window_of(calendar, utc_offset_min);
    ranking_period_name(&window, ranking_period_at(&window, ms), name);
    assert_string_equal(name, expected);
}

static void test_a_period_is_called_as_the_calendar_has_it(void **state)
{
    (void)state;
    assert_name(RANKING_HOUR, 0, moment, "2026-11-25T10");
    assert_name(RANKING_DAY, 0, moment, "2026-11-25");
    assert_name(RANKING_WEEK, 0, moment, "2026-W48");
    assert_name(RANKING_MONTH, 0, moment, "2026-11");
    assert_name(RANKING_ALL, 0, moment, "");
    /* By local time. */
    assert_name(RANKING_HOUR, 14 * 60, moment, "2026-11-26T00");
    assert_name(RANKING_DAY, -11 * 60, moment, "2026-11-24");
    assert_name(RANKING_HOUR, 5 * 60 + 45, moment, "2026-11-25T16");
    /* Years that begin and end in a week of another one. */
    assert_name(RANKING_WEEK, 0, INT64_C(1798761600000), "2026-W53"); /* 2027-01-01 */
    assert_name(RANKING_WEEK, 0, INT64_C(1735516800000), "2025-W01"); /* 2024-12-30 */
    assert_name(RANKING_DAY, 0, INT64_C(1709164800000), "2024-02-29");
    assert_name(RANKING_DAY, 0, 0, "1970-01-01");
    assert_name(RANKING_WEEK, 0, 0, "1970-W01");
}

static void test_a_period_begins_where_the_one_before_ends(void **state)
{
    (void)state;
    struct prng prng = {1};
    for (int i = 0; i < 20000; i++) {
        const enum ranking_calendar calendar = (enum ranking_calendar)prng_up_to(&prng, RANKING_MONTH);
        const int offset = (int)prng_up_to(&prng, 26 * 60) - 12 * 60;
        const struct ranking_window window = window_of(calendar, offset);
        const int64_t ms = (int64_t)(prng_next(&prng) % UINT64_C(4000000000000)) + 24 * HOUR_MS;
        const int64_t period = ranking_period_at(&window, ms);
        const int64_t start = ranking_period_start(&window, period);
        assert_true(start <= ms && ms < ranking_period_start(&window, period + 1));
        assert_int_equal(ranking_period_at(&window, start), period);
        assert_int_equal(ranking_period_at(&window, start - 1), period - 1);
        char name[RANKING_PERIOD_SIZE];
        int64_t parsed;
        ranking_period_name(&window, period, name);
        assert_true(ranking_period_parse(&window, text_of(name), &parsed));
        assert_int_equal(parsed, period);
    }
}

static void test_what_is_no_period_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum ranking_calendar calendar;
        const char *name;
    } wrong[] = {
        {RANKING_DAY, ""},
        {RANKING_DAY, "2026-11"},
        {RANKING_DAY, "2026-11-25T10"},
        {RANKING_DAY, "2026-11-31"},
        {RANKING_DAY, "2026-02-29"},
        {RANKING_DAY, "2026-13-01"},
        {RANKING_DAY, "2026-00-01"},
        {RANKING_DAY, "2026-11-00"},
        {RANKING_DAY, "2026-1-25"},
        {RANKING_DAY, "1969-12-31"},
        {RANKING_DAY, "+026-11-25"},
        {RANKING_DAY, "2026-11-25 "},
        {RANKING_DAY, "2026/11/25"},
        {RANKING_WEEK, "2026-W00"},
        {RANKING_WEEK, "2026-W54"},
        {RANKING_WEEK, "2025-W53"},
        {RANKING_WEEK, "2026-48"},
        {RANKING_HOUR, "2026-11-25T24"},
        {RANKING_HOUR, "2026-11-25"},
        {RANKING_MONTH, "2026-11-25"},
        {RANKING_ALL, "2026"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t period = 0;
        const struct ranking_window window = window_of(wrong[i].calendar, 0);
        if (ranking_period_parse(&window, text_of(wrong[i].name), &period)) {
            fail_msg("\"%s\" was taken for a period", wrong[i].name);
        }
    }
}

static void test_a_rolling_window_has_fine_buckets_up_to_two_hours(void **state)
{
    (void)state;
    struct ranking_window window = rolling_of("1h", HOUR_MS);
    assert_int_equal(window.bucket_ms, MINUTE_MS);
    assert_int_equal(window.bucket_count, 60);
    assert_string_equal(window.key, "60m");
    window = rolling_of("24h", 24 * HOUR_MS);
    assert_int_equal(window.bucket_ms, HOUR_MS);
    assert_int_equal(window.bucket_count, 24);
    window = rolling_of("1m", MINUTE_MS);
    assert_int_equal(window.bucket_ms, 1000);
    assert_int_equal(ranking_period_start(&window, ranking_period_at(&window, moment)), moment - 400);
    /* The same length, spelled otherwise, has the same keys. */
    window = rolling_of("60m", HOUR_MS);
    assert_string_equal(window.key, "60m");
    assert_string_equal(window.name, "60m");
}

static void test_a_tag_names_its_window(void **state)
{
    (void)state;
    static const int offsets[] = {0, -12 * 60, -210, -1, 1, 60, 480, 14 * 60};
    struct ranking_window found;
    for (int i = RANKING_HOUR; i < RANKING_ALL; i++) {
        for (size_t k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
            const struct ranking_window window = window_of((enum ranking_calendar)i, offsets[k]);
            assert_true(ranking_window_of_tag(window.tag, &found));
            assert_string_equal(found.key, window.key);
            assert_int_equal(found.utc_offset_min, offsets[k]);
        }
    }
    const struct ranking_window window = rolling_of("744h", 744 * (int64_t)HOUR_MS);
    assert_true(ranking_window_of_tag(window.tag, &found));
    assert_string_equal(found.key, window.key);
    assert_int_equal(found.bucket_ms, window.bucket_ms);
    const uint32_t none[] = {0,
                             window_of(RANKING_ALL, 0).tag,
                             window_of(RANKING_ALL, 60).tag,
                             window.tag + 1,
                             UINT32_MAX,
                             window_of(RANKING_MONTH, 14 * 60).tag + 8};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(ranking_window_of_tag(none[i], &found));
    }
}

/* Their periods are others: nothing of one may be taken for the other's. */
static void test_windows_of_other_offsets_have_other_names(void **state)
{
    (void)state;
    const struct ranking_window day = window_of(RANKING_DAY, 0);
    const struct ranking_window east = window_of(RANKING_DAY, 480);
    const struct ranking_window west = window_of(RANKING_DAY, -210);
    assert_string_equal(day.key, "day");
    assert_string_equal(east.key, "day+480");
    assert_string_equal(west.key, "day-210");
    assert_string_equal(east.name, "day");
    assert_true(day.tag != east.tag && east.tag != west.tag && day.tag != west.tag);
    /* "all" is of no time. */
    assert_string_equal(window_of(RANKING_ALL, 480).key, "all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_period_is_called_as_the_calendar_has_it),
        cmocka_unit_test(test_a_period_begins_where_the_one_before_ends),
        cmocka_unit_test(test_what_is_no_period_is_refused),
        cmocka_unit_test(test_a_rolling_window_has_fine_buckets_up_to_two_hours),
        cmocka_unit_test(test_a_tag_names_its_window),
        cmocka_unit_test(test_windows_of_other_offsets_have_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
