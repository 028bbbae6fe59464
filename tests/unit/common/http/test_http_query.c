#include "common/http/http_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Writes the parameters of query as "[name=value]", one that cannot be decoded as "!". */
static const char *read_all(struct text query)
{
    static char out[256];
    static char copy[128];
    size_t len = 0;
    struct text name;
    struct text value;
    enum http_query_step step;
    assert_true(query.len <= sizeof(copy));
    memcpy(copy, query.data, query.len);
    struct http_query cursor = http_query_of(copy, query.len);
    out[0] = '\0';
    while ((step = http_query_next(&cursor, &name, &value)) != HTTP_QUERY_END) {
        if (step == HTTP_QUERY_MALFORMED) {
            len += (size_t)snprintf(out + len, sizeof(out) - len, "!");
        } else {
            len += (size_t)snprintf(out + len, sizeof(out) - len, "[%.*s=%.*s]", (int)name.len, name.data,
                                    (int)value.len, value.data);
        }
    }
    return out;
}

static void assert_read(const char *query, const char *wanted)
{
    assert_string_equal(read_all(text_of(query)), wanted);
}

static void test_parameters_are_read_in_their_order(void **state)
{
    static const char *const queries[][2] = {
        {"", ""},
        {"window=day&limit=10", "[window=day][limit=10]"},
        {"a=1&a=2", "[a=1][a=2]"},
        {"a=b=c", "[a=b=c]"},
        {"a==", "[a==]"},
        {"a", "[a=]"},
        {"a=", "[a=]"},
        {"=b", "[=b]"},
        {"=", "[=]"},
        {"&", ""},
        {"&&a=1&&b&", "[a=1][b=]"},
        {"a;b=1", "[a;b=1]"},
        {"a?b=/", "[a?b=/]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_read(queries[i][0], queries[i][1]);
    }
}

static void test_names_and_values_are_decoded_once(void **state)
{
    static const char *const queries[][2] = {
        {"a+b=c+d", "[a b=c d]"}, {"a%2Bb=%2b", "[a+b=+]"},     {"%26=%3D&x", "[&==][x=]"}, {"a%3Db=c", "[a=b=c]"},
        {"a=%2541", "[a=%41]"},   {"a=%C3%A9", "[a=\xC3\xA9]"}, {"a=%20", "[a= ]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_read(queries[i][0], queries[i][1]);
    }
}

static void test_what_cannot_be_decoded_is_told_and_passed_over(void **state)
{
    static const char *const queries[][2] = {
        {"a=%", "!"},          {"a=%4", "!"},           {"%zz=1", "!"},         {"a=%00", "!"},    {"%00", "!"},
        {"a=%&b=1", "![b=1]"}, {"b=1&%+1=2", "[b=1]!"}, {"a=%4&1=b", "![1=b]"}, {"%=1&%=2", "!!"}, {"a%3=4&b", "![b=]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_read(queries[i][0], queries[i][1]);
    }
    assert_string_equal(read_all((struct text){"a\0=1", 4}), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_are_read_in_their_order),
        cmocka_unit_test(test_names_and_values_are_decoded_once),
        cmocka_unit_test(test_what_cannot_be_decoded_is_told_and_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
