/* Attempts, time-outs and re-sends against real gRPC servers in this process. */
#include "gateway/rpc/counter_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "tests/fakes/client_fixture.h"
#include "tests/fakes/wait_for.h"

static const struct plan ok = {.reply_len = 5};
static const struct plan silent = {.silent = true};
static const struct plan refused = {.code = GRPC_STATUS_UNAVAILABLE, .outcome = "not_applied"};
static const struct plan reset = {.code = GRPC_STATUS_UNAVAILABLE};

/* One server with these plans, and a client. */
#define START_WITH(fixture, attempt_timeout_ms, ...) \
    do { \
        const struct plan plans_[] = {__VA_ARGS__}; \
        client_fixture_add_server((fixture), plans_, sizeof(plans_) / sizeof(plans_[0])); \
        client_fixture_start((fixture), (attempt_timeout_ms)); \
    } while (0)
#define START(fixture, ...) START_WITH((fixture), ATTEMPT_TIMEOUT_MS, __VA_ARGS__)
/* A client that soon gives a silent attempt up. */
#define START_IMPATIENT(fixture, ...) START_WITH((fixture), IMPATIENT_MS, __VA_ARGS__)

/* Makes one call and checks its end. */
static void call_and_expect(struct client_fixture *fixture, int64_t timeout_us, enum status status, unsigned rpcs)
{
    struct call_result result;
    client_fixture_call(fixture, &result, timeout_us);
    client_fixture_run(fixture, &result, 1);
    assert_string_equal(status_name(result.status), status_name(status));
    assert_int_equal(client_fixture_seen(fixture, 0), rpcs);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void test_an_answer_comes_back(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    client_fixture_run(fixture, &result, 1);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.reply_len, 5);
    const struct seen_rpc *seen = &fixture->servers[0].seen[0];
    assert_string_equal(seen->method, "/tally.v1.CounterService/SessionIncrement");
    assert_string_equal(seen->request, "the message");
}

static void test_the_deadline_travels(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    const int64_t deadline_ms = 60 * 1000;
    call_and_expect(fixture, deadline_ms * 1000, STATUS_OK, 1);
    /* gRPC rounds a time-out of that length up to a tenth of a second or so. */
    assert_in_range(fixture->servers[0].seen[0].remaining_ms, deadline_ms - LONG_US / 1000, deadline_ms + 1000);
}

static void test_many_calls_at_once_are_all_answered(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    enum { CALLS = 200 };
    struct call_result results[CALLS];
    for (int i = 0; i < CALLS; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_run(fixture, results, CALLS);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(results[i].status, STATUS_OK);
    }
}

static void start_another(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    (void)reply;
    assert_int_equal(status, STATUS_OK);
    struct client_fixture *fixture = ((void **)ctx)[0];
    client_fixture_call(fixture, ((void **)ctx)[1], LONG_US);
}

static void test_on_done_may_start_the_next_call(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, ok);
    struct call_result next = {0};
    void *ctx[] = {fixture, &next};
    const int64_t now_us = clock_monotonic_us();
    const struct client_call_options options = {
        .rpc = COUNTER_RPC_BATCH_GET, .deadline_us = now_us + LONG_US, .on_done = start_another, .ctx = ctx};
    assert_non_null(client_call_start(fixture->client, &options, client_fixture_message("m", 1), now_us));
    client_fixture_run(fixture, &next, 1);
    assert_int_equal(next.status, STATUS_OK);
}

/* --- re-sends ----------------------------------------------------------------------------------------------------- */

static void test_a_silent_attempt_is_sent_again_with_the_same_bytes(void **state)
{
    struct client_fixture *fixture = *state;
    START_IMPATIENT(fixture, silent, ok);
    const int64_t start_us = clock_monotonic_us();
    call_and_expect(fixture, LONG_US, STATUS_OK, 2);
    assert_in_range(clock_monotonic_us() - start_us, IMPATIENT_MS * 1000, LONG_US);
    assert_string_equal(fixture->servers[0].seen[1].request, fixture->servers[0].seen[0].request);
    assert_string_equal(fixture->servers[0].seen[1].method, fixture->servers[0].seen[0].method);
}

