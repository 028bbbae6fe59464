/* TopCounters and RankOf over a store that does what the test says; a real client. */
#include "counter-service/api/ranking_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/ranking_calls.h"
#include "tests/fakes/wait_for.h"

enum status store_submit(struct store *store, struct store_call *call)
{
    return fake_store_submit((struct fake_store *)store, call);
}

int store_partitions(const struct store *store)
{
    return ((const struct fake_store *)store)->partitions;
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

static const Tally__V1__TopCountersResponse *top(struct rpc_fixture *fixture, const char *type)
{
    const Tally__V1__TopCountersRequest request = top_of(type, "");
    return top_answer(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), &arena);
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

static const Tally__V1__RankOfResponse *rank(struct rpc_fixture *fixture, const char *type, const char *resource_id)
{
    const Tally__V1__RankOfRequest request = rank_of(type, resource_id);
    return rank_answer(rpc_fixture_ask(fixture, RANK_OF, &request.base), &arena);
}

static void test_all_questions_about_a_ranking_share_one_read(void **state)
{
    struct rpc_fixture *fixture = *state;
    assert_true(top(fixture, "like")->entries[0]->score == 1);
    for (int i = 0; i < 3; i++) {
        const Tally__V1__RankOfResponse *response = rank(fixture, "like", "post-17");
        assert_true(response->rank == 1 && response->score == 1 && response->state->complete);
        assert_int_equal(response->n_entries, 1);
    }
    Tally__V1__TopCountersRequest request = top_of("like", "");
    request.limit = 7;
    request.offset = 1;
    const Tally__V1__TopCountersResponse *response =
        top_answer(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), &arena);
    assert_int_equal(response->n_entries, 0);
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

static void test_who_is_outside_costs_a_read_of_the_total(void **state)
{
    struct rpc_fixture *fixture = *state;
    fake_store_rank(&fixture->store, 5, 10);
    assert_true(top(fixture, "like")->entries[0]->score == 1);
    for (size_t i = 1; i <= 3; i++) {
        const Tally__V1__RankOfResponse *response = rank(fixture, "like", "post-18");
        assert_true(response->rank == 0 && response->score == 5 && response->n_entries == 0);
        assert_true(response->state->complete && response->state->max_age_ms == 60000);
        assert_int_equal(fake_store_submitted(&fixture->store), 1 + i);
    }
    /* That of all is kept still. */
    assert_true(top(fixture, "like")->entries[0]->score == 1);
}

static void test_who_has_come_among_the_best_meanwhile_is_told_the_rank(void **state)
{
    struct rpc_fixture *fixture = *state;
    fake_store_rank(&fixture->store, 5, 10);
    (void)top(fixture, "like");
    fake_store_rank(&fixture->store, 50, 10);
    const Tally__V1__RankOfResponse *response = rank(fixture, "like", "post-18");
    assert_true(response->rank == 1 && response->score == 50 && response->n_entries == 1);
    assert_true(text_equal(grpc_message_text(response->entries[0]->resource_id), TEXT("post-18")));
    assert_int_equal(fake_store_submitted(&fixture->store), 3);
    /* The whole was read, for all who ask: it costs nothing to ask again. */
    for (int i = 0; i < 5; i++) {
        assert_true(rank(fixture, "like", "post-18")->rank == 1);
        assert_true(top(fixture, "like")->entries[0]->score == 50);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 3);
}

static void test_without_a_time_one_read_has_order_and_total(void **state)
{
    struct rpc_fixture *fixture = *state;
    fake_store_rank(&fixture->store, 5, 10);
    const Tally__V1__RankOfResponse *response = rank(fixture, "view", "post-18");
    assert_true(response->rank == 0 && response->score == 5 && response->state->max_age_ms == 0);
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
    fake_store_rank(&fixture->store, 50, 10);
    assert_true(rank(fixture, "view", "post-18")->rank == 1);
    assert_int_equal(fake_store_submitted(&fixture->store), 2);
}

static void test_a_read_of_a_total_may_fail(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__RankOfRequest request = rank_of("like", "post-18");
    (void)top(fixture, "like");
    fake_store_set(&fixture->store, STATUS_OK, STATUS_REDIS_DOWN, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, RANK_OF, &request.base), GRPC_STATUS_UNAVAILABLE, "not_applied",
                             "The store is unavailable");
    fake_store_set(&fixture->store, STATUS_SHED, STATUS_OK, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, RANK_OF, &request.base), GRPC_STATUS_RESOURCE_EXHAUSTED,
                             "not_applied", "Overloaded");
    assert_true(rank(fixture, "like", "post-17")->rank == 1);
}

static void test_a_period_that_is_not_kept_is_read_each_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__TopCountersRequest request = top_of("like", "2026-11-20");
    for (size_t i = 1; i <= 2; i++) {
        rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_NOT_FOUND,
                                 "not_applied", "period 2026-11-20 is not kept: 2026-11-24 and 2026-11-25 are");
        assert_int_equal(fake_store_submitted(&fixture->store), i);
    }
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
    const Tally__V1__RankOfRequest nobody = rank_of("like", "");
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, RANK_OF, &nobody.base), GRPC_STATUS_INVALID_ARGUMENT,
                             "not_applied", "resource_id must be 1-256 bytes");
    assert_int_equal(fake_store_submitted(&fixture->store), 0);
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
        const Tally__V1__TopCountersResponse *response = top_answer(grpc_client_end(calls[i]), &arena);
        assert_true(response->entries[0]->score == 1);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

static void test_who_waited_and_is_outside_reads_the_total(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *calls[CALLERS];
    const Tally__V1__RankOfRequest request = rank_of("like", "post-18");
    fake_store_rank(&fixture->store, 5, 10);
    start_many(fixture, calls);
    struct grpc_client_call *outside =
        grpc_client_start(fixture->client, RANK_OF, &request.base, RPC_FIXTURE_TIMEOUT_MS);
    clock_sleep_ms(200); /* until it has arrived: later it would not wait, and be answered all the same */
    fake_store_hold(&fixture->store, false);
    const Tally__V1__RankOfResponse *response = rank_answer(grpc_client_end(outside), &arena);
    assert_true(response->rank == 0 && response->score == 5);
    for (size_t i = 0; i < CALLERS; i++) {
        (void)top_answer(grpc_client_end(calls[i]), &arena);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 2);
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
        (void)top_answer(grpc_client_end(calls[i]), &arena);
    }
    assert_int_equal(fake_store_submitted(&fixture->store), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_is_kept_for_the_rankings_time),
        TEST(test_a_ranking_without_a_time_is_read_each_time),
        TEST(test_all_questions_about_a_ranking_share_one_read),
        TEST(test_who_is_outside_costs_a_read_of_the_total),
        TEST(test_who_has_come_among_the_best_meanwhile_is_told_the_rank),
        TEST(test_without_a_time_one_read_has_order_and_total),
        TEST(test_a_read_of_a_total_may_fail),
        TEST(test_a_period_that_is_not_kept_is_read_each_time),
        TEST(test_a_refusal_names_what_there_is),
        TEST(test_a_failure_is_not_kept),
        TEST(test_callers_of_one_moment_share_one_read),
        TEST(test_who_waited_and_is_outside_reads_the_total),
        TEST(test_callers_of_one_moment_fail_together),
        TEST(test_a_client_that_leaves_does_not_end_the_read_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
