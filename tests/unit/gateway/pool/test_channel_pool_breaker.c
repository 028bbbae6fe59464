/* The circuit breakers of a pool's instances, against real gRPC servers in this process; the clock is the tests'. */
#include "gateway/pool/channel_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/pool_fixture.h"

enum { OPEN_FOR_US = BREAKER_OPEN_FOR_MS * 1000 };

/* Calls that go to instance `number` at now_us and end with that; those that go elsewhere are answered. */
static void end_calls(struct channel_pool *pool, unsigned number, enum call_verdict verdict, unsigned count,
                      int64_t now_us)
{
    unsigned cursor = 0;
    while (count > 0) {
        struct channel *channel = channel_pool_lend(pool, &cursor, -1, now_us);
        assert_non_null(channel);
        const bool is_meant = channel_instance_number(channel) == number;
        count -= is_meant;
        channel_pool_give_back(pool, channel, is_meant ? verdict : CALL_ANSWERED, now_us);
    }
}

static void assert_breaker(struct channel_pool *pool, size_t place, enum breaker_state breaker)
{
    assert_string_equal(breaker_state_name(pool_fixture_instance(pool, place).breaker), breaker_state_name(breaker));
}

static struct channel *pick_at(struct channel_pool *pool, int64_t now_us)
{
    unsigned cursor = 0;
    return channel_pool_lend(pool, &cursor, -1, now_us);
}

static bool metrics_have_breaker(struct fake_grpc_server *server, const char *value)
{
    char line[128];
    snprintf(line, sizeof(line), "tally_breaker_state{instance=\"%s\"} %s", fake_grpc_server_target(server), value);
    return pool_fixture_metrics_have(line);
}

/* A pool of one server that opened at now_us. */
static struct channel_pool *create_open(struct fake_grpc_server *server, int64_t now_us)
{
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_server(pool, server, true, SIZE);
    end_calls(pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us);
    assert_breaker(pool, 0, BREAKER_OPEN);
    return pool;
}

/* --- one of two instances ----------------------------------------------------------------------------------------- */

static void test_an_instance_that_fails_gets_no_calls(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    const int64_t now_us = clock_monotonic_us();
    end_calls(pair.pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us);
    assert_breaker(pair.pool, 0, BREAKER_OPEN);
    assert_breaker(pair.pool, 1, BREAKER_CLOSED);
    unsigned cursor = 0;
    for (int i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, 1), 1);
    }
    assert_true(channel_pool_is_ready(pair.pool));
    assert_int_equal(channel_pool_retry_after_s(pair.pool), 1);
    pool_pair_free(&pair);
}

static void test_failures_that_are_not_in_a_row_change_nothing(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    const int64_t now_us = clock_monotonic_us();
    for (int i = 0; i < 3; i++) {
        end_calls(pair.pool, 0, CALL_FAILED, BREAKER_FAILURES - 1, now_us);
        end_calls(pair.pool, 0, CALL_SAYS_NOTHING, BREAKER_FAILURES, now_us);
        end_calls(pair.pool, 0, CALL_ANSWERED, 1, now_us);
    }
    assert_breaker(pair.pool, 0, BREAKER_CLOSED);
    pool_pair_free(&pair);
}

static void test_with_both_open_there_is_none_and_the_first_to_try_again_is_told(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    const int64_t now_us = clock_monotonic_us();
    end_calls(pair.pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us - 1500 * 1000);
    assert_true(channel_pool_is_ready(pair.pool));
    end_calls(pair.pool, 1, CALL_FAILED, BREAKER_FAILURES, now_us);
    assert_null(pick_at(pair.pool, now_us));
    assert_false(channel_pool_is_ready(pair.pool));
    assert_in_range(channel_pool_retry_after_s(pair.pool), 3, 4); /* 3.5 s, less what passed */
    pool_pair_free(&pair);
}