static void test_a_re_send_goes_to_another_instance(void **state)
{
    struct client_fixture *fixture = *state;
    client_fixture_add_server(fixture, &silent, 1);
    client_fixture_add_server(fixture, &ok, 1);
    client_fixture_start(fixture, IMPATIENT_MS);
    struct call_result results[4];
    for (int i = 0; i < 4; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_run(fixture, results, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i].status, STATUS_OK);
    }
    assert_int_equal(client_fixture_seen(fixture, 0), 2);
    assert_int_equal(client_fixture_seen(fixture, 1), 4);
}

static void test_a_connection_lost_is_sent_again_on_another_instance(void **state)
{
    struct client_fixture *fixture = *state;
    client_fixture_add_server(fixture, &silent, 1);
    client_fixture_add_server(fixture, &ok, 1);
    client_fixture_start(fixture, ATTEMPT_TIMEOUT_MS);
    struct call_result results[2];
    client_fixture_call(fixture, &results[0], LONG_US);
    client_fixture_call(fixture, &results[1], LONG_US);
    client_fixture_wait_for_rpcs(fixture, 1);
    fake_grpc_server_stop(fixture->servers[0].server);
    fixture->servers[0].server = NULL;
    client_fixture_run(fixture, results, 2);
    assert_int_equal(results[0].status, STATUS_OK);
    assert_int_equal(results[1].status, STATUS_OK);
}

static void test_a_refused_attempt_is_sent_again(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused, refused, ok);
    call_and_expect(fixture, LONG_US, STATUS_OK, 3);
}

static void test_an_error_of_the_request_is_not_sent_again(void **state)
{
    static const struct {
        grpc_status_code code;
        enum status status;
    } cases[] = {
        {GRPC_STATUS_INVALID_ARGUMENT, STATUS_INVALID_ARGUMENT},
        {GRPC_STATUS_OUT_OF_RANGE, STATUS_OVERFLOW},
        {GRPC_STATUS_ALREADY_EXISTS, STATUS_KEY_REUSED},
        {GRPC_STATUS_FAILED_PRECONDITION, STATUS_DATA_DAMAGED},
        {GRPC_STATUS_ABORTED, STATUS_NO_SESSION},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_fixture *fixture = *state;
        START(fixture, {.code = cases[i].code, .outcome = "not_applied"});
        call_and_expect(fixture, LONG_US, cases[i].status, 1);
        client_fixture_tear_down(state);
        client_fixture_set_up(state);
    }
}

static const struct plan unimplemented = {.code = GRPC_STATUS_UNIMPLEMENTED, .outcome = "not_applied"};

static void test_what_an_instance_does_not_know_is_sent_to_another_one(void **state)
{
    struct client_fixture *fixture = *state;
    client_fixture_add_server(fixture, &unimplemented, 1);
    client_fixture_add_server(fixture, &ok, 1);
    client_fixture_start(fixture, ATTEMPT_TIMEOUT_MS);
    struct call_result results[4];
    for (int i = 0; i < 4; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_run(fixture, results, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i].status, STATUS_OK);
    }
    assert_int_equal(client_fixture_seen(fixture, 0), 2);
}

static void test_what_the_only_instance_does_not_know_is_not_sent_again(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, unimplemented);
    call_and_expect(fixture, LONG_US, STATUS_UNIMPLEMENTED, 1);
}

static void test_re_sends_end_when_the_budget_is_used_up(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused);
    enum { CALLS = 200 };
    struct call_result results[CALLS];
    for (int i = 0; i < CALLS; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    const int64_t start_us = clock_monotonic_us();
    client_fixture_run(fixture, results, CALLS);
    assert_in_range(clock_monotonic_us() - start_us, 0, LONG_US - 1); /* nobody waited for its deadline */
    assert_int_equal(client_fixture_seen(fixture, 0), CALLS + 100);
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

static void call_until_the_deadline(struct client_fixture *fixture, unsigned attempts, enum status status)
{
    struct call_result result;
    client_fixture_call_until_the_deadline(fixture, &result, attempts);
    assert_string_equal(status_name(result.status), status_name(status));
    assert_int_equal(client_fixture_seen(fixture, 0), attempts);
}

static void test_a_refusal_to_the_end_is_not_applied(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused);
    call_until_the_deadline(fixture, 3, STATUS_REDIS_DOWN);
}

static void test_unavailable_without_the_trailer_is_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset);
    call_until_the_deadline(fixture, 1, STATUS_REPLY_LOST);
}

static void test_unknown_stays_unknown_after_a_refusal(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset, refused);
    call_until_the_deadline(fixture, 3, STATUS_REPLY_LOST);
}

