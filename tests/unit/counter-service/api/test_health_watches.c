#include "counter-service/api/health_watches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_two_names_are_known(void **state)
{
    (void)state;
    assert_true(health_knows_service(TEXT("")));
    assert_true(health_knows_service(TEXT("tally.v1.CounterService")));
    assert_false(health_knows_service(TEXT("tally.v1.Nothing")));
    assert_false(health_knows_service(TEXT("tally.v1.CounterService2")));
}

static void test_a_watcher_is_told_at_once_and_then_each_change(void **state)
{
    (void)state;
    struct health_watches watches = {0};
    struct watcher watcher = {.tell = NULL};
    health_watches_add(&watches, &watcher, true);
    enum serving_status status;
    assert_true(watcher_wants(&watcher, false, &status));
    assert_int_equal(status, NOT_SERVING);
    watcher_told(&watcher);
    assert_false(watcher_wants(&watcher, false, &status));
    assert_true(watcher_wants(&watcher, true, &status));
    assert_int_equal(status, SERVING);
}

static void test_changes_while_a_message_is_on_its_way_are_told_as_one(void **state)
{
    (void)state;
    struct health_watches watches = {0};
    struct watcher watcher = {.tell = NULL};
    health_watches_add(&watches, &watcher, true);
    enum serving_status status;
    assert_true(watcher_wants(&watcher, true, &status));
    assert_false(watcher_wants(&watcher, false, &status));
    assert_false(watcher_wants(&watcher, true, &status));
    assert_false(watcher_wants(&watcher, false, &status));
    watcher_told(&watcher);
    assert_true(watcher_wants(&watcher, false, &status));
    assert_int_equal(status, NOT_SERVING);
    watcher_told(&watcher);
    assert_false(watcher_wants(&watcher, false, &status));
}

static void test_a_change_and_back_again_is_not_told(void **state)
{
    (void)state;
    struct health_watches watches = {0};
    struct watcher watcher = {.tell = NULL};
    health_watches_add(&watches, &watcher, true);
    enum serving_status status;
    assert_true(watcher_wants(&watcher, true, &status));
    assert_false(watcher_wants(&watcher, false, &status));
    watcher_told(&watcher);
    assert_false(watcher_wants(&watcher, true, &status));
}

static void test_an_unknown_service_is_said_to_be_so_once(void **state)
{
    (void)state;
    struct health_watches watches = {0};
    struct watcher watcher = {.tell = NULL};
    health_watches_add(&watches, &watcher, false);
    enum serving_status status;
    assert_true(watcher_wants(&watcher, true, &status));
    assert_int_equal(status, SERVICE_UNKNOWN);
    watcher_told(&watcher);
    assert_false(watcher_wants(&watcher, false, &status));
    assert_false(watcher_wants(&watcher, true, &status));
}

static void test_a_removed_watcher_wants_nothing(void **state)
{
    (void)state;
    struct health_watches watches = {0};
    struct watcher watchers[3];
    enum serving_status status;
    for (size_t i = 0; i < 3; i++) {
        health_watches_add(&watches, &watchers[i], true);
    }
    assert_true(watcher_wants(&watchers[1], true, &status));
    health_watches_remove(&watches, &watchers[1]);
    watcher_told(&watchers[1]);
    assert_false(watcher_wants(&watchers[1], false, &status));
    health_watches_remove(&watches, &watchers[2]);
    health_watches_remove(&watches, &watchers[0]);
    assert_null(watches.watchers.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_names_are_known),
        cmocka_unit_test(test_a_watcher_is_told_at_once_and_then_each_change),
        cmocka_unit_test(test_changes_while_a_message_is_on_its_way_are_told_as_one),
        cmocka_unit_test(test_a_change_and_back_again_is_not_told),
        cmocka_unit_test(test_an_unknown_service_is_said_to_be_so_once),
        cmocka_unit_test(test_a_removed_watcher_wants_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
