/* The list `rankings`: what an entry may say, in the file and in the environment. */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* variable: of the environment; NULL for none. */
static struct config *load(const char *yaml, const char *variable, struct error *error)
{
    char *const environment[] = {(char *)variable, NULL};
    return config_load_text("test.yaml", yaml, strlen(yaml), environment, error);
}

static struct config *load_fine(const char *yaml, const char *variable)
{
    struct error error = {.message = ""};
    struct config *config = load(yaml, variable, &error);
    assert_string_equal(error.message, "");
    assert_non_null(config);
    return config;
}

static void assert_message(const struct error *error, const char *start, const char *part)
{
    assert_ptr_equal(strstr(error->message, start), error->message);
    if (strstr(error->message, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, error->message);
    }
}

/* list: as YAML in flow style. It is refused in the file and in the environment. */
static void assert_refused(const char *list, const char *part)
{
    struct error error = {.message = ""};
    char text[2048];
    snprintf(text, sizeof(text), "rankings: %s\n", list);
    assert_null(load(text, NULL, &error));
    assert_message(&error, "test.yaml: ", part);
    snprintf(text, sizeof(text), "TALLY_RANKINGS=%s", list);
    assert_null(load("", text, &error));
    assert_message(&error, "environment: TALLY_RANKINGS: ", part);
}

/* The same of one entry whose other keys are fine. */
static void assert_entry_refused(const char *keys, const char *part)
{
    char list[1024];
    snprintf(list, sizeof(list), "[{counter_type: like, windows: [day], %s}]", keys);
    assert_refused(list, part);
}

static void assert_offset(const char *text, int expected_min)
{
    char yaml[128];
    snprintf(yaml, sizeof(yaml), "rankings: [{counter_type: like, windows: [day], utc_offset: \"%s\"}]", text);
    struct config *config = load_fine(yaml, NULL);
    assert_int_equal(config->rankings[0].utc_offset_min, expected_min);
    config_free(config);
}

static void test_an_entry_says_what_is_ranked(void **state)
{
    (void)state;
    struct config *config = load_fine("rankings:\n"
                                      "  - counter_type: like\n"
                                      "    windows: [hour, month, all]\n"
                                      "    rolling: [60m, 744h]\n"
                                      "    keep: 500\n"
                                      "    utc_offset: -03:30\n"
                                      "    cache_ttl: 250ms\n"
                                      "  - counter_type: view.v-2\n"
                                      "    rolling: [1m]\n",
                                      NULL);
    assert_int_equal(config->ranking_count, 2);
    const struct ranking_config *like = &config->rankings[0];
    const bool calendar[RANKING_CALENDARS] = {[RANKING_HOUR] = true, [RANKING_MONTH] = true, [RANKING_ALL] = true};
    assert_string_equal(like->counter_type, "like");
    assert_memory_equal(like->calendar, calendar, sizeof(calendar));
    assert_int_equal(like->rolling_count, 2);
    assert_string_equal(like->rolling[0].name, "60m");
    assert_int_equal(like->rolling[0].length_ms, HOUR_MS);
    assert_string_equal(like->rolling[1].name, "744h");
    assert_int_equal(like->rolling[1].length_ms, INT64_C(744) * HOUR_MS);
    assert_int_equal(like->keep, 500);
    assert_int_equal(like->utc_offset_min, -(3 * 60 + 30));
    assert_int_equal(like->cache_ttl_ms, 250);
    assert_string_equal(config->rankings[1].counter_type, "view.v-2");
    assert_int_equal(config->rankings[1].rolling[0].length_ms, MINUTE_MS);
    config_free(config);
}

static void test_keys_left_out_have_their_defaults(void **state)
{
    (void)state;
    struct config *config = load_fine("rankings: [{counter_type: like, windows: [day]}]", NULL);
    assert_int_equal(config->rankings[0].rolling_count, 0);
    assert_int_equal(config->rankings[0].keep, 10000);
    assert_int_equal(config->rankings[0].utc_offset_min, 0);
    assert_int_equal(config->rankings[0].cache_ttl_ms, 1000);
    config_free(config);
}

static void test_an_empty_list_is_none(void **state)
{
    (void)state;
    struct config *config = load_fine("rankings: []\n", NULL);
    assert_null(config->rankings);
    assert_int_equal(config->ranking_count, 0);
    config_free(config);
}

