/* TopCounters and RankOf of a ranking that lies in several partitions, over a store that does what the test says. */
#include "counter-service/api/ranking_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counter-service/commands/redis_keys.h"
#include "tests/fakes/ranking_calls.h"
#include "tests/fakes/wait_for.h"

enum { PARTITIONS = 4 };

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
    const int result = rpc_fixture_start(state);
    if (result == 0) {
        ((struct rpc_fixture *)*state)->store.partitions = PARTITIONS;
    }
    return result;
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

static const Tally__V1__RankOfResponse *rank(struct rpc_fixture *fixture, const char *type, const char *resource_id)
{
    const Tally__V1__RankOfRequest request = rank_of(type, resource_id);
    return rank_answer(rpc_fixture_ask(fixture, RANK_OF, &request.base), &arena);
}

static size_t submitted(struct rpc_fixture *fixture)
{
    return fake_store_submitted(&fixture->store);
}

/* The fake store's scores are the number of its calls so far. */
static void test_a_question_is_asked_of_every_partition_once(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int i = 0; i < 5; i++) {
        const Tally__V1__TopCountersResponse *response = top(fixture, "like");
        assert_int_equal(response->n_entries, 1);
        assert_true(text_equal(grpc_message_text(response->entries[0]->resource_id), TEXT("post-17")));
        assert_true(response->state->complete);
        assert_true(text_equal(grpc_message_text(response->state->period), TEXT("2026-11-25")));
    }
    assert_int_equal(submitted(fixture), PARTITIONS);
    assert_true(rank(fixture, "like", "post-17")->rank == 1);
    assert_int_equal(submitted(fixture), PARTITIONS);
    assert_int_equal(fake_store_asked_total(&fixture->store), 0);
}

static void test_a_ranking_without_a_time_is_read_each_time(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(top(fixture, "view")->n_entries, 1);
        assert_int_equal(submitted(fixture), i * PARTITIONS);
    }
    fake_store_rank(&fixture->store, 5, 10);
    const Tally__V1__RankOfResponse *response = rank(fixture, "view", "post-18");
    assert_true(response->rank == 0 && response->score == 5);
    assert_int_equal(submitted(fixture), 4 * PARTITIONS);
    fake_store_rank(&fixture->store, 50, 10);
    assert_true(rank(fixture, "view", "post-18")->rank == 1);
    assert_int_equal(fake_store_asked_total(&fixture->store), 1 << redis_partition_of(TEXT("post-18"), PARTITIONS));
}

static void test_who_is_outside_costs_a_read_of_its_partition(void **state)
{
    struct rpc_fixture *fixture = *state;
    fake_store_rank(&fixture->store, 5, 10);
    uint64_t expected = 0;
    (void)top(fixture, "like");
    for (size_t i = 1; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof(name), "outside-%zu", i);
        const Tally__V1__RankOfResponse *response = rank(fixture, "like", name);
        assert_true(response->rank == 0 && response->score == 5 && response->n_entries == 0);
        assert_int_equal(submitted(fixture), PARTITIONS + i);
        expected |= UINT64_C(1) << redis_partition_of(text_of(name), PARTITIONS);
    }
    assert_int_equal(fake_store_asked_total(&fixture->store), expected);
}

static void test_who_has_come_among_the_best_meanwhile_is_told_the_rank(void **state)
{
    struct rpc_fixture *fixture = *state;
    fake_store_rank(&fixture->store, 5, 10);
    (void)top(fixture, "like");
    fake_store_rank(&fixture->store, 50, 10);
    const Tally__V1__RankOfResponse *response = rank(fixture, "like", "post-18");
    assert_true(response->rank == 1 && response->score == 50 && response->n_entries == 1);
    assert_int_equal(submitted(fixture), PARTITIONS + 1 + PARTITIONS);
    assert_true(rank(fixture, "like", "post-18")->rank == 1); /* it was read for all who ask */
    assert_int_equal(submitted(fixture), PARTITIONS + 1 + PARTITIONS);
}

static void test_a_partition_that_cannot_be_read_fails_the_question(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fake_store_set(&fixture->store, STATUS_OK, STATUS_REDIS_DOWN, STATUS_OK);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        fake_store_fail_partition(&fixture->store, partition);
        rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_UNAVAILABLE,
                                 "not_applied", "The store is unavailable");
        assert_int_equal(submitted(fixture), (size_t)(partition + 1) * PARTITIONS);
    }
    fake_store_set(&fixture->store, STATUS_OK, STATUS_OK, STATUS_OK);
    assert_int_equal(top(fixture, "like")->n_entries, 1); /* a failure is not kept */
}

static void test_a_partition_that_refuses_the_call_fails_the_question(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fake_store_set(&fixture->store, STATUS_SHED, STATUS_OK, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_RESOURCE_EXHAUSTED,
                             "not_applied", "Overloaded");
    assert_int_equal(submitted(fixture), 0);
}

static void test_a_total_of_a_partition_that_cannot_be_read_fails_alone(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__RankOfRequest request = rank_of("like", "post-18");
    (void)top(fixture, "like");
    fake_store_set(&fixture->store, STATUS_OK, STATUS_DATA_DAMAGED, STATUS_OK);
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, RANK_OF, &request.base), GRPC_STATUS_FAILED_PRECONDITION,
                             "not_applied", "");
    assert_true(rank(fixture, "like", "post-17")->rank == 1);
}

static void test_before_the_partitions_are_known_nothing_is(void **state)
{
    struct rpc_fixture *fixture = *state;
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fixture->store.partitions = 0;
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, TOP_COUNTERS, &request.base), GRPC_STATUS_UNAVAILABLE,
                             "not_applied", "The store is unavailable");
    assert_int_equal(submitted(fixture), 0);
    fixture->store.partitions = PARTITIONS;
    assert_int_equal(top(fixture, "like")->n_entries, 1);
}

enum { CALLERS = 8 };

static void test_callers_of_one_moment_share_the_reads(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *calls[CALLERS];
    const Tally__V1__TopCountersRequest request = top_of("like", "");
    fake_store_hold(&fixture->store, true);
    for (size_t i = 0; i < CALLERS; i++) {
        calls[i] = grpc_client_start(fixture->client, TOP_COUNTERS, &request.base, RPC_FIXTURE_TIMEOUT_MS);
        fake_store_wait(&fixture->store, PARTITIONS);
    }
    fake_store_hold(&fixture->store, false);
    for (size_t i = 0; i < CALLERS; i++) {
        const Tally__V1__TopCountersResponse *response = top_answer(grpc_client_end(calls[i]), &arena);
        assert_int_equal(response->n_entries, 1);
    }
    assert_int_equal(submitted(fixture), PARTITIONS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_question_is_asked_of_every_partition_once),
        TEST(test_a_ranking_without_a_time_is_read_each_time),
        TEST(test_who_is_outside_costs_a_read_of_its_partition),
        TEST(test_who_has_come_among_the_best_meanwhile_is_told_the_rank),
        TEST(test_a_partition_that_cannot_be_read_fails_the_question),
        TEST(test_a_partition_that_refuses_the_call_fails_the_question),
        TEST(test_a_total_of_a_partition_that_cannot_be_read_fails_alone),
        TEST(test_before_the_partitions_are_known_nothing_is),
        TEST(test_callers_of_one_moment_share_the_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
