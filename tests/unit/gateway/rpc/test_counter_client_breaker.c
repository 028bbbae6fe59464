/* What the ends of attempts tell the instance's circuit breaker, against real gRPC servers in this process. */
#include "gateway/rpc/counter_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/client_fixture.h"
#include "tests/fakes/wait_for.h"

enum { FAILURES = 3 };

static const struct plan ok = {.reply_len = 5};
static const struct plan silent = {.silent = true};
static const struct plan reset = {.code = GRPC_STATUS_UNAVAILABLE};

/* One server with these plans, and a client whose breaker opens after so many failures. */
static void start(struct client_fixture *fixture, int failures, const struct plan *plans, size_t plan_count)
{
    fixture->breaker_failures = failures;
    client_fixture_add_server(fixture, plans, plan_count);
    client_fixture_start(fixture, ATTEMPT_TIMEOUT_MS);
}

static void assert_breaker(struct client_fixture *fixture, enum breaker_state breaker)
{
    struct channel_pool_instance instance;
    assert_int_equal(channel_pool_describe(fixture->pool, &instance, 1), 1);
    assert_string_equal(breaker_state_name(instance.breaker), breaker_state_name(breaker));
}

static void call_and_expect(struct client_fixture *fixture, int64_t timeout_us, enum status status)
{
    struct call_result result;
    client_fixture_call(fixture, &result, timeout_us);
    client_fixture_run(fixture, &result, 1);
    assert_string_equal(status_name(result.status), status_name(status));
}

/* Once the instance was open for a moment: a call that ends at the next look, with nothing sent. */
static void expect_no_service_at_once(struct client_fixture *fixture)
{
    WAIT_FOR(!channel_pool_is_awaited(fixture->pool, clock_monotonic_us()));
    const unsigned seen = client_fixture_seen(fixture, 0);
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    counter_client_poll(fixture->client, clock_monotonic_us());
    assert_int_equal(result.ends, 1);
    assert_string_equal(status_name(result.status), status_name(STATUS_NO_SERVICE));
    assert_int_equal(client_fixture_seen(fixture, 0), seen);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static void test_attempts_that_fail_unavailable_open_it_and_end_the_call(void **state)
{
    struct client_fixture *fixture = *state;
    start(fixture, FAILURES, &reset, 1);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST);
    assert_int_equal(client_fixture_seen(fixture, 0), FAILURES);
    assert_breaker(fixture, BREAKER_OPEN);
    expect_no_service_at_once(fixture);
}

static void test_silent_attempts_open_it(void **state)
{
    struct client_fixture *fixture = *state;
    fixture->breaker_failures = 2;
    client_fixture_add_server(fixture, &silent, 1);
    client_fixture_start(fixture, IMPATIENT_MS);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST);
    assert_int_equal(client_fixture_seen(fixture, 0), 2);
    assert_breaker(fixture, BREAKER_OPEN);
}

static void test_a_call_past_its_deadline_counts(void **state)
{
    struct client_fixture *fixture = *state;
    start(fixture, 1, &silent, 1);
    call_and_expect(fixture, 50 * 1000, STATUS_DEADLINE_EXCEEDED);
    assert_breaker(fixture, BREAKER_OPEN);
}

static void test_an_instance_that_fails_is_passed_over(void **state)
{
    struct client_fixture *fixture = *state;
    fixture->breaker_failures = 1;
    client_fixture_add_server(fixture, &reset, 1);
    client_fixture_add_server(fixture, &ok, 1);
    client_fixture_start(fixture, ATTEMPT_TIMEOUT_MS);
    for (int i = 0; i < 10; i++) {
        call_and_expect(fixture, LONG_US, STATUS_OK);
    }
    assert_int_equal(client_fixture_seen(fixture, 0), 1);
    assert_int_equal(client_fixture_seen(fixture, 1), 10);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void test_refusals_are_answers(void **state)
{
    static const grpc_status_code codes[] = {GRPC_STATUS_RESOURCE_EXHAUSTED, GRPC_STATUS_INVALID_ARGUMENT,
                                             GRPC_STATUS_FAILED_PRECONDITION, GRPC_STATUS_UNAVAILABLE};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct client_fixture *fixture = *state;
        const struct plan plan = {.code = codes[i], .outcome = "not_applied"};
        start(fixture, 1, &plan, 1);
        struct call_result result;
        client_fixture_call_until_the_deadline(fixture, &result, 1);
        assert_int_equal(status_outcome(result.status), OUTCOME_NOT_APPLIED);
        assert_int_not_equal(result.status, STATUS_NO_SERVICE);
        assert_breaker(fixture, BREAKER_CLOSED);
        client_fixture_tear_down(state);
        client_fixture_set_up(state);
    }
}