static void test_the_environment_has_the_same_list_as_yaml(void **state)
{
    (void)state;
    static const char file[] = "rankings: [{counter_type: view, windows: [all]}]\n";
    struct config *config =
        load_fine(file, "TALLY_RANKINGS=[{counter_type: like, windows: [day, all], rolling: [1h]}]");
    assert_int_equal(config->ranking_count, 1);
    assert_string_equal(config->rankings[0].counter_type, "like");
    assert_true(config->rankings[0].calendar[RANKING_DAY]);
    assert_string_equal(config->rankings[0].rolling[0].name, "1h");
    config_free(config);
    static const char *const none[] = {"TALLY_RANKINGS=", "TALLY_RANKINGS=[]", "TALLY_RANKINGS= "};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        config = load_fine(file, none[i]);
        assert_null(config->rankings);
        assert_int_equal(config->ranking_count, 0);
        config_free(config);
    }
}

static void test_what_is_no_list_of_mappings_is_refused(void **state)
{
    (void)state;
    assert_refused("{}", "SEQUENCE");
    assert_refused("{like: {windows: [day]}}", "SEQUENCE");
    assert_refused("like", "SEQUENCE");
    assert_refused("~", "SEQUENCE");
    assert_refused("[like]", "in sequence entry");
    assert_refused("[~]", "in sequence entry");
    assert_refused("[[{counter_type: like, windows: [day]}]]", "in sequence entry");
    assert_refused("[{counter_type: like, windows: [day]}", "libyaml");
    assert_refused("[&a {counter_type: like, windows: [day]}, *a]", "alias");
    assert_refused("[]\n---\n[]", "documents after first");
}

static void test_an_unknown_key_or_a_wrong_type_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_entry_refused("window: [day]", "Unexpected key: window, in mapping");
    assert_entry_refused("keep: 10, keep: 10", "keep");
    assert_entry_refused("keep: [10]", "'keep'");
    assert_entry_refused("keep: {}", "'keep'");
    assert_entry_refused("rolling: 1h", "'rolling'");
    assert_entry_refused("rolling: ~", "'rolling'");
    assert_entry_refused("rolling: [[1h]]", "'rolling'");
    assert_entry_refused("rolling: {1h: 2h}", "'rolling'");
    assert_refused("[{counter_type: [like], windows: [day]}]", "'counter_type'");
}

static void test_a_counter_type_is_one_that_callers_may_send(void **state)
{
    (void)state;
    assert_refused("[{}]", "rankings[0].counter_type must have a value");
    assert_refused("[{windows: [day]}]", "rankings[0].counter_type must have a value");
    assert_refused("[{counter_type: ~, windows: [day]}]", "rankings[0].counter_type must have a value");
    assert_refused("[{counter_type: , windows: [day]}]", "rankings[0].counter_type must be 1-64 bytes, not \"\"");
    assert_refused("[{counter_type: Like, windows: [day]}]",
                   "rankings[0].counter_type must start with a letter a-z, not \"Like\"");
    assert_refused("[{counter_type: 'li\"ke', windows: [day]}]", "rankings[0].counter_type must have only a-z");
    char list[256];
    snprintf(list, sizeof(list), "[{counter_type: %065d, windows: [day]}]", 1);
    assert_refused(list, "rankings[0].counter_type must be 1-64 bytes");
    assert_refused("[{counter_type: a, windows: [day]}, {counter_type: b, windows: [all]}, {counter_type: a, windows: "
                   "[all]}]",
                   "rankings[2].counter_type must not be \"a\" again: rankings[0] has it");
}

static void test_windows_are_of_the_calendar_and_there_once(void **state)
{
    (void)state;
    assert_refused("[{counter_type: a, windows: [year]}]",
                   "rankings[0].windows must be one of hour, day, week, month, all, not \"year\"");
    assert_refused("[{counter_type: a, windows: [~]}]", "rankings[0].windows must be one of");
    assert_refused("[{counter_type: a, windows: [day, all, day]}]", "rankings[0].windows must have day only once");
    assert_refused("[{counter_type: a}]", "rankings[0].windows must not be empty when rolling is");
    assert_refused("[{counter_type: a, windows: [], rolling: []}]", "rankings[0].windows must not be empty");
}

static void test_rolling_windows_are_whole_minutes_up_to_a_month_of_31_days(void **state)
{
    (void)state;
    assert_entry_refused("rolling: [59s]", "rankings[0].rolling must be a duration from 1m to 744h");
    assert_entry_refused("rolling: [745h]", "rankings[0].rolling must be a duration from 1m to 744h");
    assert_entry_refused("rolling: [day]", "not \"day\"");
    assert_entry_refused("rolling: ['']", "not \"\"");
    assert_entry_refused("rolling: [90s]", "rankings[0].rolling must be whole minutes");
    assert_entry_refused("rolling: [2678400000ms]", "in at most 11 characters, not \"2678400000ms\"");
    assert_entry_refused("rolling: [1h, 60m]", "rankings[0].rolling must have each length only once: 60m is 1h");
    assert_entry_refused("rolling: [1h, 2h, 3h, 4h, 5h]", "rankings[0].rolling must have at most 4 items");
    struct config *config = load_fine("rankings: [{counter_type: a, rolling: [120s, 86400000ms, 3h, 4h]}]", NULL);
    assert_string_equal(config->rankings[0].rolling[1].name, "86400000ms");
    assert_int_equal(config->rankings[0].rolling[1].length_ms, 24 * HOUR_MS);
    config_free(config);
}

