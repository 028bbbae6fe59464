/* TopCounters and RankOf over a store that does what the test says; a real client. */
#include "counter-service/api/ranking_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/byte_buffer.h>
#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"
#include "tests/fakes/rpc_fixture.h"
#include "tests/fakes/wait_for.h"

#define TOP_COUNTERS "/tally.v1.CounterService/TopCounters"
#define RANK_OF "/tally.v1.CounterService/RankOf"

enum status store_submit(struct store *store, struct store_call *call)
{
    return fake_store_submit((struct fake_store *)store, call);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return grpc_message_bytes(text_of(text));
}

static Tally__V1__TopCountersRequest top_of(const char *type, const char *period)
{
    Tally__V1__TopCountersRequest request = TALLY__V1__TOP_COUNTERS_REQUEST__INIT;
    request.counter_type = bytes_of(type);
    request.window = bytes_of("day");
    request.period = bytes_of(period);
    return request;
}

static Tally__V1__RankOfRequest rank_of(const char *resource_id)
{
    Tally__V1__RankOfRequest request = TALLY__V1__RANK_OF_REQUEST__INIT;
    request.counter_type = bytes_of("like");
    request.window = bytes_of("day");
    request.resource_id = bytes_of(resource_id);
    return request;
}

/* The arena of what the last call was answered. */
static struct arena arena;

static int start(void **state)
{
    arena_init(&arena);
    return rpc_fixture_start(state);
}

static int end(void **state)
{
    arena_done(&arena);
    return rpc_fixture_end(state);
}

static const void *message_of(struct grpc_client_result result, const ProtobufCMessageDescriptor *descriptor)
{
    assert_int_equal(result.code, GRPC_STATUS_OK);
    assert_non_null(result.message);
    arena_reset(&arena);
    const ProtobufCMessage *message = grpc_message_unpack(descriptor, result.message, &arena);
    assert_non_null(message);
    grpc_byte_buffer_destroy(result.message);
    return message;
}

static const Tally__V1__TopCountersResponse *top(struct rpc_fixture *fixture, const char *type)
{
    const Tally__V1__TopCountersRequest request = top_of(type, "");
    return message_of(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base),
                      &tally__v1__top_counters_response__descriptor);
}

/* The fake store's scores are the number of its calls so far. */
static void test_an_answer_is_kept_for_the_rankings_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        const Tally__V1__TopCountersResponse *response = top(fixture, "like");
        assert_int_equal(response->n_entries, 1);
        assert_true(response->entries[0]->rank == 1 && response->entries[0]->score == 1);
        assert_true(text_equal(grpc_message_text(response->entries[0]->resource_id), TEXT("post-17")));
        assert_true(text_equal(grpc_message_text(response->state->period), TEXT("2026-11-25")));
        assert_true(response->state->complete && response->state->max_age_ms == 60000);
        assert_in_range(response->state->age_ms, 0, 20000);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

static void test_a_ranking_without_a_time_is_read_each_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int i = 1; i <= 5; i++) {
        const Tally__V1__TopCountersResponse *response = top(fixture, "view");
        assert_true(response->entries[0]->score == i);
        assert_true(response->state->max_age_ms == 0);
    }
}

static void test_a_resource_is_told_its_rank(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int i = 0; i < 2; i++) {
        const Tally__V1__RankOfRequest request = rank_of("post-17");
        const Tally__V1__RankOfResponse *response =
            message_of(rpc_fixture_ask(fixture, RANK_OF, &request.base), &tally__v1__rank_of_response__descriptor);
        assert_true(response->rank == 1 && response->score == 0 && !response->inexact);
        assert_int_equal(response->n_entries, 1);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

static void test_a_refusal_names_what_there_is(void **state)
{
    struct rpc_fixture *fixture = *state;
    Tally__V1__TopCountersRequest request = top_of("other", "");
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_NOT_FOUND,
                             "not_applied", "no ranking of \"other\" is configured: there are like, view");
    request = top_of("like", "25.11.2026");
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_INVALID_ARGUMENT,
                             "not_applied", "period must be of the form 2026-11-25");
    assert_int_equal(fake_store_submitted(&fixture->store), 0);
    request = top_of("like", "2026-11-20");
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_NOT_FOUND,
                             "not_applied", "period 2026-11-20 is not kept: 2026-11-24 and 2026-11-25 are");
    const Tally__V1__RankOfRequest rank = rank_of("");
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, RANK_OF, &rank.base), GRPC_STATUS_INVALID_ARGUMENT, "not_applied",
                             "resource_id must be 1-256 bytes");
}

