#include "gateway/http/request_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/http/request_state.h"

enum { STATES = 4 };

static struct request_state states[STATES];
static struct list list;
static char log_of_ends[STATES + 1];

static void note(const struct request_state *state, char base)
{
    const size_t len = strlen(log_of_ends);
    assert_true(len < STATES);
    log_of_ends[len] = (char)(base + (state - states));
}

static void on_abandon(struct request_state *state)
{
    request_wait_end(state);
    note(state, 'a');
}

static void on_abort(struct request_state *state)
{
    request_wait_end(state);
    note(state, 'A');
}

static const struct request_wait_kind kind = {on_abandon, on_abort};

static int set_up(void **state)
{
    (void)state;
    memset(states, 0, sizeof(states));
    memset(log_of_ends, 0, sizeof(log_of_ends));
    list = (struct list){NULL, NULL};
    for (size_t i = 0; i < STATES; i++) {
        request_wait_begin(&states[i], &kind, &list);
    }
    return 0;
}

static void test_those_that_wait_are_aborted_in_their_order(void **state)
{
    (void)state;
    request_wait_abort_all(&list);
    assert_string_equal(log_of_ends, "ABCD");
    assert_null(list.first);
    assert_null(list.last);
}

static void test_one_leaves_the_list_from_wherever_it_stands(void **state)
{
    (void)state;
    request_wait_abandon(&states[1]); /* between others */
    request_wait_abandon(&states[3]); /* the last */
    request_wait_abandon(&states[0]); /* the first */
    request_wait_abort_all(&list);    /* the only one */
    assert_string_equal(log_of_ends, "bdaC");
    assert_null(states[1].wait.kind);
}

static void test_one_that_has_waited_may_wait_again_behind_the_others(void **state)
{
    (void)state;
    request_wait_end(&states[0]);
    request_wait_begin(&states[0], &kind, &list);
    request_wait_abort_all(&list);
    assert_string_equal(log_of_ends, "BCDA");
}

static void test_one_need_not_be_in_a_list(void **state)
{
    static const struct request_wait_kind unlisted = {on_abandon, NULL};
    (void)state;
    request_wait_end(&states[2]);
    request_wait_begin(&states[2], &unlisted, NULL);
    request_wait_abort_all(&list);
    assert_string_equal(log_of_ends, "ABD");
    request_wait_abandon(&states[2]);
    assert_string_equal(log_of_ends, "ABDc");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_those_that_wait_are_aborted_in_their_order),
        TEST(test_one_leaves_the_list_from_wherever_it_stands),
        TEST(test_one_that_has_waited_may_wait_again_behind_the_others),
        TEST(test_one_need_not_be_in_a_list),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
