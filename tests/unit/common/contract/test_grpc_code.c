#include "common/contract/grpc_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_code_has_a_name_and_a_place_of_its_own(void **state)
{
    (void)state;
    for (int code = 0; code < GRPC_CODES; code++) {
        assert_int_equal(grpc_code_index(code), code);
        assert_non_null(grpc_code_name(code));
    }
    assert_string_equal(grpc_code_name(0), "OK");
    assert_string_equal(grpc_code_name(16), "UNAUTHENTICATED");
}

static void test_a_code_that_grpc_does_not_have_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(grpc_code_index(-1), 2);
    assert_int_equal(grpc_code_index(GRPC_CODES), 2);
    assert_string_equal(grpc_code_name(-1), "UNKNOWN");
    assert_string_equal(grpc_code_name(GRPC_CODES), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_a_name_and_a_place_of_its_own),
        cmocka_unit_test(test_a_code_that_grpc_does_not_have_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
