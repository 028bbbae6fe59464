/* A Redis that is well and writes nothing for now: reads are served, and a write is told so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/store_fixture.h"
#include "tests/fakes/wait_for.h"

static void test_out_of_memory_refuses_writes_and_keeps_the_connection(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    char reason[sizeof(struct error)];
    assert_true(store_is_serving(fixture->store, reason, sizeof(reason)));
    WAIT_FOR(store_refuses_writes(fixture->store, reason, sizeof(reason)));
    assert_non_null(strstr(reason, "OOM command not allowed"));
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2);
    WAIT_FOR(!store_refuses_writes(fixture->store, reason, sizeof(reason)));
    assert_int_equal(store_fixture_changes(fixture), 1);
}

/* Nobody writes: it is looked at all the same. */
static void test_a_refusal_is_noticed_and_forgotten_while_idle(void **state)
{
    NEED_REDIS(state);
    char reason[sizeof(struct error)];
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "min-replicas-to-write", "1");
    WAIT_FOR(store_refuses_writes(fixture->store, reason, sizeof(reason)));
    assert_non_null(strstr(reason, "NOREPLICAS"));
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "min-replicas-to-write", "0");
    WAIT_FOR(!store_refuses_writes(fixture->store, reason, sizeof(reason)));
    assert_int_equal(store_fixture_changes(fixture), 1);
}

/* The handshake tries a write, and its refusal must not cost the reads. */
static void test_reads_are_served_after_a_reconnect_while_writes_are_refused(void **state)
{
    NEED_REDIS(state);
    char reason[sizeof(struct error)];
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "1");
    store_fixture_open_anew(fixture);
    assert_true(store_refuses_writes(fixture->store, reason, sizeof(reason)));
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2);
}

static void test_too_few_replicas_refuse_writes(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "min-replicas-to-write", "1");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_WRITES_REFUSED);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "min-replicas-to-write", "0");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_out_of_memory_refuses_writes_and_keeps_the_connection),
        TEST(test_a_refusal_is_noticed_and_forgotten_while_idle),
        TEST(test_reads_are_served_after_a_reconnect_while_writes_are_refused),
        TEST(test_too_few_replicas_refuse_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