static void test_numbers_have_ranges(void **state)
{
    (void)state;
    assert_entry_refused("keep: 0", "rankings[0].keep must be a whole number from 10 to 100000, not \"0\"");
    assert_entry_refused("keep: 100001", "rankings[0].keep must be a whole number");
    assert_entry_refused("keep: ~", "rankings[0].keep must be a whole number");
    assert_entry_refused("keep: ''", "rankings[0].keep must be a whole number");
    assert_entry_refused("cache_ttl: 61s", "rankings[0].cache_ttl must be a duration from 0s to 1m");
    assert_entry_refused("cache_ttl: 1", "rankings[0].cache_ttl must be a duration");
}

static void test_an_offset_is_one_that_is_in_use_on_earth(void **state)
{
    (void)state;
    assert_offset("Z", 0);
    assert_offset("-00:00", 0);
    assert_offset("+08:00", 8 * 60);
    assert_offset("-00:30", -30);
    assert_offset("-12:00", -12 * 60);
    assert_offset("+14:00", 14 * 60);
    static const char *const bad[] = {"+25:00", "+14:01", "-12:01", "+01:60", "8",      "+8:00",   "08:00",
                                      "+08.00", "+0800",  "+-8:00", "z",      "+08:0 ", "+08:00 ", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char keys[64];
        snprintf(keys, sizeof(keys), "utc_offset: \"%s\"", bad[i]);
        assert_entry_refused(keys, "rankings[0].utc_offset must be Z, or from -12:00 to +14:00");
    }
}

/* [{counter_type: t0, windows: [all]}, ...] */
static void write_entries(int count, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "TALLY_RANKINGS=[");
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "{counter_type: t%d, windows: [all]},", i);
    }
    snprintf(out + used, size - used, "]");
}

static void test_the_list_has_a_bound(void **state)
{
    (void)state;
    char variable[2048];
    struct error error;
    write_entries(RANKINGS_MAX, variable, sizeof(variable));
    struct config *config = load_fine("", variable);
    assert_int_equal(config->ranking_count, RANKINGS_MAX);
    config_free(config);
    write_entries(RANKINGS_MAX + 1, variable, sizeof(variable));
    assert_null(load("", variable, &error));
    assert_string_equal(error.message, "environment: TALLY_RANKINGS: rankings must have at most 16 entries");
}

static char *print(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    return text;
}

static void test_what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    struct config *config =
        load_fine("rankings: [{counter_type: like, windows: [all, day], rolling: [60m, 744h], utc_offset: '-03:30'}, "
                  "{counter_type: view, rolling: [1h], keep: 10, utc_offset: Z, cache_ttl: 0s}]",
                  NULL);
    char *printed = print(config);
    assert_non_null(strstr(printed,
                           "\nrankings: [\n"
                           "  {counter_type: \"like\", windows: [day, all], rolling: [60m, 744h], keep: 10000, "
                           "utc_offset: \"-03:30\", cache_ttl: 1s},\n"
                           "  {counter_type: \"view\", windows: [], rolling: [1h], keep: 10, "
                           "utc_offset: \"+00:00\", cache_ttl: 0ms}\n"
                           "]\n"));
    struct config *again = load_fine(printed, NULL);
    char *printed_again = print(again);
    assert_string_equal(printed, printed_again);
    free(printed_again);
    config_free(again);
    free(printed);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_says_what_is_ranked),
        cmocka_unit_test(test_keys_left_out_have_their_defaults),
        cmocka_unit_test(test_an_empty_list_is_none),
        cmocka_unit_test(test_the_environment_has_the_same_list_as_yaml),
        cmocka_unit_test(test_what_is_no_list_of_mappings_is_refused),
        cmocka_unit_test(test_an_unknown_key_or_a_wrong_type_is_refused_with_its_place),
        cmocka_unit_test(test_a_counter_type_is_one_that_callers_may_send),
        cmocka_unit_test(test_windows_are_of_the_calendar_and_there_once),
        cmocka_unit_test(test_rolling_windows_are_whole_minutes_up_to_a_month_of_31_days),
        cmocka_unit_test(test_numbers_have_ranges),
        cmocka_unit_test(test_an_offset_is_one_that_is_in_use_on_earth),
        cmocka_unit_test(test_the_list_has_a_bound),
        cmocka_unit_test(test_what_is_printed_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
