#include "common/process/process_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static void test_the_soft_limit_of_files_becomes_the_hard_one(void **state)
{
    (void)state;
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 128};
    int64_t raised = 0;
    struct error error;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(process_limits_raise_files(&raised, &error), 0);
    assert_int_equal(raised, 128);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_soft_limit_of_files_becomes_the_hard_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
