#include "common/thread/heartbeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LOOKS_MAX = 3 };

/* Two threads, of which nothing is known yet. */
struct pair {
    struct heartbeat first;
    struct heartbeat second;
    struct heartbeats list;
};

static void set_up(struct pair *pair)
{
    *pair = (struct pair){.list.count = 0};
    heartbeats_add(&pair->list, "loop", 0, &pair->first);
    heartbeats_add(&pair->list, "loop", 1, &pair->second);
}

static void test_threads_that_turn_are_well(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    for (int look = 0; look < 10; look++) {
        heartbeat_turn(&pair.first);
        heartbeat_turn(&pair.second);
        assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
    }
}

static void test_one_that_does_not_turn_is_found_and_named(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    for (int look = 1; look < LOOKS_MAX; look++) {
        heartbeat_turn(&pair.first);
        assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
    }
    heartbeat_turn(&pair.first);
    const struct watched_thread *stuck = heartbeats_look(&pair.list, LOOKS_MAX);
    assert_non_null(stuck);
    assert_string_equal(stuck->name, "loop");
    assert_int_equal(stuck->number, 1);
    heartbeat_turn(&pair.first);
    assert_non_null(heartbeats_look(&pair.list, LOOKS_MAX));
}

static void test_one_that_turns_again_is_well(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    for (int look = 0; look < 2 * LOOKS_MAX; look++) {
        heartbeat_turn(&pair.second);
        (void)heartbeats_look(&pair.list, LOOKS_MAX);
    }
    heartbeat_turn(&pair.first);
    assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
    assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
}

static void test_one_that_waits_for_somebody_else_is_well(void **state)
{
    (void)state;
    struct pair pair;
    set_up(&pair);
    heartbeat_waits(&pair.first, true);
    for (int look = 0; look < 10; look++) {
        heartbeat_turn(&pair.second);
        assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
    }
    /* Back at its work it has the same time as any. */
    heartbeat_waits(&pair.first, false);
    for (int look = 1; look < LOOKS_MAX; look++) {
        heartbeat_turn(&pair.second);
        assert_null(heartbeats_look(&pair.list, LOOKS_MAX));
    }
    heartbeat_turn(&pair.second);
    assert_non_null(heartbeats_look(&pair.list, LOOKS_MAX));
}

static void test_counts_may_wrap(void **state)
{
    (void)state;
    struct heartbeat heartbeat = {.turns = UINT32_MAX};
    struct heartbeats list = {.count = 0};
    heartbeats_add(&list, "loop", 0, &heartbeat);
    heartbeat_turn(&heartbeat);
    assert_null(heartbeats_look(&list, 1));
    assert_non_null(heartbeats_look(&list, 1));
}

static void test_an_empty_list_is_well(void **state)
{
    (void)state;
    struct heartbeats list = {.count = 0};
    assert_null(heartbeats_look(&list, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_that_turn_are_well),
        cmocka_unit_test(test_one_that_does_not_turn_is_found_and_named),
        cmocka_unit_test(test_one_that_turns_again_is_well),
        cmocka_unit_test(test_one_that_waits_for_somebody_else_is_well),
        cmocka_unit_test(test_counts_may_wrap),
        cmocka_unit_test(test_an_empty_list_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