/* Whoever is asked, the replicas are the same. */
static void test_replicas_that_are_late_are_no_failure(void **state)
{
    static const struct plan plan = {.code = GRPC_STATUS_UNKNOWN, .outcome = "unknown", .reason = "not-replicated"};
    struct client_fixture *fixture = *state;
    start(fixture, 1, &plan, 1);
    for (unsigned i = 1; i <= 3; i++) {
        call_and_expect(fixture, LONG_US, STATUS_NOT_REPLICATED);
        assert_int_equal(client_fixture_seen(fixture, 0), i); /* sent once each */
        assert_breaker(fixture, BREAKER_CLOSED);
    }
}

static void test_an_answer_between_failures_keeps_it_closed(void **state)
{
    struct client_fixture *fixture = *state;
    const struct plan plans[] = {reset, ok, reset};
    start(fixture, 2, plans, 3);
    call_and_expect(fixture, LONG_US, STATUS_OK);
    assert_breaker(fixture, BREAKER_CLOSED);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST);
    assert_int_equal(client_fixture_seen(fixture, 0), 4);
    assert_breaker(fixture, BREAKER_OPEN);
}

/* --- given up ----------------------------------------------------------------------------------------------------- */

static void test_calls_given_up_say_nothing(void **state)
{
    struct client_fixture *fixture = *state;
    start(fixture, 1, &silent, 1);
    enum { CALLS = 5 };
    struct call_result results[CALLS];
    for (int i = 0; i < CALLS; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_wait_for_rpcs(fixture, CALLS);
    for (int i = 0; i < CALLS - 1; i++) {
        client_call_abandon(results[i].call);
    }
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    assert_breaker(fixture, BREAKER_CLOSED);
    counter_client_free(fixture->client); /* gives the last one up */
    fixture->client = NULL;
    assert_breaker(fixture, BREAKER_CLOSED);
}

static void test_after_a_probe_given_up_the_next_call_is_the_probe(void **state)
{
    struct client_fixture *fixture = *state;
    fixture->breaker_open_for_ms = 5000;
    const struct plan plans[] = {reset, silent, ok};
    start(fixture, 1, plans, 3);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST); /* it does not wait so long for the probe */
    assert_breaker(fixture, BREAKER_OPEN);
    clock_sleep_ms(5100);

    struct call_result probe;
    client_fixture_call(fixture, &probe, LONG_US);
    assert_breaker(fixture, BREAKER_HALF_OPEN);
    client_fixture_wait_for_rpcs(fixture, 2);
    expect_no_service_at_once(fixture);
    client_call_abandon(probe.call);
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    call_and_expect(fixture, LONG_US, STATUS_OK);
    assert_int_equal(client_fixture_seen(fixture, 0), 3);
    assert_breaker(fixture, BREAKER_CLOSED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, client_fixture_set_up, client_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_attempts_that_fail_unavailable_open_it_and_end_the_call),
        TEST(test_silent_attempts_open_it),
        TEST(test_a_call_past_its_deadline_counts),
        TEST(test_an_instance_that_fails_is_passed_over),
        TEST(test_refusals_are_answers),
        TEST(test_replicas_that_are_late_are_no_failure),
        TEST(test_an_answer_between_failures_keeps_it_closed),
        TEST(test_calls_given_up_say_nothing),
        TEST(test_after_a_probe_given_up_the_next_call_is_the_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
