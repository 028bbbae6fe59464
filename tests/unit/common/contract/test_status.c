#include "common/contract/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* google.rpc.Code */
enum { OK = 0, UNKNOWN = 2, DEADLINE_EXCEEDED = 4, RESOURCE_EXHAUSTED = 8, UNAVAILABLE = 14 };

static void test_http_code_and_outcome_tell_the_same_story(void **state)
{
    (void)state;
    for (enum status status = 0; status < STATUS_COUNT; status++) {
        const int http_code = status_http_code(status);
        assert_int_equal(status_outcome(status) == OUTCOME_APPLIED, http_code == 200);
        assert_int_equal(status_outcome(status) == OUTCOME_UNKNOWN, http_code == 504);
    }
}

static void test_only_two_codes_in_a_batch_reply_mean_unknown(void **state)
{
    (void)state;
    for (enum status status = 0; status < STATUS_COUNT; status++) {
        const int code = status_grpc_code(status);
        assert_int_equal(status_outcome(status) == OUTCOME_UNKNOWN, code == UNKNOWN || code == DEADLINE_EXCEEDED);
        assert_int_equal(status_outcome(status) == OUTCOME_APPLIED, code == OK);
    }
}

static void test_what_the_caller_did_wrong_is_not_retried(void **state)
{
    (void)state;
    for (enum status status = 0; status < STATUS_COUNT; status++) {
        if (status_http_code(status) < 500) {
            assert_false(status_is_retriable(status));
        }
    }
    assert_true(status_is_retriable(STATUS_SHED));
    assert_true(status_is_retriable(STATUS_REDIS_DOWN));
    assert_true(status_is_retriable(STATUS_REPLY_LOST));
}

static void test_a_refusal_of_redis_and_a_lost_reply_are_two_things(void **state)
{
    (void)state;
    assert_int_equal(status_grpc_code(STATUS_REDIS_DOWN), UNAVAILABLE);
    assert_int_equal(status_http_code(STATUS_REDIS_DOWN), 503);
    assert_int_equal(status_outcome(STATUS_REDIS_DOWN), OUTCOME_NOT_APPLIED);
    assert_int_equal(status_grpc_code(STATUS_REPLY_LOST), UNKNOWN);
    assert_int_equal(status_http_code(STATUS_REPLY_LOST), 504);
    assert_int_equal(status_outcome(STATUS_REPLY_LOST), OUTCOME_UNKNOWN);
    assert_int_equal(status_grpc_code(STATUS_SHED), RESOURCE_EXHAUSTED);
    assert_int_equal(status_outcome(STATUS_SHED), OUTCOME_NOT_APPLIED);
}

static void test_names_and_slugs_are_unique_and_clean(void **state)
{
    (void)state;
    for (enum status a = 0; a < STATUS_COUNT; a++) {
        assert_int_equal(strspn(status_slug(a), "abcdefghijklmnopqrstuvwxyz-"), strlen(status_slug(a)));
        assert_true(strlen(status_title(a)) > 0);
        for (enum status b = 0; b < a; b++) {
            assert_string_not_equal(status_name(a), status_name(b));
            /* A caller need not know which it was. */
            assert_true(strcmp(status_slug(a), status_slug(b)) != 0 || (a == STATUS_OUT_OF_MEMORY && b == STATUS_SHED));
        }
    }
    assert_string_equal(status_name(STATUS_INVALID_ARGUMENT), "INVALID_ARGUMENT");
}

static void test_outcomes_have_their_names_of_the_trailer(void **state)
{
    (void)state;
    assert_string_equal(outcome_name(OUTCOME_APPLIED), "applied");
    assert_string_equal(outcome_name(OUTCOME_NOT_APPLIED), "not_applied");
    assert_string_equal(outcome_name(OUTCOME_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_code_and_outcome_tell_the_same_story),
        cmocka_unit_test(test_only_two_codes_in_a_batch_reply_mean_unknown),
        cmocka_unit_test(test_what_the_caller_did_wrong_is_not_retried),
        cmocka_unit_test(test_a_refusal_of_redis_and_a_lost_reply_are_two_things),
        cmocka_unit_test(test_names_and_slugs_are_unique_and_clean),
        cmocka_unit_test(test_outcomes_have_their_names_of_the_trailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
