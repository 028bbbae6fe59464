#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/api/media_type.h"

static const char *check(const char *type)
{
    return media_type_check_json(text_of(type), (struct text){0});
}

static void test_json_in_utf_8_is_taken(void **state)
{
    static const char *const types[] = {
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; Charset=\"UTF-8\"",
        "application/json;profile=\"a;b\";charset=utf8",
        "application/json; a=b ;c=d; ",
        "application/json;",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_null(check(types[i]));
    }
}

static void test_other_types_are_not(void **state)
{
    static const char *const types[] = {"",     "text/plain",     "application/jsonx",          "application/json x",
                                        "json", "application/js", "application/json,text/plain"};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_string_equal(check(types[i]), "Content-Type must be application/json");
    }
    assert_non_null(media_type_check_json((struct text){0}, (struct text){0}));
}

static void test_other_charsets_are_not(void **state)
{
    static const char *const types[] = {"application/json;charset=latin1",
                                        "application/json; charset=\"utf-16\"",
                                        "application/json;a=b; CHARSET=us-ascii",
                                        "application/json;charset",
                                        "application/json;charset=",
                                        "application/json;charset=utf-8;charset=utf-16",
                                        "application/json;charset=\"utf-8x\""};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_string_equal(check(types[i]), "the charset of Content-Type must be utf-8");
    }
}

static void test_a_coding_is_not(void **state)
{
    static const char *const codings[] = {"gzip", "br", "identity, gzip", "x"};
    const struct text json = TEXT("application/json");
    (void)state;
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        assert_non_null(strstr(media_type_check_json(json, text_of(codings[i])), "Content-Encoding"));
    }
    assert_null(media_type_check_json(json, TEXT("Identity")));
    assert_null(media_type_check_json(json, TEXT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_in_utf_8_is_taken),
        cmocka_unit_test(test_other_types_are_not),
        cmocka_unit_test(test_other_charsets_are_not),
        cmocka_unit_test(test_a_coding_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
