#include "counter-service/redis/redis_error.h"

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
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOAUTH Authentication required.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
        "NOSCRIPT No matching script. Please use EVAL.",
        "ERR unknown command 'EVALSHA', with args beginning with: 'abc' '0'",
        "MOVED 1234 127.0.0.1:7001",
        "ASK 1234 127.0.0.1:7001",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CLUSTERDOWN Hash slot not served",
        "CROSSSLOT Keys in request don't hash to the same slot",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_refusal refusal = write_error(errors[i]);
        assert_int_equal(refusal.status, STATUS_REDIS_DOWN);
        assert_int_equal(status_outcome(refusal.status), OUTCOME_NOT_APPLIED);
        assert_non_null(refusal.detail);
    }
}

static void test_a_redis_that_only_reads_is_told_from_one_that_is_down(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "OOM command not allowed when used memory > 'maxmemory'.",
        "OOM allow-oom flag is not set on the script,  can not run it when used memory > 'maxmemory'",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk.",
        "NOREPLICAS Not enough good replicas to write.",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_refusal refusal = write_error(errors[i]);
        assert_int_equal(refusal.status, STATUS_WRITES_REFUSED);
        assert_int_equal(status_outcome(refusal.status), OUTCOME_NOT_APPLIED);
        assert_false(status_is_retriable(refusal.status));
        assert_true(redis_error_refuses_writes(text_of(errors[i])));
    }
    assert_false(redis_error_refuses_writes(TEXT("READONLY You can't write against a read only replica.")));
    assert_false(redis_error_refuses_writes(TEXT("ERR something new")));
}

static void test_a_refused_item_was_not_applied(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "ERR The user executing the script can't run this command or subcommand",
        "ERR Unknown Redis command called from script",
        "NOPERM User tally has no permissions to run the 'hincrby' command",
        "something new",
        "",
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct redis_refusal refusal = redis_error_of_refused_item(text_of(errors[i]));
        assert_int_equal(refusal.status, STATUS_REDIS_DOWN);
        assert_non_null(refusal.detail);
        assert_int_equal(refusal.closes_connection, i < 3);
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

static void test_a_redis_that_is_no_longer_the_right_one_loses_its_connection(void **state)
{
    (void)state;
    assert_true(write_error("READONLY You can't write against a read only replica.").closes_connection);
    assert_true(write_error("MOVED 1234 127.0.0.1:7001").closes_connection);
    assert_true(write_error("NOPERM this user has no permissions").closes_connection);
    assert_true(write_error("ERR unknown command 'EVALSHA', with args").closes_connection);
    assert_false(write_error("TRYAGAIN x").closes_connection);
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
        cmocka_unit_test(test_a_redis_that_only_reads_is_told_from_one_that_is_down),
        cmocka_unit_test(test_a_refused_item_was_not_applied),
        cmocka_unit_test(test_everything_else_is_unknown),
        cmocka_unit_test(test_an_unknown_script_is_sent_again),
        cmocka_unit_test(test_a_redis_that_is_no_longer_the_right_one_loses_its_connection),
        cmocka_unit_test(test_a_read_is_never_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
