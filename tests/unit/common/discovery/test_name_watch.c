/* Look-ups and the watch over a resolver that does what the test says. */
#include "common/discovery/name_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/discovery/name_lookup.h"
#include "tests/fakes/fake_resolver.h"
#include "tests/fakes/wait_for.h"

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
    (void)node;
    (void)service;
    (void)hints;
    return fake_resolver_getaddrinfo(ret_list);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
void freeaddrinfo(struct addrinfo *list)
{
    fake_resolver_freeaddrinfo(list);
}

static const struct host_port name = {.host = "counter-service", .port = 7};
static const char *const one_address[] = {"10.0.0.1"};
static const char *const two_addresses[] = {"10.0.0.2", "10.0.0.1"};

/* --- look-ups ----------------------------------------------------------------------------------------------------- */

static void test_a_look_up_tells_the_instances(void **state)
{
    (void)state;
    struct error error = {""};
    struct target_set set;
    fake_resolver_answer(two_addresses, 2);
    struct name_lookup *lookup = name_lookup_start(&name, &error);
    assert_non_null(lookup);
    assert_true(name_lookup_wait(lookup, 10000));
    assert_int_equal(name_lookup_end(lookup, &set, &error), 0);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.targets[0], "10.0.0.1:7");
}

static void test_an_unknown_name_is_told_with_the_resolvers_words(void **state)
{
    (void)state;
    struct error error = {""};
    struct target_set set = {.count = 99};
    fake_resolver_answer(NULL, 0);
    struct name_lookup *lookup = name_lookup_start(&name, &error);
    assert_non_null(lookup);
    assert_true(name_lookup_wait(lookup, 10000));
    assert_int_equal(name_lookup_end(lookup, &set, &error), -1);
    assert_int_equal(set.count, 99);
    assert_string_equal(error.message, "cannot resolve counter-service: Name or service not known");
}

static void test_a_look_up_that_takes_long_can_be_left(void **state)
{
    (void)state;
    struct error error = {""};
    struct target_set set;
    fake_resolver_answer(one_address, 1);
    fake_resolver_hold(true);
    struct name_lookup *lookup = name_lookup_start(&name, &error);
    assert_non_null(lookup);
    assert_false(name_lookup_wait(lookup, 20));
    assert_int_equal(name_lookup_end(lookup, &set, &error), -1);
    assert_string_equal(error.message, "cannot resolve counter-service: no answer yet");
    fake_resolver_hold(false);
}

/* --- the watch ---------------------------------------------------------------------------------------------------- */

enum { TIMES = 3 };

struct fixture {
    struct name_watch *watch;
    atomic_bool is_served;
    atomic_size_t sets;
    atomic_size_t last_count;
    atomic_int_fast64_t set_us[TIMES]; /* of the first ones: when */
};

static void keep_set(void *ctx, const struct target_set *set)
{
    struct fixture *fixture = ctx;
    const size_t sets = atomic_load(&fixture->sets);
    atomic_store(&fixture->last_count, set->count);
    if (sets < TIMES) {
        atomic_store(&fixture->set_us[sets], clock_monotonic_us());
    }
    atomic_store(&fixture->sets, sets + 1);
}

static bool is_served(void *ctx)
{
    const struct fixture *fixture = ctx;
    return atomic_load(&fixture->is_served);
}

static void start(struct fixture *fixture, int interval_ms, bool served)
{
    struct error error = {""};
    *fixture = (struct fixture){.is_served = served};
    const struct name_watch_options options = {
        .name = name,
        .interval_ms = interval_ms,
        .on_addresses = keep_set,
        .is_served = is_served,
        .ctx = fixture,
    };
    fixture->watch = name_watch_create(&options, &error);
    assert_non_null(fixture->watch);
}

static struct discovery_description describe(const struct fixture *fixture)
{
    struct discovery_description description;
    name_watch_describe(fixture->watch, &description);
    return description;
}

