#include "gateway/page/page_language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_language(const char *accept, const char *language)
{
    const char *chosen = page_language_choose(text_of(accept));
    if (strcmp(chosen, language) != 0) {
        fail_msg("\"%s\" chooses %s", accept, chosen);
    }
}

static void test_what_browsers_send_is_understood(void **state)
{
    (void)state;
    assert_language("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN");
    assert_language("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-CN");
    assert_language("zh-Hans-CN", "zh-CN");
    assert_language("ZH", "zh-CN");
    assert_language("en-US,en;q=0.9", "en");
    assert_language("en-GB,en;q=0.9,zh-CN;q=0.8", "en");
    assert_language("de-DE,de;q=0.9,en;q=0.8", "en");
    assert_language("de-DE, de;q=0.9, zh;q=0.5", "zh-CN");
}

static void test_english_where_nothing_is_wanted(void **state)
{
    static const char *const others[] = {"", "de", "*", "zh;q=0", "zhx", "x-zh", "z", ",,", " , ;q=1", "zh;q=0, *"};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_language(others[i], "en");
    }
}

static void test_the_greater_weight_wins_and_of_equals_the_first(void **state)
{
    (void)state;
    assert_language("en;q=0.5, zh;q=0.501", "zh-CN");
    assert_language("en;q=0.5 , zh;q=0.5", "en");
    assert_language("zh;q=0.5 , en;q=0.5", "zh-CN");
    assert_language("*;q=0.5, zh;q=0.4", "en");
    assert_language("*;q=0.1, zh;q=0.4", "zh-CN");
    assert_language("zh ; Q = 1 , en ; q = 0.9", "zh-CN");
}

static void test_a_range_whose_weight_is_none_is_passed_over(void **state)
{
    static const char *const bad[] = {"zh;q=2", "zh;q=", "zh;q", "zh;q=0.1234", "zh;q=-1", "zh;level=1", "zh;q=1;a=b"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_language(bad[i], "en");
    }
}

/* In memory of exactly its size: a reader that goes on shows under a sanitizer. */
static void test_nothing_behind_the_value_is_read(void **state)
{
    (void)state;
    const struct text whole = TEXT("de;q=0.1,*;q=0.001,zh-CN;q=0");
    for (size_t len = 0; len <= whole.len; len++) {
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy + 1, whole.data, len);
        assert_non_null(page_language_choose((struct text){copy + 1, len}));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_browsers_send_is_understood),
        cmocka_unit_test(test_english_where_nothing_is_wanted),
        cmocka_unit_test(test_the_greater_weight_wins_and_of_equals_the_first),
        cmocka_unit_test(test_a_range_whose_weight_is_none_is_passed_over),
        cmocka_unit_test(test_nothing_behind_the_value_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
