#include "common/base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_decodes(struct text segment, struct text expected)
{
    char out[64];
    size_t len = 0;
    assert_int_equal(percent_decode(segment, out, &len), 0);
    assert_int_equal(len, expected.len);
    assert_memory_equal(out, expected.data, len);
}

static void test_what_is_not_encoded_stays(void **state)
{
    (void)state;
    assert_decodes(TEXT(""), TEXT(""));
    assert_decodes(TEXT("post:42+a b"), TEXT("post:42+a b"));
    assert_decodes(TEXT("\xC3\xA9"), TEXT("\xC3\xA9"));
}

static void test_digits_of_both_cases_are_decoded_once(void **state)
{
    (void)state;
    assert_decodes(TEXT("a%2Fb%2fc"), TEXT("a/b/c"));
    assert_decodes(TEXT("%C3%a9%ff%20"), TEXT("\xC3\xA9\xFF "));
    assert_decodes(TEXT("%2541"), TEXT("%41"));
}

static void test_a_percent_without_two_digits_is_refused(void **state)
{
    (void)state;
    static const char *const segments[] = {"%",   "a%",   "%4",  "a%4", "%g0", "%0g",
                                           "%4%", "%%41", "%-1", "% 1", "%@0", "%:0"};
    for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        char out[8];
        size_t len = 77;
        assert_int_equal(percent_decode(text_of(segments[i]), out, &len), -1);
        assert_int_equal(len, 77);
    }
}

static void test_a_percent_at_the_end_looks_at_nothing_behind_it(void **state)
{
    (void)state;
    char out[8];
    size_t len;
    assert_int_equal(percent_decode((struct text){"%411", 1}, out, &len), -1);
    assert_int_equal(percent_decode((struct text){"%411", 2}, out, &len), -1);
}

static void test_a_nul_byte_is_refused(void **state)
{
    (void)state;
    char out[8];
    size_t len;
    assert_int_equal(percent_decode(TEXT("a%00b"), out, &len), -1);
    assert_int_equal(percent_decode((struct text){"a\0b", 3}, out, &len), -1);
}

static void test_decoding_in_place_works(void **state)
{
    (void)state;
    char segment[] = "%41%42c%2f";
    size_t len = 0;
    assert_int_equal(percent_decode(text_of(segment), segment, &len), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(segment, "ABc/", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_encoded_stays),
        cmocka_unit_test(test_digits_of_both_cases_are_decoded_once),
        cmocka_unit_test(test_a_percent_without_two_digits_is_refused),
        cmocka_unit_test(test_a_percent_at_the_end_looks_at_nothing_behind_it),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_decoding_in_place_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