static void test_a_name_is_looked_up_each_interval(void **state)
{
    (void)state;
    struct fixture fixture;
    fake_resolver_answer(one_address, 1);
    start(&fixture, 200, true);
    WAIT_FOR(atomic_load(&fixture.sets) >= 2);
    assert_int_equal(atomic_load(&fixture.last_count), 1);
    fake_resolver_answer(two_addresses, 2);
    WAIT_FOR(atomic_load(&fixture.last_count) == 2);
    assert_true(describe(&fixture).is_up);
    assert_true(describe(&fixture).last_success_us > 0);
    assert_true(describe(&fixture).failure_count == 0);
    name_watch_free(fixture.watch);
}

static void test_a_failure_hands_nothing_over_and_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    fake_resolver_answer(NULL, 0);
    start(&fixture, 100, true);
    WAIT_FOR(describe(&fixture).failure_count >= 2);
    assert_int_equal(atomic_load(&fixture.sets), 0);
    assert_false(describe(&fixture).is_up);
    assert_string_equal(describe(&fixture).failure.message,
                        "cannot resolve counter-service: Name or service not known");
    fake_resolver_answer(one_address, 1);
    WAIT_FOR(describe(&fixture).is_up);
    assert_string_equal(describe(&fixture).failure.message, "");
    name_watch_free(fixture.watch);
}

static void test_the_interval_is_kept_only_while_somebody_serves(void **state)
{
    (void)state;
    struct fixture fixture;
    fake_resolver_answer(one_address, 1);
    start(&fixture, 3600 * 1000, true);
    WAIT_FOR(atomic_load(&fixture.sets) == 1);
    clock_sleep_ms(1500);
    assert_int_equal(atomic_load(&fixture.sets), 1);
    atomic_store(&fixture.is_served, false);
    WAIT_FOR(atomic_load(&fixture.sets) >= 3);
    assert_true(atomic_load(&fixture.set_us[2]) - atomic_load(&fixture.set_us[1]) > 900 * 1000);
    name_watch_free(fixture.watch);
}

static void test_a_resolver_that_does_not_answer_holds_up_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    const size_t before = fake_resolver_lookups();
    fake_resolver_answer(one_address, 1);
    fake_resolver_hold(true);
    start(&fixture, 100, false);
    WAIT_FOR(fake_resolver_lookups() == before + 1);
    clock_sleep_ms(300);
    assert_int_equal(fake_resolver_lookups(), before + 1);
    const int64_t before_us = clock_monotonic_us();
    name_watch_free(fixture.watch);
    assert_true(clock_monotonic_us() - before_us < 5 * 1000 * 1000);
    assert_int_equal(atomic_load(&fixture.sets), 0);
    fake_resolver_hold(false);
}

static void test_a_watch_that_is_stopped_calls_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    fake_resolver_answer(one_address, 1);
    start(&fixture, 100, true);
    WAIT_FOR(atomic_load(&fixture.sets) >= 1);
    name_watch_stop(fixture.watch);
    const size_t sets = atomic_load(&fixture.sets);
    clock_sleep_ms(300);
    assert_int_equal(atomic_load(&fixture.sets), sets);
    name_watch_stop(fixture.watch);
    assert_true(describe(&fixture).is_up);
    name_watch_free(fixture.watch);
    name_watch_stop(NULL);
    name_watch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_look_up_tells_the_instances),
        cmocka_unit_test(test_an_unknown_name_is_told_with_the_resolvers_words),
        cmocka_unit_test(test_a_look_up_that_takes_long_can_be_left),
        cmocka_unit_test(test_a_name_is_looked_up_each_interval),
        cmocka_unit_test(test_a_failure_hands_nothing_over_and_is_told),
        cmocka_unit_test(test_the_interval_is_kept_only_while_somebody_serves),
        cmocka_unit_test(test_a_resolver_that_does_not_answer_holds_up_nobody),
        cmocka_unit_test(test_a_watch_that_is_stopped_calls_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
