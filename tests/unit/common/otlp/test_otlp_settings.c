/* What configuration and variables come to. */
#include "common/otlp/otlp_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ON "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"

enum { VARIABLES_MAX = 4 };

/* yaml: what the configuration says of tracing. */
static struct otlp_settings read_settings(const char *yaml, char *const environment[VARIABLES_MAX])
{
    struct error error = {.message = ""};
    struct otlp_settings settings;
    char *const nothing[] = {NULL};
    struct config *config = config_load_text("test", yaml, strlen(yaml), nothing, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(otlp_settings_init(&settings, config, environment, "tally-test", &error), 0);
    config_free(config);
    return settings;
}

static struct otlp_settings read_variables(char *first, char *second, char *third)
{
    char *const environment[VARIABLES_MAX] = {first, second, third};
    return read_settings("", environment);
}

static const struct span_attribute *find(const struct otlp_settings *settings, const char *key)
{
    const struct span_attribute *found = NULL;
    for (size_t i = 0; i < settings->resource_count; i++) {
        if (strcmp(settings->resource[i].key, key) == 0) {
            assert_null(found);
            found = &settings->resource[i];
        }
    }
    return found;
}

static void assert_attribute(const struct otlp_settings *settings, const char *key, const char *text)
{
    const struct span_attribute *found = find(settings, key);
    assert_non_null(found);
    assert_true(text_equal(found->text, text_of(text)));
}

/* ---- where to ---- */

static void assert_url(const char *yaml, char *first, char *second, const char *url)
{
    char *const environment[VARIABLES_MAX] = {first, second};
    struct otlp_settings settings = read_settings(yaml, environment);
    if (url == NULL) {
        assert_null(settings.url);
    } else {
        assert_non_null(settings.url);
        assert_string_equal(settings.url, url);
    }
    otlp_settings_done(&settings);
}

static void test_without_an_endpoint_it_is_off(void **state)
{
    (void)state;
    assert_url("", NULL, NULL, NULL);
    assert_url("", "OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=", NULL);
    assert_url("", "OTEL_SERVICE_NAME=x", NULL, NULL);
}

static void test_an_endpoint_is_a_base_but_that_of_traces(void **state)
{
    (void)state;
    assert_url("tracing: {endpoint: 'http://a:1'}", NULL, NULL, "http://a:1/v1/traces");
    assert_url("tracing: {endpoint: 'https://a/b/'}", NULL, NULL, "https://a/b/v1/traces");
    assert_url("", "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1/", NULL, "http://a:1/v1/traces");
    assert_url("", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://a:1/x", NULL, "http://a:1/x");
}

static void test_the_own_key_wins_then_the_variable_of_traces(void **state)
{
    (void)state;
    assert_url("tracing: {endpoint: 'http://a:1'}", ON, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:2/x",
               "http://a:1/v1/traces");
    assert_url("", ON, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:2/x", "http://t:2/x");
}

static void test_what_is_no_url_is_passed_over(void **state)
{
    (void)state;
    assert_url("", "OTEL_EXPORTER_OTLP_ENDPOINT=c:4318", NULL, NULL);
    assert_url("", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=ftp://x/", ON, "http://c:4318/v1/traces");
}

static void test_a_protocol_that_is_not_there_turns_it_off(void **state)
{
    (void)state;
    assert_url("", ON, "OTEL_TRACES_EXPORTER=none", NULL);
    assert_url("", ON, "OTEL_TRACES_EXPORTER=otlp", "http://c:4318/v1/traces");
    assert_url("", ON, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", NULL);
    assert_url("", ON, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", NULL);
    assert_url("", ON, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "http://c:4318/v1/traces");
    /* Of the variables' endpoint only. */
    assert_url("tracing: {endpoint: 'http://own:1'}", ON, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "http://own:1/v1/traces");
}

static void test_it_can_be_disabled(void **state)
{
    (void)state;
    assert_url("tracing: {endpoint: 'http://a:1'}", "OTEL_SDK_DISABLED=true", NULL, NULL);
    assert_url("", ON, "OTEL_SDK_DISABLED=True", NULL);
    assert_url("", ON, "OTEL_SDK_DISABLED=1", "http://c:4318/v1/traces");
    assert_url("", ON, "OTEL_SDK_DISABLED=false", "http://c:4318/v1/traces");
}

/* ---- headers ---- */

static void assert_headers(const char *yaml, char *first, char *second, const char *one, const char *two)
{
    char *const environment[VARIABLES_MAX] = {ON, first, second};
    struct otlp_settings settings = read_settings(yaml, environment);
    const char *const expected[] = {"Content-Type: application/x-protobuf", "Content-Encoding: gzip", one, two, NULL};
    size_t count = 0;
    for (; expected[count] != NULL; count++) {
        assert_true(count < settings.header_count);
        assert_string_equal(settings.headers[count], expected[count]);
    }
    assert_int_equal(settings.header_count, count);
    otlp_settings_done(&settings);
}

static void test_headers_are_decoded(void **state)
{
    (void)state;
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS= api-key = a%20b%2Cc , X-Two=Basic dXNlcg==", NULL, "api-key: a b,c",
                   "X-Two: Basic dXNlcg==");
}

static void test_headers_of_the_key_win_then_those_of_traces(void **state)
{
    (void)state;
    assert_headers("tracing: {headers: ['X-Own: 1']}", "OTEL_EXPORTER_OTLP_HEADERS=a=b", NULL, "X-Own: 1", NULL);
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS=a=b", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=c=d", "c: d", NULL);
}

static void test_headers_that_cannot_be_sent_are_passed_over_together(void **state)
{
    (void)state;
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS=a=b,c", NULL, NULL, NULL);
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS=a=b,c=%0d%0aX: y", NULL, NULL, NULL);
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS=a=b,content-type=x", NULL, NULL, NULL);
    assert_headers("", "OTEL_EXPORTER_OTLP_HEADERS=a=b,c d=e", NULL, NULL, NULL);
}

/* ---- who ---- */

static void test_a_program_says_who_it_is(void **state)
{
    (void)state;
    char host[256] = "";
    (void)!gethostname(host, sizeof(host) - 1);
    struct otlp_settings settings = read_variables(ON, NULL, NULL);
    struct otlp_settings other = read_variables(ON, NULL, NULL);
    assert_int_equal(settings.resource_count, OTLP_OWN_ATTRIBUTES);
    assert_attribute(&settings, "service.name", "tally-test");
    assert_attribute(&settings, "service.version", TALLY_VERSION);
    assert_attribute(&settings, "host.name", host);
    assert_int_equal(find(&settings, "process.pid")->number, getpid());
    const struct text id = find(&settings, "service.instance.id")->text;
    assert_int_equal(id.len, 36);
    assert_int_equal(id.data[14], '4');
    assert_non_null(memchr("89ab", id.data[19], 4));
    assert_false(text_equal(id, find(&other, "service.instance.id")->text));
    otlp_settings_done(&other);
    otlp_settings_done(&settings);
}

static void test_variables_say_more_or_otherwise(void **state)
{
    (void)state;
    struct otlp_settings settings =
        read_variables(ON,
                       "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=prod%2Fx,service.name=listed,"
                       "service.instance.id=mine,k=a=b",
                       NULL);
    assert_attribute(&settings, "deployment.environment.name", "prod/x");
    assert_attribute(&settings, "service.name", "listed");
    assert_attribute(&settings, "service.instance.id", "mine");
    assert_attribute(&settings, "k", "a=b");
    assert_int_equal(settings.resource_count, OTLP_OWN_ATTRIBUTES + 2);
    otlp_settings_done(&settings);
    settings = read_variables(ON, "OTEL_SERVICE_NAME=named", "OTEL_RESOURCE_ATTRIBUTES=service.name=listed");
    assert_attribute(&settings, "service.name", "named");
    otlp_settings_done(&settings);
}

static void test_a_malformed_list_is_passed_over_whole(void **state)
{
    (void)state;
    static char *const lists[] = {
        "OTEL_RESOURCE_ATTRIBUTES=a=b,c",     "OTEL_RESOURCE_ATTRIBUTES=a=b,=c",
        "OTEL_RESOURCE_ATTRIBUTES=a=b,c=%zz", "OTEL_RESOURCE_ATTRIBUTES=a=b,c=%2",
        "OTEL_RESOURCE_ATTRIBUTES=a=b,",      "OTEL_RESOURCE_ATTRIBUTES=,a=b",
        "OTEL_RESOURCE_ATTRIBUTES=a=b,,c=d",  "OTEL_RESOURCE_ATTRIBUTES=a=b, ",
        "OTEL_RESOURCE_ATTRIBUTES=a=b,c=%FF", "OTEL_RESOURCE_ATTRIBUTES=a=b,c=d%00e",
        "OTEL_RESOURCE_ATTRIBUTES=a=b, =c=d",
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct otlp_settings settings = read_variables(ON, lists[i], NULL);
        assert_int_equal(settings.resource_count, OTLP_OWN_ATTRIBUTES);
        assert_attribute(&settings, "service.name", "tally-test");
        otlp_settings_done(&settings);
    }
}

static void test_lists_are_bounded(void **state)
{
    (void)state;
    char list[1024] = "OTEL_RESOURCE_ATTRIBUTES=";
    for (int i = 0; i < OTLP_PAIRS_MAX; i++) {
        const size_t len = strlen(list);
        snprintf(list + len, sizeof(list) - len, "%sk%d=v", i == 0 ? "" : ",", i);
    }
    struct otlp_settings settings = read_variables(ON, list, NULL);
    assert_int_equal(settings.resource_count, OTLP_ATTRIBUTES_MAX);
    otlp_settings_done(&settings);
    const size_t used = strlen(list);
    snprintf(list + used, sizeof(list) - used, ",more=v");
    settings = read_variables(ON, list, NULL);
    assert_int_equal(settings.resource_count, OTLP_OWN_ATTRIBUTES);
    otlp_settings_done(&settings);
}

static void test_a_name_that_is_not_utf8_is_passed_over(void **state)
{
    (void)state;
    struct otlp_settings settings = read_variables(ON, "OTEL_SERVICE_NAME=\xFF", NULL);
    assert_attribute(&settings, "service.name", "tally-test");
    otlp_settings_done(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_endpoint_it_is_off),
        cmocka_unit_test(test_an_endpoint_is_a_base_but_that_of_traces),
        cmocka_unit_test(test_the_own_key_wins_then_the_variable_of_traces),
        cmocka_unit_test(test_what_is_no_url_is_passed_over),
        cmocka_unit_test(test_a_protocol_that_is_not_there_turns_it_off),
        cmocka_unit_test(test_it_can_be_disabled),
        cmocka_unit_test(test_headers_are_decoded),
        cmocka_unit_test(test_headers_of_the_key_win_then_those_of_traces),
        cmocka_unit_test(test_headers_that_cannot_be_sent_are_passed_over_together),
        cmocka_unit_test(test_a_program_says_who_it_is),
        cmocka_unit_test(test_variables_say_more_or_otherwise),
        cmocka_unit_test(test_a_malformed_list_is_passed_over_whole),
        cmocka_unit_test(test_lists_are_bounded),
        cmocka_unit_test(test_a_name_that_is_not_utf8_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
