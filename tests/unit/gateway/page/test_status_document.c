#include "gateway/page/status_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static const struct route routes[] = {
    {HTTP_POST, "/api/v1/write", ROUTE_BODY, true, NULL},
    {HTTP_GET, "/api/v1/one", ROUTE_NO_BODY, false, NULL},
    {HTTP_GET, "/api/v1/two", ROUTE_NO_BODY, false, NULL},
    {HTTP_GET, "/health", ROUTE_NO_BODY, false, NULL},
};

static const struct trace_context no_trace;
static struct request_metrics metrics; /* its series live as long as the process */

/* ---- fakes ---- */

static const char *report; /* of the instance; NULL: none */
static unsigned wanted;

size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max)
{
    assert_true(pool != NULL && max > 0);
    instances[0] = (struct channel_pool_instance){.target = "a\"<b>:1"};
    return 1;
}

void channel_pool_want_reports(struct channel_pool *pool)
{
    assert_non_null(pool);
    wanted++;
}

int64_t channel_pool_read_report(struct channel_pool *pool, const char *target, struct buffer *out)
{
    assert_non_null(pool);
    assert_string_equal(target, "a\"<b>:1");
    buffer_append_text(out, text_of(report == NULL ? "" : report));
    return report == NULL ? -1 : 1500000;
}

/* ---- documents ---- */

static cJSON *document_of(const struct config *config, struct channel_pool *pool)
{
    const struct status_source source = {.metrics = &metrics,
                                         .pool = pool,
                                         .config = config,
                                         .started_us = 1700000000123456,
                                         .health = TEXT("{\"h\":1}")};
    struct buffer out;
    buffer_init(&out);
    status_document_write(&source, &out);
    assert_false(out.failed);
    assert_true(status_document_is_object((struct text){out.data, out.len}));
    cJSON *document = cJSON_ParseWithLength(out.data, out.len);
    buffer_done(&out);
    return document;
}

static const cJSON *at(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(item);
    return item;
}

static void assert_number(const cJSON *object, const char *name, double value)
{
    assert_true(cJSON_IsNumber(at(object, name)));
    assert_true(at(object, name)->valuedouble == value);
}

static void test_counters_are_those_of_the_metrics(void **state)
{
    (void)state;
    request_metrics_accepted(&metrics, 10);
    request_metrics_written(&metrics, WRITE_APPLIED, 5);
    request_metrics_written(&metrics, WRITE_REPLAYED, 2);
    request_metrics_written(&metrics, WRITE_NOT_APPLIED, 2);
    request_metrics_written(&metrics, WRITE_UNKNOWN, 1);
    request_metrics_shed(&metrics, SHED_MAX_PENDING);
    request_metrics_shed(&metrics, SHED_NOT_IN_TIME);
    const struct config config = {.server.request_timeout_ms = 2000};
    cJSON *document = document_of(&config, NULL);
    const cJSON *writes = at(document, "writes");
    assert_number(writes, "accepted", 10);
    assert_number(writes, "applied", 5);
    assert_number(writes, "replayed", 2);
    assert_number(writes, "not_applied", 2);
    assert_number(writes, "unknown", 1);
    assert_number(document, "shed", 2);
    assert_number(document, "started_ms", 1700000000123);
    assert_number(document, "request_timeout_ms", 2000);
    assert_number(at(document, "health"), "h", 1);
    assert_int_equal(cJSON_GetArraySize(at(document, "reports")), 0);
    assert_int_equal(cJSON_GetArraySize(at(document, "rankings")), 0);
    cJSON_Delete(document);
}

static void assert_counts(const cJSON *counts, size_t place, int count, int sum)
{
    int found = 0;
    assert_int_equal(cJSON_GetArraySize(counts), METRICS_SECONDS_BUCKET_COUNT + 1);
    for (int i = 0; i <= METRICS_SECONDS_BUCKET_COUNT; i++) {
        found += cJSON_GetArrayItem(counts, i)->valueint;
    }
    assert_int_equal(cJSON_GetArrayItem(counts, (int)place)->valueint, count);
    assert_int_equal(found, sum);
}

