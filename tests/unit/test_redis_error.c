#include "counter-service/redis_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct redis_refusal write_error(const char *text)
{
    return redis_error_of_write(text_of(text));
}

static void test_refusals_before_a_command_runs_are_not_applied(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "OOM command not allowed when used memory > 'maxmemory'.",
        "OOM allow-oom flag is not set on the script,  can not run it when used memory > 'maxmemory'",
        "READONLY You can't write against a read only replica.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk.",
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "NOREPLICAS Not enough good replicas to write.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOAUTH Authentication required.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
        "NOSCRIPT No matching script. Please use EVAL.",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_refusal refusal = write_error(errors[i]);
        assert_int_equal(refusal.status, STATUS_REDIS_DOWN);
        assert_int_equal(status_outcome(refusal.status), OUTCOME_NOT_APPLIED);
        assert_non_null(refusal.detail);
    }
}

static void test_everything_else_is_unknown(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "ERR something new",
        "",
        "OOMPH",
        "oom in lower case",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR user_script:12: attempt to index a nil value script: 2f1c, on @user_script:12.",
        "OOM command not allowed when used memory > 'maxmemory'. script: 2f1c, on @user_script:3.",
        "NOSCRIPT a lie script: 2f1c",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_refusal refusal = write_error(errors[i]);
        assert_int_equal(refusal.status, STATUS_REPLY_LOST);
        assert_int_equal(status_outcome(refusal.status), OUTCOME_UNKNOWN);
        assert_false(refusal.unknown_script);
    }
}

static void test_an_unknown_script_is_sent_again(void **state)
{
    (void)state;
    assert_true(write_error("NOSCRIPT No matching script. Please use EVAL.").unknown_script);
    assert_false(write_error("OOM command not allowed").unknown_script);
}

static void test_only_a_replica_loses_its_connection(void **state)
{
    (void)state;
    assert_true(write_error("READONLY You can't write against a read only replica.").closes_connection);
    assert_false(write_error("OOM command not allowed").closes_connection);
    assert_false(write_error("MISCONF x").closes_connection);
    assert_false(write_error("ERR x").closes_connection);
}

static void test_a_read_is_never_unknown(void **state)
{
    (void)state;
    assert_int_equal(redis_error_of_read(TEXT("WRONGTYPE Operation against a key")).status, STATUS_DATA_DAMAGED);
    assert_int_equal(redis_error_of_read(TEXT("LOADING x")).status, STATUS_REDIS_DOWN);
    assert_int_equal(redis_error_of_read(TEXT("ERR x script: y")).status, STATUS_REDIS_DOWN);
    assert_int_equal(redis_error_of_read(TEXT("")).status, STATUS_REDIS_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_before_a_command_runs_are_not_applied),
        cmocka_unit_test(test_everything_else_is_unknown),
        cmocka_unit_test(test_an_unknown_script_is_sent_again),
        cmocka_unit_test(test_only_a_replica_loses_its_connection),
        cmocka_unit_test(test_a_read_is_never_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
