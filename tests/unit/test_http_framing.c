#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http_framing.h"

static const char *fault_of(const char *const lengths[], const char *const encodings[])
{
    struct http_framing framing = {0};
    for (size_t i = 0; lengths[i] != NULL; i++) {
        http_framing_content_length(&framing, text_of(lengths[i]));
    }
    for (size_t i = 0; encodings[i] != NULL; i++) {
        http_framing_transfer_encoding(&framing, text_of(encodings[i]));
    }
    return http_framing_fault(&framing);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE ((const char *const[]){NULL})

static void test_clear_framing_is_accepted(void **state)
{
    (void)state;
    assert_null(fault_of(NONE, NONE));
    assert_null(fault_of(LIST("0"), NONE));
    assert_null(fault_of(LIST("65536"), NONE));
    assert_null(fault_of(NONE, LIST("chunked")));
    assert_null(fault_of(NONE, LIST("Chunked")));
}

static void test_a_repeated_content_length_is_refused_even_if_equal(void **state)
{
    (void)state;
    assert_string_equal(fault_of(LIST("5", "5"), NONE), "Content-Length must not be repeated");
}

static void test_both_framings_at_once_are_refused(void **state)
{
    (void)state;
    assert_string_equal(fault_of(LIST("5"), LIST("chunked")),
                        "Content-Length and Transfer-Encoding must not be sent together");
}

static void test_a_content_length_that_is_not_a_decimal_number_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"", "+5", "-1", "5 ", "0x10", "5,5", "184467440737095516160"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(fault_of(LIST(bad[i]), NONE), "Content-Length must be a decimal number");
    }
}

static void test_a_transfer_encoding_other_than_chunked_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"gzip, chunked", "identity", "chunked, chunked", "", " chunked"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(fault_of(NONE, LIST(bad[i])), "Transfer-Encoding must be exactly chunked");
    }
    assert_string_equal(fault_of(NONE, LIST("chunked", "chunked")), "Transfer-Encoding must be exactly chunked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear_framing_is_accepted),
        cmocka_unit_test(test_a_repeated_content_length_is_refused_even_if_equal),
        cmocka_unit_test(test_both_framings_at_once_are_refused),
        cmocka_unit_test(test_a_content_length_that_is_not_a_decimal_number_is_refused),
        cmocka_unit_test(test_a_transfer_encoding_other_than_chunked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