static void test_a_failure_is_not_kept(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fake_store_set(&fixture->store, STATUS_OK, STATUS_REDIS_DOWN, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_UNAVAILABLE,
                             "not_applied", "The store is unavailable");
    fake_store_set(&fixture->store, STATUS_SHED, STATUS_OK, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_RESOURCE_EXHAUSTED,
                             "not_applied", "Overloaded");
    fake_store_set(&fixture->store, STATUS_OK, STATUS_OK, STATUS_OK);
    assert_true(top(fixture, "like")->entries[0]->score == 2);
}

enum { CALLERS = 8 };

/* Starts calls with the same question while the store holds the first one. */
static void start_many(struct rpc_fixture *fixture, struct grpc_client_call *calls[CALLERS])
{
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fake_store_hold(&fixture->store, true);
    for (size_t i = 0; i < CALLERS; i++) {
        calls[i] = grpc_client_start(fixture->client, TOP_COUNTERS, &request.base, RPC_FIXTURE_TIMEOUT_MS);
        fake_store_wait(&fixture->store, 1);
    }
}

static void test_callers_of_one_moment_share_one_read(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *calls[CALLERS];
    start_many(fixture, calls);
    fake_store_hold(&fixture->store, false);
    for (size_t i = 0; i < CALLERS; i++) {
        const Tally__V1__TopCountersResponse *response =
            message_of(grpc_client_end(calls[i]), &tally__v1__top_counters_response__descriptor);
        assert_true(response->entries[0]->score == 1);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

static void test_callers_of_one_moment_fail_together(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *calls[CALLERS];
    start_many(fixture, calls);
    fake_store_set(&fixture->store, STATUS_OK, STATUS_DATA_DAMAGED, STATUS_OK);
    clock_sleep_ms(200); /* until the last call has arrived: later ones would ask anew, and fail too */
    fake_store_hold(&fixture->store, false);
    for (size_t i = 0; i < CALLERS; i++) {
        rpc_fixture_assert_error(grpc_client_end(calls[i]), GRPC_STATUS_FAILED_PRECONDITION, "not_applied",
                                 "Stored data is damaged");
    }
}

static void test_a_client_that_leaves_does_not_end_the_read_of_the_others(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *calls[CALLERS];
    start_many(fixture, calls);
    grpc_client_cancel(calls[0]);
    assert_int_equal(grpc_client_end(calls[0]).code, GRPC_STATUS_CANCELLED);
    assert_true(fake_store_deadline_us(&fixture->store) == INT64_MAX);
    fake_store_hold(&fixture->store, false);
    for (size_t i = 1; i < CALLERS; i++) {
        (void)message_of(grpc_client_end(calls[i]), &tally__v1__top_counters_response__descriptor);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_is_kept_for_the_rankings_time),
        TEST(test_a_ranking_without_a_time_is_read_each_time),
        TEST(test_a_resource_is_told_its_rank),
        TEST(test_a_refusal_names_what_there_is),
        TEST(test_a_failure_is_not_kept),
        TEST(test_callers_of_one_moment_share_one_read),
        TEST(test_callers_of_one_moment_fail_together),
        TEST(test_a_client_that_leaves_does_not_end_the_read_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