static void test_a_silent_attempt_makes_a_later_refusal_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START_IMPATIENT(fixture, silent, {.code = GRPC_STATUS_INVALID_ARGUMENT, .outcome = "not_applied"});
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST, 2);
}

static const struct plan no_session = {.code = GRPC_STATUS_ABORTED, .outcome = "not_applied"};

static void test_no_session_is_not_applied_if_every_attempt_before_was_not(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused, no_session);
    call_and_expect(fixture, LONG_US, STATUS_NO_SESSION, 2);
}

static void test_no_session_after_an_unknown_attempt_stays_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset, no_session);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST, 2);
}

static void test_no_session_after_a_silent_attempt_stays_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START_IMPATIENT(fixture, silent, no_session);
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST, 2);
}

static void test_a_reused_sequence_after_an_unknown_attempt_stays_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset, {.code = GRPC_STATUS_ALREADY_EXISTS, .outcome = "not_applied"});
    call_and_expect(fixture, LONG_US, STATUS_REPLY_LOST, 2);
}

static void test_results_settle_an_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, reset, refused, ok);
    call_and_expect(fixture, LONG_US, STATUS_OK, 3);
}

static void test_ok_without_a_message_is_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, {.code = GRPC_STATUS_OK}, ok);
    call_and_expect(fixture, LONG_US, STATUS_OK, 2);
}

static void test_a_reply_over_the_size_limit_is_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, {.reply_len = GRPC_MESSAGE_BYTES_MAX + 1});
    call_until_the_deadline(fixture, 1, STATUS_REPLY_LOST);
}

/* --- deadlines and ends ------------------------------------------------------------------------------------------- */

static void test_a_call_ends_at_its_deadline(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, silent);
    const int64_t start_us = clock_monotonic_us();
    call_and_expect(fixture, 2000 * 1000, STATUS_DEADLINE_EXCEEDED, 1);
    assert_in_range(clock_monotonic_us() - start_us, 1990 * 1000, ATTEMPT_TIMEOUT_MS * 1000 - 1);
}

static void test_a_call_silent_to_the_end_is_unknown(void **state)
{
    struct client_fixture *fixture = *state;
    START_IMPATIENT(fixture, silent);
    struct call_result result;
    client_fixture_call(fixture, &result, (IMPATIENT_MS * 5 / 2) * 1000);
    client_fixture_run(fixture, &result, 1);
    assert_int_equal(status_outcome(result.status), OUTCOME_UNKNOWN);
    assert_in_range(client_fixture_seen(fixture, 0), 2, 3);
}

static void test_with_the_only_instance_gone_the_call_ends_before_its_deadline(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, silent);
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    client_fixture_wait_for_rpcs(fixture, 1);
    const int64_t start_us = clock_monotonic_us();
    fake_grpc_server_stop(fixture->servers[0].server);
    fixture->servers[0].server = NULL;
    client_fixture_run(fixture, &result, 1);
    assert_int_equal(result.status, STATUS_REPLY_LOST);
    assert_in_range(clock_monotonic_us() - start_us, 0, LONG_US - 1);
}

static void wait_for_cancelled(struct client_fixture *fixture, unsigned count)
{
    WAIT_FOR(fake_grpc_server_cancelled(fixture->servers[0].server) >= count);
}

static void test_an_abandoned_call_is_cancelled_and_not_told(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, silent);
    struct call_result results[2];
    client_fixture_call(fixture, &results[0], LONG_US);
    client_fixture_call(fixture, &results[1], LONG_US);
    client_fixture_wait_for_rpcs(fixture, 2);
    client_call_abandon(results[0].call);
    wait_for_cancelled(fixture, 1);
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    client_call_abandon(results[1].call);
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    assert_int_equal(results[0].ends + results[1].ends, 0);
    assert_int_equal(client_fixture_seen(fixture, 0), 2);
}

static void test_a_call_abandoned_while_it_backs_off_is_not_sent_again(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, refused);
    struct call_result result;
    client_fixture_call(fixture, &result, LONG_US);
    client_fixture_wait_for_rpcs(fixture, 1);
    WAIT_FOR_SEM(&fixture->woken);
    counter_client_poll(fixture->client, clock_monotonic_us());
    client_call_abandon(result.call);
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 100 * 1000);
    assert_int_equal(result.ends, 0);
    assert_int_equal(client_fixture_seen(fixture, 0), 1);
}

