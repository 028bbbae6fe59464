#include "common/metrics/metrics.h"

#include <math.h>
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
#include <time.h>

#include <cmocka.h>

#include "common/log/log.h"
#include "tests/fakes/metrics_text.h"

/* The registry lives as long as the process: each test has families of its own. */

static const double three_bounds[] = {0.1, 0.5, 2};

static bool has_line(const char *text, const char *line)
{
    const size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n') {
            return true;
        }
    }
    return false;
}

/* Every line of expected, in that order and without others between. */
static void assert_exposes(const char *expected)
{
    char *text = metrics_text();
    if (strstr(text, expected) == NULL) {
        fail_msg("not found:\n%sin:\n%s", expected, text);
    }
    free(text);
}

/* The value behind `name `, which stands at the start of a line. */
static double sample(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == ' ') {
            return strtod(at + len, NULL);
        }
    }
    return NAN;
}

static double exposed(const char *name)
{
    char *text = metrics_text();
    const double value = sample(text, name);
    free(text);
    return value;
}

static void test_counters_and_gauges_are_exposed_by_family(void **state)
{
    (void)state;
    static const struct metric_family requests = {
        .name = "tally_a_requests_total", .help = "Requests.", .type = METRIC_COUNTER, .labels = {"route", "status"}};
    static const struct metric_family open = {.name = "tally_a_open", .help = "Open things.", .type = METRIC_GAUGE};
    const metric_series ok = metrics_register(&requests, (const char *const[]){"increment", "200"});
    const metric_series things = metrics_register(&open, NULL);
    const metric_series shed = metrics_register(&requests, (const char *const[]){"increment", "503"});
    metrics_add(ok, 2);
    metrics_add(ok, 40);
    metrics_add(things, 5);
    metrics_add(things, -8);
    metrics_add(shed, 1);
    assert_exposes("# HELP tally_a_requests_total Requests.\n"
                   "# TYPE tally_a_requests_total counter\n"
                   "tally_a_requests_total{route=\"increment\",status=\"200\"} 42\n"
                   "tally_a_requests_total{route=\"increment\",status=\"503\"} 1\n"
                   "# HELP tally_a_open Open things.\n"
                   "# TYPE tally_a_open gauge\n"
                   "tally_a_open -3\n");
}

static void test_registering_again_gives_the_same_series(void **state)
{
    (void)state;
    static const struct metric_family family = {
        .name = "tally_b_total", .help = "B.", .type = METRIC_COUNTER, .labels = {"kind"}};
    char kind[] = "one";
    const metric_series one = metrics_register(&family, (const char *const[]){kind});
    strcpy(kind, "two"); /* values are copied */
    const metric_series two = metrics_register(&family, (const char *const[]){kind});
    assert_int_not_equal(one, two);
    assert_int_equal(metrics_register(&family, (const char *const[]){"one"}), one);
    assert_int_equal(metrics_register(&family, (const char *const[]){"two"}), two);
}

static void test_a_histogram_has_cumulative_buckets_sum_and_count(void **state)
{
    (void)state;
    static const struct metric_family family = {.name = "tally_c_seconds",
                                                .help = "C.",
                                                .type = METRIC_HISTOGRAM,
                                                .labels = {"op"},
                                                .buckets = three_bounds,
                                                .bucket_count = 3};
    const metric_series series = metrics_register(&family, (const char *const[]){"get"});
    static const double values[] = {0, 0.1, 0.125, 0.5, 2, 2.25, 1000};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        metrics_observe(series, values[i]);
    }
    assert_exposes("# TYPE tally_c_seconds histogram\n"
                   "tally_c_seconds_bucket{op=\"get\",le=\"0.1\"} 2\n" /* a bound belongs to its bucket */
                   "tally_c_seconds_bucket{op=\"get\",le=\"0.5\"} 4\n"
                   "tally_c_seconds_bucket{op=\"get\",le=\"2\"} 5\n"
                   "tally_c_seconds_bucket{op=\"get\",le=\"+Inf\"} 7\n"
                   "tally_c_seconds_sum{op=\"get\"} 1004.975\n"
                   "tally_c_seconds_count{op=\"get\"} 7\n");
}

static void test_labels_and_help_are_escaped(void **state)
{
    (void)state;
    static const struct metric_family family = {
        .name = "tally_d", .help = "a \\ and a\nline and \"quotes\"", .type = METRIC_GAUGE, .labels = {"value"}};
    metrics_register(&family, (const char *const[]){"\\\"\nx\""});
    assert_exposes("# HELP tally_d a \\\\ and a\\nline and \"quotes\"\n"
                   "# TYPE tally_d gauge\n"
                   "tally_d{value=\"\\\\\\\"\\nx\\\"\"} 0\n");
}

