/* The gRPC server with its services over a store that does what the test says; a real client. */
#include "counter-service/rpc/rpc_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <pthread.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"
#include "tests/fakes/rpc_fixture.h"

#define INCREMENT "/tally.v1.CounterService/Increment"
#define BATCH_INCREMENT "/tally.v1.CounterService/BatchIncrement"
#define LIST_COUNTERS "/tally.v1.CounterService/ListCounters"

enum status store_submit(struct store *store, struct store_call *call)
{
    return fake_store_submit((struct fake_store *)store, call);
}

int store_partitions(const struct store *store)
{
    return ((const struct fake_store *)store)->partitions;
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return grpc_message_bytes(text_of(text));
}

static Tally__V1__IncrementRequest increment(int64_t delta)
{
    Tally__V1__IncrementRequest request = TALLY__V1__INCREMENT_REQUEST__INIT;
    request.resource_id = bytes_of("post-17");
    request.counter_type = bytes_of("like");
    request.delta = delta;
    return request;
}

static int64_t value_of(struct grpc_client_result result)
{
    assert_int_equal(result.code, GRPC_STATUS_OK);
    assert_non_null(result.message);
    struct arena arena;
    arena_init(&arena);
    const ProtobufCMessage *message =
        grpc_message_unpack(&tally__v1__increment_response__descriptor, result.message, &arena);
    assert_non_null(message);
    const int64_t value = ((const Tally__V1__IncrementResponse *)message)->value;
    arena_done(&arena);
    grpc_byte_buffer_destroy(result.message);
    return value;
}

static void test_an_increment_is_answered_with_what_the_store_says(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(7);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(value_of(rpc_fixture_ask(fixture, INCREMENT, &request.base)), 700);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1000);
}

static void test_a_broken_rule_does_not_reach_the_store(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(0);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, INCREMENT, &request.base), GRPC_STATUS_INVALID_ARGUMENT,
                             "not_applied", "delta must not be 0");
    assert_int_equal(fake_store_submitted(&fixture->store), 0);
}

static void test_a_batch_of_bad_items_does_not_reach_the_store(void **state)
{
    struct rpc_fixture *fixture = *state;
    Tally__V1__IncrementRequest item = increment(0);
    Tally__V1__IncrementRequest *items[] = {&item};
    Tally__V1__BatchIncrementRequest request = TALLY__V1__BATCH_INCREMENT_REQUEST__INIT;
    request.n_items = 1;
    request.items = items;
    const struct grpc_client_result result = rpc_fixture_ask(fixture, BATCH_INCREMENT, &request.base);
    assert_int_equal(result.code, GRPC_STATUS_OK);
    grpc_byte_buffer_destroy(result.message);
    assert_int_equal(fake_store_submitted(&fixture->store), 0);
}

static void test_each_error_says_whether_it_was_applied(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const struct {
        enum status refuses;
        enum status call_status;
        enum status item_status;
        grpc_status_code code;
        const char *outcome;
        const char *detail;
    } cases[] = {
        {STATUS_SHED, 0, 0, GRPC_STATUS_RESOURCE_EXHAUSTED, "not_applied", "Overloaded"},
        {STATUS_REDIS_DOWN, 0, 0, GRPC_STATUS_UNAVAILABLE, "not_applied", "store"},
        {0, STATUS_REPLY_LOST, 0, GRPC_STATUS_UNKNOWN, "unknown", "No answer"},
        {0, STATUS_EXPIRED, 0, GRPC_STATUS_UNAVAILABLE, "not_applied", "deadline"},
        {0, STATUS_KEY_REUSED, 0, GRPC_STATUS_ALREADY_EXISTS, "not_applied", "reused"},
        {0, 0, STATUS_OVERFLOW, GRPC_STATUS_OUT_OF_RANGE, "not_applied", "overflow"},
        {0, 0, STATUS_DATA_DAMAGED, GRPC_STATUS_FAILED_PRECONDITION, "not_applied", "damaged"},
    };
    const Tally__V1__IncrementRequest request = increment(1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_store_set(&fixture->store, cases[i].refuses, cases[i].call_status, cases[i].item_status);
        rpc_fixture_assert_error(rpc_fixture_ask(fixture, INCREMENT, &request.base), cases[i].code, cases[i].outcome,
                                 cases[i].detail);
    }
}

