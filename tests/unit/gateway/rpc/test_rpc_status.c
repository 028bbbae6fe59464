#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/rpc/rpc_status.h"

#define UNSPECIFIED TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED

static void test_without_the_trailer_every_code_means_unknown(void **state)
{
    (void)state;
    for (int code = 1; code <= 16; code++) {
        assert_int_equal(status_outcome(rpc_status_of_call(code, TEXT(""), TEXT(""), TEXT(""))), OUTCOME_UNKNOWN);
        assert_int_equal(status_outcome(rpc_status_of_call(code, TEXT("unknown"), TEXT(""), TEXT(""))),
                         OUTCOME_UNKNOWN);
        assert_int_equal(status_outcome(rpc_status_of_call(code, TEXT("applied?"), TEXT(""), TEXT(""))),
                         OUTCOME_UNKNOWN);
    }
}

static void test_with_the_trailer_every_code_means_not_applied(void **state)
{
    (void)state;
    for (int code = 1; code <= 16; code++) {
        assert_int_equal(status_outcome(rpc_status_of_call(code, TEXT("not_applied"), TEXT(""), TEXT(""))),
                         OUTCOME_NOT_APPLIED);
    }
}

static void test_codes_keep_their_meaning(void **state)
{
    (void)state;
    assert_int_equal(rpc_status_of_call(3, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_INVALID_ARGUMENT);
    assert_int_equal(rpc_status_of_call(8, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_SHED);
    assert_int_equal(rpc_status_of_call(14, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_REDIS_DOWN);
    assert_int_equal(rpc_status_of_call(6, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_KEY_REUSED);
    assert_int_equal(rpc_status_of_call(10, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_NO_SESSION);
    assert_int_equal(rpc_status_of_call(12, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_UNIMPLEMENTED);
    assert_int_equal(rpc_status_of_call(5, TEXT("not_applied"), TEXT(""), TEXT("")), STATUS_NO_SUCH_RANKING);
    assert_int_equal(rpc_status_of_call(4, TEXT(""), TEXT(""), TEXT("")), STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(rpc_status_of_call(14, TEXT("not_applied"), TEXT(""), TEXT("-1")), STATUS_WRITES_REFUSED);
    assert_int_equal(rpc_status_of_call(14, TEXT("not_applied"), TEXT(""), TEXT("5")), STATUS_REDIS_DOWN);
    assert_int_equal(rpc_status_of_call(14, TEXT(""), TEXT(""), TEXT("-1")), STATUS_REPLY_LOST);
    assert_int_equal(rpc_status_of_call(8, TEXT("not_applied"), TEXT(""), TEXT("-1")), STATUS_SHED);
    assert_int_equal(rpc_status_of_call(10, TEXT(""), TEXT(""), TEXT("")), STATUS_REPLY_LOST);
    assert_int_equal(rpc_status_of_call(14, TEXT(""), TEXT(""), TEXT("")), STATUS_REPLY_LOST);
    assert_int_equal(rpc_status_of_call(2, TEXT("unknown"), TEXT("not-replicated"), TEXT("")), STATUS_NOT_REPLICATED);
    assert_int_equal(rpc_status_of_call(14, TEXT("unknown"), TEXT("not-replicated"), TEXT("")), STATUS_REPLY_LOST);
    assert_int_equal(rpc_status_of_item(2, TALLY__V1__ERROR_REASON__NOT_REPLICATED), STATUS_NOT_REPLICATED);
}

static void test_an_item_s_reason_tells_its_precondition(void **state)
{
    (void)state;
    assert_int_equal(rpc_status_of_item(9, TALLY__V1__ERROR_REASON__TOO_MANY_COUNTER_TYPES),
                     STATUS_TOO_MANY_COUNTER_TYPES);
    assert_int_equal(rpc_status_of_item(9, TALLY__V1__ERROR_REASON__DATA_DAMAGED), STATUS_DATA_DAMAGED);
    assert_int_equal(rpc_status_of_item(9, UNSPECIFIED), STATUS_DATA_DAMAGED);
}

static void test_an_item_s_reason_tells_why_it_is_unavailable(void **state)
{
    (void)state;
    assert_int_equal(rpc_status_of_item(14, UNSPECIFIED), STATUS_REDIS_DOWN);
    assert_int_equal(rpc_status_of_item(14, TALLY__V1__ERROR_REASON__WRITES_REFUSED), STATUS_WRITES_REFUSED);
    assert_int_equal(rpc_status_of_item(14, TALLY__V1__ERROR_REASON__DEADLINE_PASSED), STATUS_EXPIRED);
    assert_int_equal(rpc_status_of_item(14, (Tally__V1__ErrorReason)4711), STATUS_REDIS_DOWN);
    assert_int_equal(rpc_status_of_item(2, TALLY__V1__ERROR_REASON__WRITES_REFUSED), STATUS_REPLY_LOST);
}

static void test_an_item_is_unknown_only_by_unknown_and_deadline_exceeded(void **state)
{
    (void)state;
    for (int code = 1; code <= 16; code++) {
        const enum outcome expected = code == 2 || code == 4 ? OUTCOME_UNKNOWN : OUTCOME_NOT_APPLIED;
        assert_int_equal(status_outcome(rpc_status_of_item(code, UNSPECIFIED)), expected);
    }
    assert_int_equal(rpc_status_of_item(0, UNSPECIFIED), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_the_trailer_every_code_means_unknown),
        cmocka_unit_test(test_with_the_trailer_every_code_means_not_applied),
        cmocka_unit_test(test_codes_keep_their_meaning),
        cmocka_unit_test(test_an_item_s_reason_tells_its_precondition),
        cmocka_unit_test(test_an_item_s_reason_tells_why_it_is_unavailable),
        cmocka_unit_test(test_an_item_is_unknown_only_by_unknown_and_deadline_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
