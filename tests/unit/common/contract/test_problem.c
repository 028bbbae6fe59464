#include "common/contract/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_written(const struct buffer *out, const char *expected)
{
    assert_false(out->failed);
    assert_int_equal(out->len, strlen(expected));
    assert_memory_equal(out->data, expected, out->len);
}

static void test_a_problem_of_a_write_tells_its_outcome(void **state)
{
    (void)state;
    struct buffer out = {0};
    problem_write(&out, "overflow", "The value would overflow", 409, "value would exceed int64", "not_applied");
    assert_written(&out, "{\"type\":\"/problems/overflow\",\"title\":\"The value would overflow\",\"status\":409,"
                         "\"detail\":\"value would exceed int64\",\"outcome\":\"not_applied\"}");
    buffer_done(&out);
}

static void test_a_problem_of_no_write_has_no_outcome(void **state)
{
    (void)state;
    struct buffer out = {0};
    problem_write(&out, "not-found", "Not found", 404, "no such route", NULL);
    assert_written(&out, "{\"type\":\"/problems/not-found\",\"title\":\"Not found\",\"status\":404,"
                         "\"detail\":\"no such route\"}");
    buffer_done(&out);
}

static void test_the_detail_is_escaped(void **state)
{
    (void)state;
    struct buffer out = {0};
    problem_write(&out, "invalid-argument", "Invalid argument", 400, "unknown field \"a\\b\"", NULL);
    assert_written(&out, "{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\",\"status\":400,"
                         "\"detail\":\"unknown field \\\"a\\\\b\\\"\"}");
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_problem_of_a_write_tells_its_outcome),
        cmocka_unit_test(test_a_problem_of_no_write_has_no_outcome),
        cmocka_unit_test(test_the_detail_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