static void test_a_listing_is_answered_and_its_memory_is_given_back(void **state)
{
    struct rpc_fixture *fixture = *state;
    Tally__V1__ListCountersRequest request = TALLY__V1__LIST_COUNTERS_REQUEST__INIT;
    request.resource_id = bytes_of("post-17");
    const struct grpc_client_result result = rpc_fixture_ask(fixture, LIST_COUNTERS, &request.base);
    assert_int_equal(result.code, GRPC_STATUS_OK);
    assert_int_equal(grpc_byte_buffer_length(result.message), 2 * 10);
    grpc_byte_buffer_destroy(result.message);
    fake_store_set(&fixture->store, STATUS_OK, STATUS_DATA_DAMAGED, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, LIST_COUNTERS, &request.base), GRPC_STATUS_FAILED_PRECONDITION,
                             "not_applied", "");
    fake_store_set(&fixture->store, STATUS_SHED, STATUS_OK, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, LIST_COUNTERS, &request.base), GRPC_STATUS_RESOURCE_EXHAUSTED,
                             "not_applied", "");
}

static void test_an_unknown_method_is_unimplemented_at_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(1);
    for (int i = 0; i < 100; i++) {
        rpc_fixture_assert_error(rpc_fixture_ask(fixture, "/tally.v1.CounterService/Nothing", &request.base),
                                 GRPC_STATUS_UNIMPLEMENTED, "not_applied", "no such method");
    }
}

static void test_a_call_lives_as_long_as_its_client_waits(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(1);
    const int64_t before_us = clock_monotonic_us();
    value_of(grpc_client_ask(fixture->client, INCREMENT, &request.base, 5000));
    assert_true(fake_store_deadline_us(&fixture->store) >= before_us + 4900000);
    assert_true(fake_store_deadline_us(&fixture->store) <= clock_monotonic_us() + 5010000);
}

static void test_a_client_that_goes_away_leaves_nothing_behind(void **state)
{
    struct rpc_fixture *fixture = *state;
    enum { CALLS = 100 };
    const Tally__V1__IncrementRequest request = increment(1);
    fake_store_hold(&fixture->store, true);
    struct grpc_client_call *calls[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = grpc_client_start(fixture->client, INCREMENT, &request.base, RPC_FIXTURE_TIMEOUT_MS);
    }
    fake_store_wait(&fixture->store, CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        grpc_client_cancel(calls[i]);
        assert_int_equal(grpc_client_end(calls[i]).code, GRPC_STATUS_CANCELLED);
    }
    fake_store_hold(&fixture->store, false);
    assert_int_equal(value_of(rpc_fixture_ask(fixture, INCREMENT, &request.base)), 100);
}

static void test_a_call_whose_request_never_comes_disturbs_nobody(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(1);
    struct grpc_client_call *silent = grpc_client_start(fixture->client, INCREMENT, NULL, RPC_FIXTURE_TIMEOUT_MS);
    assert_int_equal(value_of(rpc_fixture_ask(fixture, INCREMENT, &request.base)), 100);
    grpc_client_cancel(silent);
    assert_int_equal(grpc_client_end(silent).code, GRPC_STATUS_CANCELLED);
}

static void *answer_soon(void *data)
{
    usleep(200 * 1000);
    fake_store_hold(data, false);
    return NULL;
}

static void test_draining_waits_for_calls_in_flight(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(1);
    fake_store_hold(&fixture->store, true);
    struct grpc_client_call *call =
        grpc_client_start(fixture->client, INCREMENT, &request.base, RPC_FIXTURE_TIMEOUT_MS);
    fake_store_wait(&fixture->store, 1);
    pthread_t helper;
    assert_int_equal(pthread_create(&helper, NULL, answer_soon, &fixture->store), 0);
    assert_true(rpc_server_drain(fixture->server, RPC_FIXTURE_TIMEOUT_MS));
    pthread_join(helper, NULL);
    assert_int_equal(value_of(grpc_client_end(call)), 100);
    assert_int_equal(grpc_client_ask(fixture->client, INCREMENT, &request.base, RPC_FIXTURE_TIMEOUT_MS).code,
                     GRPC_STATUS_UNAVAILABLE);
}

enum { SILENT = 20 };