/* --- OpenMetrics -------------------------------------------------------------------------------------------------- */

static void assert_openly_exposes(const char *expected)
{
    char *text = metrics_openmetrics();
    if (strstr(text, expected) == NULL) {
        fail_msg("not found:\n%sin:\n%s", expected, text);
    }
    free(text);
}

static void test_openmetrics_names_a_counter_without_total_and_tells_units(void **state)
{
    (void)state;
    static const struct metric_family counter = {
        .name = "tally_o_cpu_seconds_total", .help = "\\ \"O\"\nand on", .type = METRIC_COUNTER, .labels = {"kind"}};
    static const struct metric_family gauge = {.name = "tally_o_bytes", .help = "O.", .type = METRIC_GAUGE};
    static const struct metric_family plain = {.name = "tally_o_seconds_left", .help = "O.", .type = METRIC_GAUGE};
    metrics_add(metrics_register(&counter, (const char *const[]){"\\\"\n"}), 3);
    metrics_add(metrics_register(&gauge, NULL), -4);
    metrics_register(&plain, NULL);
    assert_openly_exposes("# HELP tally_o_cpu_seconds \\\\ \\\"O\\\"\\nand on\n"
                          "# TYPE tally_o_cpu_seconds counter\n"
                          "# UNIT tally_o_cpu_seconds seconds\n"
                          "tally_o_cpu_seconds_total{kind=\"\\\\\\\"\\n\"} 3\n"
                          "# HELP tally_o_bytes O.\n"
                          "# TYPE tally_o_bytes gauge\n"
                          "# UNIT tally_o_bytes bytes\n"
                          "tally_o_bytes -4\n"
                          "# HELP tally_o_seconds_left O.\n"
                          "# TYPE tally_o_seconds_left gauge\n"
                          "tally_o_seconds_left 0\n");
}

static void test_openmetrics_has_bounds_that_are_floats(void **state)
{
    (void)state;
    static const double bounds[] = {1e-5, 0.0001, 0.025, 1, 2.5, 10, 1000, 100000, 1e6};
    static const struct metric_family family = {.name = "tally_p_seconds",
                                                .help = "P.",
                                                .type = METRIC_HISTOGRAM,
                                                .labels = {"op"},
                                                .buckets = bounds,
                                                .bucket_count = sizeof(bounds) / sizeof(bounds[0])};
    metrics_observe(metrics_register(&family, (const char *const[]){"get"}), 2);
    assert_openly_exposes("# TYPE tally_p_seconds histogram\n"
                          "# UNIT tally_p_seconds seconds\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"1e-05\"} 0\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"0.0001\"} 0\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"0.025\"} 0\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"1.0\"} 0\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"2.5\"} 1\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"10.0\"} 1\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"1000.0\"} 1\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"100000.0\"} 1\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"1e+06\"} 1\n"
                          "tally_p_seconds_bucket{op=\"get\",le=\"+Inf\"} 1\n"
                          "tally_p_seconds_sum{op=\"get\"} 2\n"
                          "tally_p_seconds_count{op=\"get\"} 1\n");
}

static void test_openmetrics_ends_with_eof_and_the_text_format_does_not(void **state)
{
    (void)state;
    char *open = metrics_openmetrics();
    const char *eof = strstr(open, "# EOF");
    assert_non_null(eof);
    assert_string_equal(eof, "# EOF\n");
    assert_true(eof[-1] == '\n' && eof[-2] != '\n');
    free(open);
    char *text = metrics_text();
    assert_null(strstr(text, "EOF"));
    assert_null(strstr(text, "UNIT"));
    free(text);
}

static double read_number(void *ctx)
{
    return *(const double *)ctx;
}

