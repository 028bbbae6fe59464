#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/cors.h"

static char *const two[] = {"https://shop.example", "http://localhost:3000"};
static char *const all[] = {"https://shop.example", "*"};

static void test_off_allows_nobody(void **state)
{
    const struct cors off = {0};
    (void)state;
    assert_null(cors_allowed_origin(&off, TEXT("https://shop.example")));
    assert_false(cors_varies(&off));
}

static void test_only_the_origins_listed_are_allowed(void **state)
{
    static const char *const others[] = {"https://shop.example.evil",
                                         "http://shop.example",
                                         "https://shop.example:443",
                                         "https://SHOP.example",
                                         "null",
                                         "",
                                         "*",
                                         "http://localhost:30000"};
    const struct cors cors = {two, 2};
    (void)state;
    assert_string_equal(cors_allowed_origin(&cors, TEXT("https://shop.example")), "https://shop.example");
    assert_string_equal(cors_allowed_origin(&cors, TEXT("http://localhost:3000")), "http://localhost:3000");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_null(cors_allowed_origin(&cors, text_of(others[i])));
    }
    assert_null(cors_allowed_origin(&cors, (struct text){0}));
    assert_true(cors_varies(&cors));
}

static void test_a_star_allows_all(void **state)
{
    const struct cors cors = {all, 2};
    (void)state;
    assert_string_equal(cors_allowed_origin(&cors, TEXT("https://anybody.example")), "*");
    assert_string_equal(cors_allowed_origin(&cors, (struct text){0}), "*");
    assert_false(cors_varies(&cors));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_allows_nobody),
        cmocka_unit_test(test_only_the_origins_listed_are_allowed),
        cmocka_unit_test(test_a_star_allows_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
