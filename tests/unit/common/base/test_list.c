#include "common/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct thing {
    int number;
    struct list_node node;
};

/* That the list has these numbers, from both ends. */
static void assert_numbers(const struct list *list, const int *numbers, size_t count)
{
    size_t i = 0;
    LIST_EACH (struct thing, thing, list, node) {
        assert_true(i < count);
        assert_int_equal(thing->number, numbers[i++]);
    }
    assert_int_equal(i, count);
    for (const struct list_node *node = list->last; node != NULL; node = node->previous) {
        assert_int_equal(CONTAINER_OF(node, const struct thing, node)->number, numbers[--i]);
    }
    assert_int_equal(i, 0);
}

#define ASSERT_NUMBERS(list, ...) \
    assert_numbers((list), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void test_elements_come_and_go_anywhere(void **state)
{
    (void)state;
    struct list list = {NULL, NULL};
    struct thing things[4];
    for (int i = 0; i < 4; i++) {
        things[i].number = i;
    }
    list_append(&list, &things[1].node);
    ASSERT_NUMBERS(&list, 1);
    list_append(&list, &things[2].node);
    list_prepend(&list, &things[0].node);
    list_append(&list, &things[3].node);
    ASSERT_NUMBERS(&list, 0, 1, 2, 3);
    list_remove(&list, &things[2].node);
    ASSERT_NUMBERS(&list, 0, 1, 3);
    list_remove(&list, &things[0].node);
    list_remove(&list, &things[3].node);
    ASSERT_NUMBERS(&list, 1);
    list_remove(&list, &things[1].node);
    assert_numbers(&list, NULL, 0);
    list_prepend(&list, &things[3].node);
    ASSERT_NUMBERS(&list, 3);
}

static void test_an_empty_list_has_no_elements(void **state)
{
    (void)state;
    const struct list list = {NULL, NULL};
    assert_null(LIST_ENTRY(list.first, struct thing, node));
    assert_numbers(&list, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements_come_and_go_anywhere),
        cmocka_unit_test(test_an_empty_list_has_no_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