static void test_a_reader_is_asked_at_each_scrape_until_it_is_unregistered(void **state)
{
    (void)state;
    static const struct metric_family family = {
        .name = "tally_e", .help = "E.", .type = METRIC_GAUGE, .labels = {"queue"}};
    const char *const values[] = {"q"};
    double number = 7;
    metrics_register_reader(&family, values, read_number, &number);
    assert_exposes("tally_e{queue=\"q\"} 7\n");
    number = 0.1;
    assert_exposes("tally_e{queue=\"q\"} 0.1\n");
    number = INFINITY;
    assert_exposes("tally_e{queue=\"q\"} +Inf\n");
    number = 1e15 + 0.5;
    assert_true(exposed("tally_e{queue=\"q\"}") == number);
    double other = 8;
    metrics_register_reader(&family, values, read_number, &other);
    assert_exposes("tally_e{queue=\"q\"} 8\n");
    metrics_unregister_reader(&family, values);
    metrics_unregister_reader(&family, values);
    char *text = metrics_text();
    assert_null(strstr(text, "tally_e"));
    free(text);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

enum { THREADS = 8, ROUNDS = 20, ADDS = 1000 };

static metric_series thread_counter;
static metric_series thread_gauge;
static metric_series thread_histogram;

static void *record(void *unused)
{
    (void)unused;
    for (int i = 0; i < ADDS; i++) {
        metrics_add(thread_counter, 3);
        metrics_add(thread_gauge, i % 2 == 0 ? 1 : -1);
        metrics_observe(thread_histogram, 0.25);
    }
    return NULL;
}

static atomic_bool stop_scraping;

/* A scrape never sees a counter go back, nor a histogram whose count is not that of its last bucket. */
static void *scrape(void *unused)
{
    (void)unused;
    double last = 0;
    intptr_t mistakes = 0;
    while (!atomic_load(&stop_scraping)) {
        char *text = metrics_text();
        const double counter = sample(text, "tally_f_total");
        mistakes += counter < last;
        mistakes += sample(text, "tally_f_seconds_count") != sample(text, "tally_f_seconds_bucket{le=\"+Inf\"}");
        last = counter;
        free(text);
    }
    return (void *)mistakes;
}

static void register_thread_metrics(void)
{
    static const struct metric_family counter = {.name = "tally_f_total", .help = "F.", .type = METRIC_COUNTER};
    static const struct metric_family gauge = {.name = "tally_f", .help = "F.", .type = METRIC_GAUGE};
    static const struct metric_family histogram = {
        .name = "tally_f_seconds", .help = "F.", .type = METRIC_HISTOGRAM, .buckets = three_bounds, .bucket_count = 3};
    thread_counter = metrics_register(&counter, NULL);
    thread_gauge = metrics_register(&gauge, NULL);
    thread_histogram = metrics_register(&histogram, NULL);
}

static void test_sums_are_exact_while_threads_come_and_go_under_scrapes(void **state)
{
    (void)state;
    register_thread_metrics();
    pthread_t scraper;
    assert_int_equal(pthread_create(&scraper, NULL, scrape, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, record, NULL), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    record(NULL); /* and a thread that is still there */
    atomic_store(&stop_scraping, true);
    void *mistakes = NULL;
    pthread_join(scraper, &mistakes);
    assert_null(mistakes);
    const double records = (THREADS * ROUNDS + 1) * (double)ADDS;
    assert_true(exposed("tally_f_total") == 3 * records);
    assert_true(exposed("tally_f") == 0);
    assert_true(exposed("tally_f_seconds_count") == records);
    assert_true(exposed("tally_f_seconds_sum") == 0.25 * records);
    assert_true(exposed("tally_f_seconds_bucket{le=\"0.1\"}") == 0);
    assert_true(exposed("tally_f_seconds_bucket{le=\"0.5\"}") == records);
}

static double record_in_reader(void *ctx)
{
    metrics_add(*(const metric_series *)ctx, 1);
    return 1;
}

static void *render_once(void *unused)
{
    (void)unused;
    free(metrics_text());
    return NULL;
}

static void test_a_reader_may_record_even_on_a_thread_that_never_did(void **state)
{
    (void)state;
    static const struct metric_family counter = {.name = "tally_g_total", .help = "G.", .type = METRIC_COUNTER};
    static const struct metric_family gauge = {.name = "tally_g", .help = "G.", .type = METRIC_GAUGE};
    metric_series series = metrics_register(&counter, NULL);
    metrics_register_reader(&gauge, NULL, record_in_reader, &series);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, render_once, NULL), 0);
    pthread_join(thread, NULL);
    metrics_unregister_reader(&gauge, NULL);
    assert_true(exposed("tally_g_total") == 1);
}