static void test_durations_are_of_the_apis_writes_and_reads(void **state)
{
    (void)state;
    request_metrics_answered(&metrics, &routes[0], HTTP_POST, 200, 50, &no_trace);      /* the first bucket */
    request_metrics_answered(&metrics, &routes[1], HTTP_GET, 200, 300, &no_trace);      /* 0.0005 */
    request_metrics_answered(&metrics, &routes[2], HTTP_GET, 503, 400, &no_trace);      /* 0.0005 */
    request_metrics_answered(&metrics, &routes[2], HTTP_GET, 200, 11000000, &no_trace); /* above the last bound */
    request_metrics_answered(&metrics, &routes[3], HTTP_GET, 200, 300, &no_trace);      /* of no interest */
    request_metrics_answered(&metrics, NULL, HTTP_GET, 404, 300, &no_trace);
    const struct config config = {0};
    cJSON *document = document_of(&config, NULL);
    const cJSON *latency = at(document, "latency");
    assert_int_equal(cJSON_GetArraySize(at(latency, "bounds_seconds")), METRICS_SECONDS_BUCKET_COUNT);
    assert_true(cJSON_GetArrayItem(at(latency, "bounds_seconds"), 1)->valuedouble == 0.00025);
    assert_counts(at(latency, "increments"), 0, 1, 1);
    assert_counts(at(latency, "reads"), 2, 2, 3);
    assert_counts(at(latency, "reads"), METRICS_SECONDS_BUCKET_COUNT, 1, 3);
    cJSON_Delete(document);
}

static void test_a_report_is_the_instances_own_words(void **state)
{
    struct channel_pool *pool = (struct channel_pool *)&metrics; /* only its address matters */
    const struct config config = {0};
    (void)state;
    report = "{\"status\":\"ok\",\"components\":{\"redis\":{\"detail\":\"</script>\\u202e\"}}}";
    wanted = 0;
    cJSON *document = document_of(&config, pool);
    const cJSON *told = cJSON_GetArrayItem(at(document, "reports"), 0);
    assert_string_equal(at(told, "target")->valuestring, "a\"<b>:1");
    assert_number(told, "age_ms", 1500);
    assert_string_equal(at(at(told, "health"), "status")->valuestring, "ok");
    assert_int_equal(wanted, 1);
    cJSON_Delete(document);
}

static void test_what_is_no_report_is_unknown(void **state)
{
    static const char *const others[] = {NULL, "", "{", "[]", "1", "{} ", "{}{}", "{\"a\":\"\xff\"}", "null", "{}]}"};
    struct channel_pool *pool = (struct channel_pool *)&metrics;
    const struct config config = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        report = others[i];
        cJSON *document = document_of(&config, pool);
        const cJSON *told = cJSON_GetArrayItem(at(document, "reports"), 0);
        assert_true(cJSON_IsNull(at(told, "age_ms")) && cJSON_IsNull(at(told, "health")));
        cJSON_Delete(document);
    }
}

static void test_rankings_are_named_with_their_windows(void **state)
{
    (void)state;
    struct ranking_config rankings[] = {
        {.counter_type = (char[]){"like"}, .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true}},
        {.counter_type = (char[]){"view"}, .rolling = {{"24h", 1}, {"1h", 1}}, .rolling_count = 2},
    };
    const struct config config = {.rankings = rankings, .ranking_count = 2};
    cJSON *document = document_of(&config, NULL);
    char *text = cJSON_PrintUnformatted(at(document, "rankings"));
    assert_string_equal(text, "[{\"counter_type\":\"like\",\"windows\":[\"day\",\"all\"]},"
                              "{\"counter_type\":\"view\",\"windows\":[\"24h\",\"1h\"]}]");
    cJSON_free(text);
    cJSON_Delete(document);
}

static int set_up(void **state)
{
    (void)state;
    request_metrics_init(&metrics, routes, sizeof(routes) / sizeof(routes[0]));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_are_those_of_the_metrics),
        cmocka_unit_test(test_durations_are_of_the_apis_writes_and_reads),
        cmocka_unit_test(test_a_report_is_the_instances_own_words),
        cmocka_unit_test(test_what_is_no_report_is_unknown),
        cmocka_unit_test(test_rankings_are_named_with_their_windows),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