static void start_silent(struct rpc_fixture *fixture, struct grpc_client_call *calls[SILENT])
{
    for (size_t i = 0; i < SILENT; i++) {
        calls[i] = grpc_client_start(fixture->client, INCREMENT, NULL, RPC_FIXTURE_TIMEOUT_MS);
    }
    /* Sent before this one, so they have arrived when it is answered. */
    const Tally__V1__IncrementRequest request = increment(1);
    assert_int_equal(value_of(rpc_fixture_ask(fixture, INCREMENT, &request.base)), 100);
}

static void end_silent(struct grpc_client_call *calls[SILENT])
{
    for (size_t i = 0; i < SILENT; i++) {
        assert_int_equal(grpc_client_end(calls[i]).code, GRPC_STATUS_UNAVAILABLE);
    }
}

static void test_calls_whose_request_never_comes_do_not_hold_up_draining(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *silent[SILENT];
    start_silent(fixture, silent);
    const int64_t before_us = clock_monotonic_us();
    assert_true(rpc_server_drain(fixture->server, RPC_FIXTURE_TIMEOUT_MS));
    assert_true(clock_monotonic_us() - before_us < INT64_C(1000) * RPC_FIXTURE_TIMEOUT_MS / 2);
    end_silent(silent);
}

static void *answer_later(void *data)
{
    usleep(3000 * 1000); /* past RPC_QUIET_MS_MAX and RPC_SILENT_MS */
    fake_store_hold(data, false);
    return NULL;
}

static void test_calls_whose_request_never_comes_end_after_those_that_are_worked_on(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *silent[SILENT];
    start_silent(fixture, silent);
    const Tally__V1__IncrementRequest request = increment(1);
    fake_store_hold(&fixture->store, true);
    struct grpc_client_call *call =
        grpc_client_start(fixture->client, INCREMENT, &request.base, RPC_FIXTURE_TIMEOUT_MS);
    fake_store_wait(&fixture->store, 2);
    pthread_t helper;
    assert_int_equal(pthread_create(&helper, NULL, answer_later, &fixture->store), 0);
    assert_true(rpc_server_drain(fixture->server, RPC_FIXTURE_TIMEOUT_MS));
    pthread_join(helper, NULL);
    assert_int_equal(value_of(grpc_client_end(call)), 100);
    end_silent(silent);
}

/* What is left at drain.timeout is answered by the end of the store, and that answer arrives. */
static void test_a_call_left_at_the_end_is_told_that_nothing_was_done(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__IncrementRequest request = increment(1);
    fake_store_hold(&fixture->store, true);
    struct grpc_client_call *call =
        grpc_client_start(fixture->client, INCREMENT, &request.base, RPC_FIXTURE_TIMEOUT_MS);
    fake_store_wait(&fixture->store, 1);
    assert_false(rpc_server_drain(fixture->server, 50));
    fake_store_stop(&fixture->store);
    rpc_fixture_assert_error(grpc_client_end(call), GRPC_STATUS_UNAVAILABLE, "not_applied", "Shutting down");
}

static void test_two_servers_do_not_share_a_port(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct error error = {""};
    const struct rpc_server_options options = {
        .host = "127.0.0.1",
        .port = rpc_server_port(fixture->server),
        .threads = 1,
        .keep_alive_ms = 30000,
    };
    assert_null(rpc_server_create(&options, NULL, 0, &error));
    assert_non_null(strstr(error.message, "cannot listen on 127.0.0.1:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_increment_is_answered_with_what_the_store_says, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_broken_rule_does_not_reach_the_store, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_batch_of_bad_items_does_not_reach_the_store, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_each_error_says_whether_it_was_applied, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_listing_is_answered_and_its_memory_is_given_back, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_an_unknown_method_is_unimplemented_at_once, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_call_lives_as_long_as_its_client_waits, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_client_that_goes_away_leaves_nothing_behind, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_call_whose_request_never_comes_disturbs_nobody, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_draining_waits_for_calls_in_flight, rpc_fixture_start, rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_calls_whose_request_never_comes_do_not_hold_up_draining, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_calls_whose_request_never_comes_end_after_those_that_are_worked_on,
                                        rpc_fixture_start, rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_call_left_at_the_end_is_told_that_nothing_was_done, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_two_servers_do_not_share_a_port, rpc_fixture_start, rpc_fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
