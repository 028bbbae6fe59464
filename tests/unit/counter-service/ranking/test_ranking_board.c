#include "counter-service/ranking/ranking_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_window_is_found_among_those_that_are_kept_up(void **state)
{
    (void)state;
    const struct ranking_window day = {.key = "day"};
    const struct ranking_window elsewhere = {.key = "day+480"};
    const struct ranking_window hour = {.key = "60m"};
    const struct text fed = TEXT(" like:day  like:60m  dislike:day+480 ");
    char name[RANKING_KEY_SIZE];
    assert_true(text_equal(ranking_fed_name(name, TEXT("like"), &day), TEXT(" like:day ")));
    assert_true(ranking_fed_has_window(fed, TEXT("like"), &day));
    assert_true(ranking_fed_has_window(fed, TEXT("like"), &hour));
    assert_true(ranking_fed_has_window(fed, TEXT("dislike"), &elsewhere));
    assert_false(ranking_fed_has_window(fed, TEXT("like"), &elsewhere));
    assert_false(ranking_fed_has_window(fed, TEXT("dislike"), &day));
    assert_false(ranking_fed_has_window(fed, TEXT("ike"), &day));
    assert_false(ranking_fed_has_window(TEXT(""), TEXT("like"), &day));
}

static void test_the_longest_name_has_room(void **state)
{
    (void)state;
    char type[COUNTER_TYPE_LEN_MAX];
    char name[RANKING_KEY_SIZE];
    struct ranking_window window = {.name = ""};
    memset(type, 'x', sizeof(type));
    memset(window.key, 'y', sizeof(window.key) - 1);
    const struct text text = ranking_fed_name(name, (struct text){type, sizeof(type)}, &window);
    assert_int_equal(text.len, 1 + sizeof(type) + 1 + sizeof(window.key) - 1 + 1);
    assert_true(ranking_fed_has_window(text, (struct text){type, sizeof(type)}, &window));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_is_found_among_those_that_are_kept_up),
        cmocka_unit_test(test_the_longest_name_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