static void test_the_process_describes_itself(void **state)
{
    (void)state;
    metrics_register_process("test", "1.2.3");
    char *text = metrics_text();
    assert_true(has_line(text, "tally_build_info{program=\"test\",version=\"1.2.3\"} 1"));
    assert_true(has_line(text, "# TYPE process_cpu_seconds_total counter"));
    assert_true(has_line(text, "tally_metrics_series_refused_total 0"));
    assert_true(sample(text, "tally_log_dropped_total") == (double)log_dropped());
    assert_true(sample(text, "process_cpu_seconds_total") > 0);
    assert_true(sample(text, "process_resident_memory_bytes") > 100 * 1000);
    assert_true(sample(text, "process_virtual_memory_bytes") > sample(text, "process_resident_memory_bytes"));
    assert_true(sample(text, "process_open_fds") >= 3);
    assert_true(sample(text, "process_open_fds") <= sample(text, "process_max_fds"));
    assert_true(sample(text, "process_threads") >= 1);
    const double age = (double)time(NULL) - sample(text, "process_start_time_seconds");
    assert_true(age > -2 && age < 600);
    free(text);
}

static const struct metric_family read_family = {.name = "tally_read_total", .help = "R.", .type = METRIC_COUNTER};
static const struct metric_family read_histogram_family = {
    .name = "tally_read_seconds", .help = "R.", .type = METRIC_HISTOGRAM, .buckets = three_bounds, .bucket_count = 3};

static void *record_what_is_read(void *ctx)
{
    (void)ctx;
    metrics_add(metrics_register(&read_family, NULL), 3);
    metrics_observe(metrics_register(&read_histogram_family, NULL), 0.2);
    metrics_observe(metrics_register(&read_histogram_family, NULL), 5);
    return NULL;
}

static void test_what_series_hold_is_read_over_all_threads(void **state)
{
    (void)state;
    pthread_t thread;
    const metric_series counter = metrics_register(&read_family, NULL);
    const metric_series histogram = metrics_register(&read_histogram_family, NULL);
    uint64_t counts[4] = {10};
    assert_int_equal(metrics_read(counter), 0);
    pthread_create(&thread, NULL, record_what_is_read, NULL);
    pthread_join(thread, NULL);
    record_what_is_read(NULL);
    assert_int_equal(metrics_read(counter), 6);
    metrics_add_buckets(histogram, 3, counts);
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 2);
    assert_int_equal(counts[2], 0);
    assert_int_equal(counts[3], 2);
    assert_int_equal(metrics_read(0), 0);
    metrics_add_buckets(0, 3, counts);
    assert_int_equal(counts[0], 10);
}

/* The last test: nothing can be registered after it. */
static void test_a_full_registry_refuses_counts_and_swallows(void **state)
{
    (void)state;
    static const struct metric_family family = {
        .name = "tally_h_total", .help = "H.", .type = METRIC_COUNTER, .labels = {"number"}};
    for (int i = 0; i < METRIC_SLOTS_MAX; i++) {
        char number[16];
        snprintf(number, sizeof(number), "%d", i);
        metrics_register(&family, (const char *const[]){number});
    }
    assert_true(metrics_series_refused() > 0);
    assert_true(exposed("tally_metrics_series_refused_total") == (double)metrics_series_refused());
    const metric_series counter = metrics_register(&family, (const char *const[]){"one more"});
    assert_int_equal(counter, 0);
    metrics_add(counter, 5);
    metrics_observe(0, 0.5);
    char *text = metrics_text();
    assert_null(strstr(text, "one more"));
    assert_true(has_line(text, "tally_h_total{number=\"0\"} 0"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges_are_exposed_by_family),
        cmocka_unit_test(test_registering_again_gives_the_same_series),
        cmocka_unit_test(test_a_histogram_has_cumulative_buckets_sum_and_count),
        cmocka_unit_test(test_labels_and_help_are_escaped),
        cmocka_unit_test(test_openmetrics_names_a_counter_without_total_and_tells_units),
        cmocka_unit_test(test_openmetrics_has_bounds_that_are_floats),
        cmocka_unit_test(test_openmetrics_ends_with_eof_and_the_text_format_does_not),
        cmocka_unit_test(test_a_reader_is_asked_at_each_scrape_until_it_is_unregistered),
        cmocka_unit_test(test_sums_are_exact_while_threads_come_and_go_under_scrapes),
        cmocka_unit_test(test_a_reader_may_record_even_on_a_thread_that_never_did),
        cmocka_unit_test(test_the_process_describes_itself),
        cmocka_unit_test(test_what_series_hold_is_read_over_all_threads),
        cmocka_unit_test(test_a_full_registry_refuses_counts_and_swallows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
