#include "gateway/http/request_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_what_is_nearly_an_idempotency_key_is_noticed(void **state)
{
    static const char *const names[] = {"X-Idempotency-Key", "IdempotencyKey",     "Idempotency_Key", "IDEMPOTENT-ID",
                                        "My-Idempotence",    "Idempotency-Key-Id", "Idempotency"};
    static const char *const others[] = {"Identity-Key", "idempote", "", "Host"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(request_field_is_misnamed_key(text_of(names[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(request_field_is_misnamed_key(text_of(others[i])));
    }
}

static void test_every_field_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUEST_FIELDS; i++) {
        assert_true(request_fields[i].name.len > 0);
        for (size_t j = 0; j < i; j++) {
            assert_false(text_equal(request_fields[i].name, request_fields[j].name));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_nearly_an_idempotency_key_is_noticed),
        cmocka_unit_test(test_every_field_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