static void test_what_is_left_is_rounded_up_to_seconds(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const int64_t now_us = clock_monotonic_us();
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_server(pool, server, true, SIZE);
    end_calls(pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us + 500 * 1000 * 1000);
    const int64_t probe_us = now_us + 500 * 1000 * 1000 + OPEN_FOR_US;
    const int64_t before_us = clock_monotonic_us();
    const int64_t told_us = channel_pool_retry_after_s(pool) * INT64_C(1000000);
    const int64_t after_us = clock_monotonic_us();
    assert_true(after_us + told_us >= probe_us);
    assert_true(before_us + told_us - 1000000 < probe_us);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- the probe ---------------------------------------------------------------------------------------------------- */

static void test_after_a_while_exactly_one_call_is_let_through(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const int64_t now_us = clock_monotonic_us();
    struct channel_pool *pool = create_open(server, now_us);
    assert_null(pick_at(pool, now_us + OPEN_FOR_US - 1));
    struct channel *probe = pick_at(pool, now_us + OPEN_FOR_US);
    assert_non_null(probe);
    assert_breaker(pool, 0, BREAKER_HALF_OPEN);
    assert_null(pick_at(pool, now_us + OPEN_FOR_US));
    assert_null(pick_at(pool, now_us + 100 * (int64_t)OPEN_FOR_US));
    assert_false(channel_pool_is_ready(pool));
    assert_int_equal(channel_pool_retry_after_s(pool), 1);

    channel_pool_give_back(pool, probe, CALL_ANSWERED, now_us + OPEN_FOR_US);
    assert_breaker(pool, 0, BREAKER_CLOSED);
    assert_true(channel_pool_is_ready(pool));
    end_calls(pool, 0, CALL_ANSWERED, 2 * SIZE, now_us);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_probe_that_fails_opens_it_again(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const int64_t now_us = clock_monotonic_us();
    struct channel_pool *pool = create_open(server, now_us - OPEN_FOR_US);
    struct channel *probe = pick_at(pool, now_us);
    assert_non_null(probe);
    channel_pool_give_back(pool, probe, CALL_FAILED, now_us);
    assert_breaker(pool, 0, BREAKER_OPEN);
    assert_null(pick_at(pool, now_us + OPEN_FOR_US - 1));
    probe = pick_at(pool, now_us + OPEN_FOR_US);
    assert_non_null(probe);
    channel_pool_give_back(pool, probe, CALL_ANSWERED, now_us + OPEN_FOR_US);
    assert_breaker(pool, 0, BREAKER_CLOSED);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_after_a_probe_given_up_the_next_call_is_the_probe(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const int64_t now_us = clock_monotonic_us();
    struct channel_pool *pool = create_open(server, now_us - OPEN_FOR_US);
    channel_pool_give_back(pool, pick_at(pool, now_us), CALL_SAYS_NOTHING, now_us);
    assert_true(channel_pool_is_ready(pool));
    struct channel *probe = pick_at(pool, now_us);
    assert_non_null(probe);
    assert_null(pick_at(pool, now_us));
    channel_pool_give_back(pool, probe, CALL_ANSWERED, now_us);
    assert_breaker(pool, 0, BREAKER_CLOSED);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* Otherwise /health and /health/ready contradict each other, and who goes by /health never sends the probe. */
static void test_an_instance_takes_calls_when_a_call_would_find_it(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    struct channel_pool *pool = create_open(server, clock_monotonic_us() + 100 * OPEN_FOR_US);
    assert_false(channel_pool_is_ready(pool));
    assert_false(pool_fixture_instance(pool, 0).takes_calls);
    channel_pool_free(pool);

    pool = create_open(server, clock_monotonic_us() - OPEN_FOR_US);
    assert_true(channel_pool_is_ready(pool));
    assert_true(pool_fixture_instance(pool, 0).takes_calls);
    struct channel *probe = pick_at(pool, clock_monotonic_us());
    assert_false(channel_pool_is_ready(pool));
    assert_false(pool_fixture_instance(pool, 0).takes_calls);
    channel_pool_give_back(pool, probe, CALL_ANSWERED, clock_monotonic_us());
    assert_true(pool_fixture_instance(pool, 0).takes_calls);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_the_real_clock_lets_a_probe_through(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    struct channel_pool *pool = create_open(server, clock_monotonic_us() - OPEN_FOR_US + 50 * 1000);
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    while (!channel_pool_is_ready(pool)) {
        assert_true(clock_monotonic_us() < give_up_us);
    }
    struct channel *probe = pick_at(pool, clock_monotonic_us());
    assert_non_null(probe);
    channel_pool_give_back(pool, probe, CALL_ANSWERED, clock_monotonic_us());
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- members and metrics ------------------------------------------------------------------------------------------ */

static void test_an_instance_that_comes_back_starts_closed(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    const int64_t now_us = clock_monotonic_us();
    unsigned cursor = 0;
    struct channel *lent = channel_pool_lend(pair.pool, &cursor, 1, now_us);
    assert_int_equal(channel_instance_number(lent), 0);
    end_calls(pair.pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us);
    assert_true(metrics_have_breaker(pair.servers[0], "2\n"));
    pool_fixture_set(pair.pool, &pair.servers[1], 1);
    pool_fixture_wait_until_gone(pair.pool, pair.servers[0]);
    assert_false(metrics_have_breaker(pair.servers[0], ""));

    pool_fixture_set(pair.pool, pair.servers, 2);
    pool_fixture_wait_for_server(pair.pool, pair.servers[0], true, SIZE / 2);
    assert_true(metrics_have_breaker(pair.servers[0], "0\n"));
    struct channel_pool_instance instance;
    assert_true(pool_fixture_find(pair.pool, pair.servers[0], &instance));
    assert_int_equal(instance.breaker, BREAKER_CLOSED);
    channel_pool_give_back(pair.pool, lent, CALL_ANSWERED, now_us); /* says nothing of the one that came back */
    assert_true(metrics_have_breaker(pair.servers[0], "0\n"));
    pool_pair_free(&pair);
}

static void test_metrics_tell_states_and_changes(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    const int64_t now_us = clock_monotonic_us();
    assert_true(metrics_have_breaker(pair.servers[0], "0\n"));
    end_calls(pair.pool, 0, CALL_FAILED, BREAKER_FAILURES, now_us);
    assert_true(metrics_have_breaker(pair.servers[0], "2\n"));
    assert_true(metrics_have_breaker(pair.servers[1], "0\n"));
    unsigned cursor = 0;
    struct channel *probe = channel_pool_lend(pair.pool, &cursor, 1, now_us + OPEN_FOR_US);
    assert_int_equal(channel_instance_number(probe), 0);
    assert_true(metrics_have_breaker(pair.servers[0], "1\n"));
    channel_pool_give_back(pair.pool, probe, CALL_ANSWERED, now_us + OPEN_FOR_US);
    assert_true(metrics_have_breaker(pair.servers[0], "0\n"));
    /* This test is the first. */
    assert_true(pool_fixture_metrics_have("tally_breaker_changes_total{state=\"open\"} 1\n"));
    assert_true(pool_fixture_metrics_have("tally_breaker_changes_total{state=\"half_open\"} 1\n"));
    assert_true(pool_fixture_metrics_have("tally_breaker_changes_total{state=\"closed\"} 1\n"));
    struct fake_grpc_server *first = pair.servers[0];
    channel_pool_free(pair.pool);
    pair.pool = NULL;
    assert_false(metrics_have_breaker(first, ""));
    pool_pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_tell_states_and_changes),
        cmocka_unit_test(test_an_instance_that_fails_gets_no_calls),
        cmocka_unit_test(test_failures_that_are_not_in_a_row_change_nothing),
        cmocka_unit_test(test_with_both_open_there_is_none_and_the_first_to_try_again_is_told),
        cmocka_unit_test(test_what_is_left_is_rounded_up_to_seconds),
        cmocka_unit_test(test_after_a_while_exactly_one_call_is_let_through),
        cmocka_unit_test(test_a_probe_that_fails_opens_it_again),
        cmocka_unit_test(test_after_a_probe_given_up_the_next_call_is_the_probe),
        cmocka_unit_test(test_an_instance_takes_calls_when_a_call_would_find_it),
        cmocka_unit_test(test_the_real_clock_lets_a_probe_through),
        cmocka_unit_test(test_an_instance_that_comes_back_starts_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