/* Started in this order, and the others given up by the one that is `ends`. */
static void end_one_and_abandon(struct client_fixture *fixture, size_t ends, size_t abandoned)
{
    static const struct plan invalid = {.code = GRPC_STATUS_INVALID_ARGUMENT, .outcome = "not_applied"};
    struct call_result results[3];
    client_fixture_add_server(
        fixture,
        (const struct plan[]){ends == 0 ? invalid : silent, ends == 1 ? invalid : silent, ends == 2 ? invalid : silent},
        3);
    client_fixture_start(fixture, ATTEMPT_TIMEOUT_MS);
    for (unsigned i = 0; i < 3; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
        client_fixture_wait_for_rpcs(fixture, i + 1);
    }
    results[ends].gives_up = results[abandoned].call;
    client_fixture_run(fixture, &results[ends], 1);
    wait_for_cancelled(fixture, 1);
    client_fixture_run_until(fixture, NULL, 0, clock_monotonic_us() + 50 * 1000);
    assert_int_equal(results[0].ends + results[1].ends + results[2].ends, 1);
    client_call_abandon(results[3 - ends - abandoned].call);
}

static void test_the_end_of_a_call_may_abandon_the_one_before_it(void **state)
{
    end_one_and_abandon(*state, 1, 0);
}

static void test_the_end_of_a_call_may_abandon_the_one_after_it(void **state)
{
    end_one_and_abandon(*state, 1, 2);
}

static void test_the_end_of_the_last_call_may_abandon_the_first(void **state)
{
    end_one_and_abandon(*state, 2, 0);
}

static void test_freeing_the_client_cancels_what_is_out(void **state)
{
    struct client_fixture *fixture = *state;
    START(fixture, silent);
    struct call_result results[10];
    for (int i = 0; i < 10; i++) {
        client_fixture_call(fixture, &results[i], LONG_US);
    }
    client_fixture_wait_for_rpcs(fixture, 10);
    counter_client_free(fixture->client);
    fixture->client = NULL;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(results[i].ends, 0);
    }
    wait_for_cancelled(fixture, 10);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, client_fixture_set_up, client_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_comes_back),
        TEST(test_the_deadline_travels),
        TEST(test_many_calls_at_once_are_all_answered),
        TEST(test_on_done_may_start_the_next_call),
        TEST(test_a_silent_attempt_is_sent_again_with_the_same_bytes),
        TEST(test_a_re_send_goes_to_another_instance),
        TEST(test_a_connection_lost_is_sent_again_on_another_instance),
        TEST(test_a_refused_attempt_is_sent_again),
        TEST(test_an_error_of_the_request_is_not_sent_again),
        TEST(test_what_an_instance_does_not_know_is_sent_to_another_one),
        TEST(test_what_the_only_instance_does_not_know_is_not_sent_again),
        TEST(test_re_sends_end_when_the_budget_is_used_up),
        TEST(test_a_refusal_to_the_end_is_not_applied),
        TEST(test_unavailable_without_the_trailer_is_unknown),
        TEST(test_unknown_stays_unknown_after_a_refusal),
        TEST(test_a_silent_attempt_makes_a_later_refusal_unknown),
        TEST(test_no_session_is_not_applied_if_every_attempt_before_was_not),
        TEST(test_no_session_after_an_unknown_attempt_stays_unknown),
        TEST(test_no_session_after_a_silent_attempt_stays_unknown),
        TEST(test_a_reused_sequence_after_an_unknown_attempt_stays_unknown),
        TEST(test_results_settle_an_unknown),
        TEST(test_ok_without_a_message_is_unknown),
        TEST(test_a_reply_over_the_size_limit_is_unknown),
        TEST(test_a_call_ends_at_its_deadline),
        TEST(test_a_call_silent_to_the_end_is_unknown),
        TEST(test_with_the_only_instance_gone_the_call_ends_before_its_deadline),
        TEST(test_an_abandoned_call_is_cancelled_and_not_told),
        TEST(test_a_call_abandoned_while_it_backs_off_is_not_sent_again),
        TEST(test_the_end_of_a_call_may_abandon_the_one_before_it),
        TEST(test_the_end_of_a_call_may_abandon_the_one_after_it),
        TEST(test_the_end_of_the_last_call_may_abandon_the_first),
        TEST(test_freeing_the_client_cancels_what_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
