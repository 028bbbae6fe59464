#include "counter-service/verify/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* So many differences, and the end. Freed by the caller. */
static char *text_of_report(int differences, bool shows_all)
{
    char *text = NULL;
    size_t len;
    struct report report = {.out = open_memstream(&text, &len), .shows_all = shows_all};
    assert_non_null(report.out);
    report_line(&report, "head");
    for (int i = 0; i < differences; i++) {
        report_difference(&report, "line %d", i);
    }
    report_end(&report);
    fclose(report.out);
    return text;
}

static void check_report(int differences, bool shows_all, const char *start, const char *end)
{
    char *text = text_of_report(differences, shows_all);
    assert_true(strlen(text) >= strlen(end));
    assert_memory_equal(text, start, strlen(start));
    assert_string_equal(text + strlen(text) - strlen(end), end);
    free(text);
}

static void test_without_a_difference_it_says_equal(void **state)
{
    (void)state;
    check_report(0, false, "head\nequal\n", "head\nequal\n");
}

static void test_differences_are_counted(void **state)
{
    (void)state;
    check_report(1, false, "head\nline 0\n1 difference\n", "\n1 difference\n");
    check_report(100, false, "head\nline 0\nline 1\n", "\nline 99\n100 differences\n");
}

static void test_only_the_first_hundred_are_shown(void **state)
{
    (void)state;
    check_report(123, false, "head\nline 0\nline 1\n", "\nline 99\nand 23 more\n123 differences\n");
    check_report(123, true, "head\nline 0\nline 1\n", "\nline 122\n123 differences\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_difference_it_says_equal),
        cmocka_unit_test(test_differences_are_counted),
        cmocka_unit_test(test_only_the_first_hundred_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
