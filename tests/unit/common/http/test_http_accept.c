#include "common/http/http_accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLAIN, OPEN };

static const struct http_form forms[] = {
    [PLAIN] = {"text/plain", "0.0.4"},
    [OPEN] = {"application/openmetrics-text", "1.0.0"},
};

#define OPEN_1 "application/openmetrics-text; version=1.0.0"

struct choice {
    const char *accept;
    size_t chosen;
};

static void assert_chosen(const struct choice *choices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t chosen = http_accept_choose(text_of(choices[i].accept), forms, 2);
        if (chosen != choices[i].chosen) {
            fail_msg("%zu for: %s", chosen, choices[i].accept);
        }
    }
}

#define ASSERT_CHOSEN(choices) assert_chosen(choices, sizeof(choices) / sizeof((choices)[0]))

static void test_what_prometheus_sends_is_understood(void **state)
{
    (void)state;
    static const struct choice choices[] = {
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         OPEN},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         OPEN},
        {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PLAIN},
        {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
         "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         OPEN},
        {"text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PLAIN},
    };
    ASSERT_CHOSEN(choices);
}

static void test_who_does_not_ask_for_the_other_gets_the_first(void **state)
{
    (void)state;
    static const struct choice choices[] = {
        {"", PLAIN},           {"*/*", PLAIN},
        {"text/*", PLAIN},     {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PLAIN},
        {"image/png", PLAIN},  {"application/openmetrics-text; version=0.0.1", PLAIN},
        {"text/plain", PLAIN}, {"text/plain," OPEN_1, PLAIN},
    };
    ASSERT_CHOSEN(choices);
}

static void test_the_higher_weight_wins(void **state)
{
    (void)state;
    static const struct choice choices[] = {
        {OPEN_1, OPEN},
        {"application/openmetrics-text", OPEN},
        {"application/*", OPEN},
        {"APPLICATION/OpenMetrics-Text ;\tVERSION=1.0.0 ; Q=1", OPEN},
        {"application/openmetrics-text;version=\"1.0.0\"", OPEN},
        {OPEN_1 ";charset=utf-8", OPEN},
        {OPEN_1 ";q=0.001", OPEN},
        {"text/plain;q=0.4," OPEN_1 ";q=0.399", PLAIN},
        {"text/plain;q=0.399," OPEN_1 ";q=0.4", OPEN},
        {"text/plain;q=0.9," OPEN_1 ";q=1.000", OPEN},
        {"application/openmetrics-text;q=0.9;version=1.0.0,text/plain;q=0.1", OPEN},
        {"application/openmetrics-text;q=0.1;version=1.0.0,application/openmetrics-text;q=0.7,text/plain;q=0.5", PLAIN},
    };
    ASSERT_CHOSEN(choices);
}

static void test_a_weight_of_0_is_a_refusal_and_the_closest_range_decides(void **state)
{
    (void)state;
    static const struct choice choices[] = {
        {OPEN_1 ";q=0", PLAIN},
        {OPEN_1 ";q=0.000,*/*", PLAIN},
        {"*/*," OPEN_1 ";q=0", PLAIN},
        {"text/plain;q=0", PLAIN},
        {"text/plain;q=0,*/*", OPEN},
        {"text/*;q=0,*/*;q=0.1", OPEN},
        {"*/*;q=0.1,text/*;q=0,text/plain;q=0.2", PLAIN},
        {"application/*;q=0," OPEN_1, OPEN},
        {"*/*;q=0", PLAIN},
    };
    ASSERT_CHOSEN(choices);
}

static void test_what_is_malformed_is_passed_over(void **state)
{
    (void)state;
    static const struct choice choices[] = {
        {",,;;,=,\",", PLAIN},
        {",\t ," OPEN_1 " ,", OPEN},
        {OPEN_1 ";q=", PLAIN},
        {OPEN_1 ";q=2", PLAIN},
        {OPEN_1 ";q=-1", PLAIN},
        {OPEN_1 ";q=1.001", PLAIN},
        {OPEN_1 ";q=0.1234", PLAIN},
        {OPEN_1 ";q=.5", PLAIN},
        {OPEN_1 ";q=0,5", PLAIN},
        {OPEN_1 ";q=1e0", PLAIN},
        {OPEN_1 ";q=nan", PLAIN},
        {OPEN_1 ";q=\"1\"", PLAIN},
        {"application/openmetrics-text;version", PLAIN},
        {"application/openmetrics-text;version=\"1.0.0", PLAIN},
        {"application/openmetrics-text;version=1.0.0.0", PLAIN},
        {"application/openmetrics-text\"", PLAIN},
        {"application/openmetrics-textual", PLAIN},
        {"xapplication/*", PLAIN},
        {"*", PLAIN},
        {"*; q=.2, */*; q=.2", PLAIN},
        {"x;y=\"," OPEN_1 ",\"", PLAIN},
        {"x;y=\"\\\",\"," OPEN_1, OPEN},
        {"\"\\", PLAIN},
        {"text/plain;q=bad,*/*", PLAIN},
        {"\x80\xff/\x01," OPEN_1, OPEN},
    };
    ASSERT_CHOSEN(choices);
}

static void test_a_long_value_is_read_to_its_end(void **state)
{
    (void)state;
    static const char *const fillings[] = {",", ";", "\"", "\\", "=", "a", "*/*;q=0,", "x;version=9;q=0.1,"};
    enum { LEN = 100000 };
    char *value = malloc(LEN + sizeof(OPEN_1) + 2);
    assert_non_null(value);
    for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
        const size_t step = strlen(fillings[i]);
        for (size_t at = 0; at < LEN; at++) {
            value[at] = fillings[i][at % step];
        }
        memcpy(value + LEN - LEN % step, "," OPEN_1, sizeof("," OPEN_1));
        assert_int_equal(http_accept_choose(text_of(value), forms, 2), OPEN);
    }
    free(value);
}

/* Every prefix of a value, in memory of exactly its size: a reader that goes on shows under a sanitizer. */
static void test_nothing_behind_the_value_is_read(void **state)
{
    (void)state;
    const struct text whole = TEXT("a/b;c=\"\\\"\";q=0.123 , text/*;version=\"0.0.4\" ; q=1");
    for (size_t len = 0; len <= whole.len; len++) {
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy + 1, whole.data, len);
        assert_int_equal(http_accept_choose((struct text){copy + 1, len}, forms, 2), PLAIN);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_prometheus_sends_is_understood),
        cmocka_unit_test(test_who_does_not_ask_for_the_other_gets_the_first),
        cmocka_unit_test(test_the_higher_weight_wins),
        cmocka_unit_test(test_a_weight_of_0_is_a_refusal_and_the_closest_range_decides),
        cmocka_unit_test(test_what_is_malformed_is_passed_over),
        cmocka_unit_test(test_a_long_value_is_read_to_its_end),
        cmocka_unit_test(test_nothing_behind_the_value_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
