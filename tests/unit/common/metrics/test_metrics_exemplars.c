/* Exemplars: the trace that a bucket's last observation with one belongs to. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/metrics/metrics.h"
#include "tests/fakes/metrics_text.h"

/* The registry lives as long as the process: each test has a family of its own. */

static const double bounds[] = {0.1, 0.5, 2};

#define FAMILY(name_, has_exemplars_) \
    { \
        .name = (name_), .help = "A test's.", .type = METRIC_HISTOGRAM, .has_exemplars = (has_exemplars_), \
        .labels = {"op"}, .buckets = bounds, .bucket_count = 3 \
    }

#define TRACE_1 "01010101010101010101010101010101"
#define TRACE_2 "02020202020202020202020202020202"
#define TRACE_A "abababababababababababababababab"
#define SPAN_1 "0101010101010101"
#define SPAN_2 "0202020202020202"
#define SPAN_A "abababababababab"

/* All bytes of both ids are this one. */
static struct trace_context exemplar_of(uint8_t byte)
{
    struct trace_context exemplar;
    memset(&exemplar, byte, sizeof(exemplar));
    exemplar.is_sampled = true;
    return exemplar;
}

static void observe(metric_series series, double value, uint8_t byte)
{
    const struct trace_context exemplar = exemplar_of(byte);
    metrics_observe_traced(series, value, &exemplar);
}

/* What follows this in OpenMetrics, to the end of the line; static. NULL if it is not there. */
static const char *rest_of_line(const char *start)
{
    static char rest[512];
    char *text = metrics_openmetrics();
    const char *found = strstr(text, start);
    if (found != NULL) {
        found += strlen(start);
        snprintf(rest, sizeof(rest), "%.*s", (int)strcspn(found, "\n"), found);
    }
    free(text);
    return found != NULL ? rest : NULL;
}

/* The bucket's line goes on so, and then comes a time between before and now. */
static void assert_exemplar(const char *bucket, const char *expected, int64_t before_us)
{
    const char *rest = rest_of_line(bucket);
    assert_non_null(rest);
    if (strncmp(rest, expected, strlen(expected)) != 0) {
        fail_msg("%s%s", bucket, rest);
    }
    char *end;
    const double time_s = strtod(rest + strlen(expected), &end);
    assert_string_equal(end, "");
    assert_true(time_s >= (double)before_us / 1e6 - 1e-3);
    assert_true(time_s <= (double)clock_realtime_us() / 1e6 + 1e-3);
}

static void test_each_bucket_shows_its_last_exemplar(void **state)
{
    (void)state;
    static const struct metric_family family = FAMILY("tally_a_seconds", true);
    const metric_series series = metrics_register(&family, (const char *const[]){"get"});
    const int64_t before_us = clock_realtime_us();
    observe(series, 0.25, 1);
    observe(series, 0.5, 2); /* a bound belongs to its bucket */
    observe(series, 1000, 0xAB);
    const struct trace_context untraced = {.is_sampled = false};
    metrics_observe_traced(series, 1, &untraced);
    metrics_observe(series, 0.3);
    assert_string_equal(rest_of_line("tally_a_seconds_bucket{op=\"get\",le=\"0.1\"}"), " 0");
    assert_exemplar("tally_a_seconds_bucket{op=\"get\",le=\"0.5\"}",
                    " 3 # {trace_id=\"" TRACE_2 "\",span_id=\"" SPAN_2 "\"} 0.5 ", before_us);
    assert_string_equal(rest_of_line("tally_a_seconds_bucket{op=\"get\",le=\"2.0\"}"), " 4");
    assert_exemplar("tally_a_seconds_bucket{op=\"get\",le=\"+Inf\"}",
                    " 5 # {trace_id=\"" TRACE_A "\",span_id=\"" SPAN_A "\"} 1000 ", before_us);
    assert_string_equal(rest_of_line("tally_a_seconds_sum{op=\"get\"}"), " 1002.05");
    assert_string_equal(rest_of_line("tally_a_seconds_count{op=\"get\"}"), " 5");
}

static void test_exemplars_of_two_series_are_apart(void **state)
{
    (void)state;
    static const struct metric_family family = FAMILY("tally_b_seconds", true);
    const metric_series one = metrics_register(&family, (const char *const[]){"one"});
    const metric_series two = metrics_register(&family, (const char *const[]){"two"});
    observe(one, 5, 1);
    observe(two, 0, 2);
    assert_exemplar("tally_b_seconds_bucket{op=\"one\",le=\"+Inf\"}",
                    " 1 # {trace_id=\"" TRACE_1 "\",span_id=\"" SPAN_1 "\"} 5 ", 0);
    assert_exemplar("tally_b_seconds_bucket{op=\"two\",le=\"0.1\"}",
                    " 1 # {trace_id=\"" TRACE_2 "\",span_id=\"" SPAN_2 "\"} 0 ", 0);
    assert_string_equal(rest_of_line("tally_b_seconds_bucket{op=\"two\",le=\"+Inf\"}"), " 1");
}

