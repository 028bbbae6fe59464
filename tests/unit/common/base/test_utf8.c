#include "common/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_characters_of_every_length_are_valid(void **state)
{
    (void)state;
    static const struct text valid[] = {
        {"", 0},
        {"a", 1},
        {"\0", 1},
        {"\x7F", 1},
        {"\xC2\x80", 2},         /* U+0080, the first of two bytes */
        {"\xDF\xBF", 2},         /* U+07FF */
        {"\xE0\xA0\x80", 3},     /* U+0800 */
        {"\xED\x9F\xBF", 3},     /* U+D7FF, before the surrogates */
        {"\xEE\x80\x80", 3},     /* U+E000, behind them */
        {"\xEF\xBF\xBF", 3},     /* U+FFFF */
        {"\xF0\x90\x80\x80", 4}, /* U+10000 */
        {"\xF4\x8F\xBF\xBF", 4}, /* U+10FFFF, the last one */
        {"plain ascii, longer than eight bytes", 36},
        {"12345678\xE2\x82\xAC"
         "12345678",
         19},
    };
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        assert_true(utf8_is_valid(valid[i]));
    }
}

static void test_what_is_not_a_character_is_invalid(void **state)
{
    (void)state;
    static const struct text invalid[] = {
        {"\x80", 1}, /* a continuation alone */
        {"\xBF", 1},
        {"\xC0\x80", 2},         /* overlong U+0000 */
        {"\xC1\xBF", 2},         /* overlong U+007F */
        {"\xE0\x9F\xBF", 3},     /* overlong U+07FF */
        {"\xF0\x8F\xBF\xBF", 4}, /* overlong U+FFFF */
        {"\xED\xA0\x80", 3},     /* U+D800, a surrogate */
        {"\xED\xBF\xBF", 3},     /* U+DFFF */
        {"\xF4\x90\x80\x80", 4}, /* U+110000 */
        {"\xF5\x80\x80\x80", 4},
        {"\xFF", 1},
        {"\xC2", 1}, /* cut */
        {"\xE2\x82", 2},
        {"\xF0\x9F\x98", 3},
        {"\xC2\x41", 2}, /* a lead byte without its continuation */
        {"\xE2\x82\x41", 3},
        {"\xF0\x9F\x98\xC0", 4},
        {"12345678\xFF", 9},
        {"1234567\xFF"
         "9",
         9},
    };
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        assert_false(utf8_is_valid(invalid[i]));
    }
}

/* The encoder of RFC 3629, section 3. */
static size_t encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    const size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(leads[len] | code_point);
    return len;
}

static void test_exactly_the_code_points_without_surrogates_are_characters(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point < 0x120000; code_point++) {
        char bytes[4];
        const size_t len = encode(code_point, bytes);
        const int is_character = code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
        assert_int_equal(utf8_char_len((struct text){bytes, len}), is_character ? len : 0);
    }
}

static void test_the_length_is_that_of_the_first_character(void **state)
{
    (void)state;
    assert_int_equal(utf8_char_len(TEXT("")), 0);
    assert_int_equal(utf8_char_len(TEXT("ab")), 1);
    assert_int_equal(utf8_char_len(TEXT("\xC3\xA9"
                                        "b")),
                     2);
    assert_int_equal(utf8_char_len(TEXT("\xE2\x82\xAC\xE2")), 3);
    assert_int_equal(utf8_char_len(TEXT("\xF0\x9F\x98\x80\xFF")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters_of_every_length_are_valid),
        cmocka_unit_test(test_what_is_not_a_character_is_invalid),
        cmocka_unit_test(test_exactly_the_code_points_without_surrogates_are_characters),
        cmocka_unit_test(test_the_length_is_that_of_the_first_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
