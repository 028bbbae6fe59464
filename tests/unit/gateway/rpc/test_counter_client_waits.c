/* What a call waits for, and what it leaves to the batcher, against real gRPC servers in this process. */
#include "gateway/rpc/counter_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/client_fixture.h"
#include "tests/fakes/wait_for.h"

static const struct plan ok = {.reply_len = 5};
static const struct plan shed = {.code = GRPC_STATUS_RESOURCE_EXHAUSTED, .outcome = "not_applied"};
static const struct plan refused = {.code = GRPC_STATUS_UNAVAILABLE, .outcome = "not_applied"};
static const struct plan reset = {.code = GRPC_STATUS_UNAVAILABLE};

/* One server with these plans, and a client. */
#define START(fixture, ...) \
    do { \
        const struct plan plans_[] = {__VA_ARGS__}; \
        client_fixture_add_server((fixture), plans_, sizeof(plans_) / sizeof(plans_[0])); \
        client_fixture_start((fixture), ATTEMPT_TIMEOUT_MS); \
    } while (0)

static void call_and_expect(struct client_fixture *fixture, enum status status, unsigned rpcs)
{
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    client_fixture_run(fixture, &result, 1);
    assert_string_equal(status_name(result.status), status_name(status));
    assert_int_equal(client_fixture_seen(fixture, 0), rpcs);
    assert_false(counter_client_awaits_instance(fixture->client));
}

static void set_serving(struct client_fixture *fixture, bool serving)
{
    fake_grpc_server_set_health(fixture->servers[0].server, serving ? FAKE_HEALTH_SERVING : FAKE_HEALTH_NOT_SERVING);
}

/* --- shed --------------------------------------------------------------------------------------------------------- */

static void test_a_batch_that_was_shed_is_left_to_the_batcher(void **state)
{
    static const enum counter_rpc rpcs[] = {COUNTER_RPC_SESSION_INCREMENT, COUNTER_RPC_BATCH_GET};
    for (size_t i = 0; i < sizeof(rpcs) / sizeof(rpcs[0]); i++) {
        struct client_fixture *fixture = *state;
        fixture->rpc = rpcs[i];
        START(fixture, shed, ok);
        call_and_expect(fixture, STATUS_SHED, 1);
        client_fixture_tear_down(state);
        client_fixture_set_up(state);
    }
}

static void test_it_is_left_there_too_after_refusals(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused, shed, ok);
    call_and_expect(fixture, STATUS_SHED, 2);
}

/* Only the same bytes, in the same place of the session, can settle it. */
static void test_what_was_unknown_before_is_sent_again_by_the_client(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset, shed, ok);
    call_and_expect(fixture, STATUS_OK, 3);
    assert_string_equal(fixture->servers[0].seen[2].request, fixture->servers[0].seen[0].request);
}

static void test_a_call_that_is_no_batch_is_sent_again_by_the_client(void **state)
{
    struct client_fixture *fixture = *state;
    fixture->rpc = COUNTER_RPC_LIST_COUNTERS;
    START(fixture, shed, shed, ok);
    call_and_expect(fixture, STATUS_OK, 3);
}

/* --- waiting for an instance -------------------------------------------------------------------------------------- */

static void test_a_call_waits_for_an_instance_that_is_back_soon(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    set_serving(fixture, false);
    WAIT_FOR(!channel_pool_is_ready(fixture->pool));
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    assert_true(counter_client_awaits_instance(fixture->client));
    client_fixture_run_until(fixture, &result, 1, clock_monotonic_us() + 20 * 1000);
    assert_int_equal(result.ends, 0);
    set_serving(fixture, true);
    client_fixture_run(fixture, &result, 1);
    assert_string_equal(status_name(result.status), status_name(STATUS_OK));
    assert_false(counter_client_awaits_instance(fixture->client));
}

static void test_an_instance_that_stays_away_is_not_waited_for(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    set_serving(fixture, false);
    WAIT_FOR(!channel_pool_is_ready(fixture->pool));
    const int64_t start_us = clock_monotonic_us();
    call_and_expect(fixture, STATUS_NO_SERVICE, 0);
    assert_in_range(clock_monotonic_us() - start_us, 0, LONG_US - 1);
    WAIT_FOR(!channel_pool_is_awaited(fixture->pool, clock_monotonic_us()));
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    assert_false(counter_client_awaits_instance(fixture->client));
    counter_client_poll(fixture->client, clock_monotonic_us());
    assert_int_equal(result.ends, 1);
    assert_int_equal(result.status, STATUS_NO_SERVICE);
}

static void test_a_call_does_not_wait_past_its_deadline(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    set_serving(fixture, false);
    WAIT_FOR(!channel_pool_is_ready(fixture->pool));
    struct call_result result;
    client_fixture_call(fixture, &result, 20 * 1000);
    counter_client_poll(fixture->client, clock_monotonic_us() + 20 * 1000);
    assert_int_equal(result.ends, 1);
    assert_int_equal(result.status, STATUS_NO_SERVICE);
}

static void test_an_unknown_call_waits_too_and_is_settled(void **state)
{
    struct client_fixture *fixture = *state;
    fixture->breaker_failures = 1;
    fixture->breaker_open_for_ms = 100;
    START(fixture, reset, ok);
    call_and_expect(fixture, STATUS_OK, 2); /* the probe */
}

static void test_waiting_costs_no_budget(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    set_serving(fixture, false);
    WAIT_FOR(!channel_pool_is_ready(fixture->pool));
    enum { CALLS = 300 }; /* three times the budget */
    struct call_result results[CALLS];
    for (int i = 0; i < CALLS; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    set_serving(fixture, true);
    client_fixture_run(fixture, results, CALLS);
    for (int i = 0; i < CALLS; i++) {
        assert_string_equal(status_name(results[i].status), status_name(STATUS_OK));
    }
}

static void test_a_call_given_up_waits_no_more(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    set_serving(fixture, false);
    WAIT_FOR(!channel_pool_is_ready(fixture->pool));
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    client_call_abandon(result.call);
    assert_false(counter_client_awaits_instance(fixture->client));
    assert_int_equal(result.ends, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, client_fixture_set_up, client_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_that_was_shed_is_left_to_the_batcher),
        TEST(test_it_is_left_there_too_after_refusals),
        TEST(test_what_was_unknown_before_is_sent_again_by_the_client),
        TEST(test_a_call_that_is_no_batch_is_sent_again_by_the_client),
        TEST(test_a_call_waits_for_an_instance_that_is_back_soon),
        TEST(test_an_instance_that_stays_away_is_not_waited_for),
        TEST(test_a_call_does_not_wait_past_its_deadline),
        TEST(test_an_unknown_call_waits_too_and_is_settled),
        TEST(test_waiting_costs_no_budget),
        TEST(test_a_call_given_up_waits_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