static void test_the_text_format_shows_none(void **state)
{
    (void)state;
    static const struct metric_family family = FAMILY("tally_c_seconds", true);
    observe(metrics_register(&family, (const char *const[]){"get"}), 0.25, 1);
    assert_true(metrics_text_has("tally_c_seconds_bucket{op=\"get\",le=\"0.5\"} 1\n"));
    assert_false(metrics_text_has("trace_id"));
}

static void test_a_family_that_does_not_say_so_keeps_none(void **state)
{
    (void)state;
    static const struct metric_family family = FAMILY("tally_d_seconds", false);
    const metric_series series = metrics_register(&family, (const char *const[]){"get"});
    observe(series, 0.25, 1);
    assert_string_equal(rest_of_line("tally_d_seconds_bucket{op=\"get\",le=\"0.5\"}"), " 1");
}

static void test_the_series_that_swallows_swallows_exemplars(void **state)
{
    (void)state;
    observe(0, 0.25, 0xEE);
    assert_null(rest_of_line("eeeeeeee"));
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

enum { THREADS = 8, ADDS = 20000 };

static metric_series shared;
static atomic_bool is_over;

/* Observes byte / 1000, so that whoever reads it sees whether value and ids belong together. */
static void *record(void *arg)
{
    const uint8_t byte = *(const uint8_t *)arg;
    for (int i = 0; i < ADDS; i++) {
        observe(shared, byte / 1000.0, byte);
    }
    return NULL;
}

/* Whether the ids of the exemplar have one byte throughout, that of its value. */
static bool is_whole(const char *exemplar)
{
    char trace[2 * TRACE_ID_BYTES + 1];
    char span[2 * TRACE_SPAN_ID_BYTES + 1];
    int len = 0;
    if (sscanf(exemplar, " # {trace_id=\"%32[0-9a-f]\",span_id=\"%16[0-9a-f]\"} %n", trace, span, &len) != 2 ||
        len == 0) {
        return false;
    }
    const double value = strtod(exemplar + len, NULL);
    const long byte = strtol(span + sizeof(span) - 3, NULL, 16);
    char expected[sizeof(trace)];
    for (size_t i = 0; i < TRACE_ID_BYTES; i++) {
        snprintf(expected + 2 * i, 3, "%02lx", (unsigned long)byte & 0xFF);
    }
    return strcmp(trace, expected) == 0 && memcmp(span, expected, sizeof(span) - 1) == 0 &&
           value == (double)byte / 1000.0;
}

static void *scrape(void *mistakes)
{
    while (!atomic_load(&is_over)) {
        char *text = metrics_openmetrics();
        const char *line = strstr(text, "tally_e_seconds_bucket{op=\"get\",le=\"0.1\"}");
        const char *exemplar = line != NULL ? strstr(line, " # {") : NULL;
        *(int *)mistakes += exemplar != NULL && exemplar < strchr(line, '\n') && !is_whole(exemplar);
        free(text);
    }
    return NULL;
}

static void test_exemplars_stay_whole_while_threads_record_and_scrape(void **state)
{
    (void)state;
    static const struct metric_family family = FAMILY("tally_e_seconds", true);
    pthread_t scraper;
    pthread_t threads[THREADS];
    uint8_t bytes[THREADS];
    int mistakes = 0;
    shared = metrics_register(&family, (const char *const[]){"get"});
    assert_int_equal(pthread_create(&scraper, NULL, scrape, &mistakes), 0);
    for (int i = 0; i < THREADS; i++) {
        bytes[i] = (uint8_t)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, record, &bytes[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&is_over, true);
    pthread_join(scraper, NULL);
    assert_int_equal(mistakes, 0);
    const char *rest = rest_of_line("tally_e_seconds_bucket{op=\"get\",le=\"0.1\"}");
    assert_non_null(rest);
    assert_int_equal(strtol(rest, NULL, 10), THREADS * ADDS); /* none is missing from the counts */
    assert_true(is_whole(strstr(rest, " # {")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bucket_shows_its_last_exemplar),
        cmocka_unit_test(test_exemplars_of_two_series_are_apart),
        cmocka_unit_test(test_the_text_format_shows_none),
        cmocka_unit_test(test_a_family_that_does_not_say_so_keeps_none),
        cmocka_unit_test(test_the_series_that_swallows_swallows_exemplars),
        cmocka_unit_test(test_exemplars_stay_whole_while_threads_record_and_scrape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
