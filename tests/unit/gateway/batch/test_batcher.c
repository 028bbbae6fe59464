#include "gateway/batch/batcher.h"

#include <grpc/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/batcher_fixture.h"

static void test_a_lone_request_leaves_at_the_end_of_the_turn(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    assert_int_equal(calls(), 0);
    assert_int_equal(batcher_turn(batcher, START_US), START_US + TIMEOUT_US);
    assert_int_equal(calls(), 1);
    assert_int_equal(fake_client.calls[0].rpc, COUNTER_RPC_SESSION_INCREMENT);
    assert_int_equal(fake_client.calls[0].item_count, 1);
    assert_int_equal(fake_client.calls[0].started_us, START_US);
    answer_increment(0);
    assert_status(&asked, 0, STATUS_OK);
    assert_int_equal(asked.results[0].value, 100);
    assert_int_equal(batcher_turn(batcher, START_US + 1), KEEP_US);
}

static void test_a_read_gets_its_value(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_GET, 1);
    batcher_turn(batcher, START_US);
    const Tally__V1__GetRequest *query = fake_client.calls[0].get->queries[0];
    assert_int_equal(query->resource_id.len, strlen("post:1"));
    assert_memory_equal(query->resource_id.data, "post:1", strlen("post:1"));
    assert_int_equal(query->counter_type.len, strlen("like"));
    answer_get(0, INT64_MIN);
    assert_status(&asked, 0, STATUS_OK);
    assert_true(asked.results[0].value == INT64_MIN);
}

static void test_a_call_that_failed_is_every_items_result(void **state)
{
    (void)state;
    static struct asked asked[2];
    ask(&asked[0], BATCH_INCREMENT, 2);
    ask(&asked[1], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_REDIS_DOWN, NULL);
    assert_status(&asked[0], 0, STATUS_REDIS_DOWN);
    assert_status(&asked[0], 1, STATUS_REDIS_DOWN);
    assert_status(&asked[1], 0, STATUS_REDIS_DOWN);
}

static void test_a_reply_with_another_number_of_results_tells_nothing(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 3);
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_OK, &increment_reply(2)->response.base);
    for (size_t i = 0; i < 3; i++) {
        assert_status(&asked, i, STATUS_REPLY_LOST);
    }
}

static void test_an_operation_that_broke_a_rule_is_not_sent(void **state)
{
    (void)state;
    static struct asked asked;
    make(&asked, BATCH_INCREMENT, 3, START_US + TIMEOUT_US);
    asked.request->operations[1].status = STATUS_INVALID_ARGUMENT;
    asked.request->operations[1].done = true;
    submit(&asked);
    batcher_turn(batcher, START_US);
    assert_int_equal(fake_client.calls[0].item_count, 2);
    assert_int_equal(fake_client.calls[0].increment->items[1]->delta, 3);
    answer_increment(0);
    assert_status(&asked, 0, STATUS_OK);
    assert_status(&asked, 1, STATUS_INVALID_ARGUMENT);
    assert_status(&asked, 2, STATUS_OK);
    assert_int_equal(asked.results[0].value, 100);
    assert_int_equal(asked.results[2].value, 101);
}

/* --- when a batch leaves ------------------------------------------------------------------------------------------ */

static void test_what_arrives_meanwhile_leaves_together_when_an_rpc_is_back(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked[2];
    fill_rpcs(out);
    ask(&asked[0], BATCH_INCREMENT, 1);
    ask(&asked[1], BATCH_INCREMENT, 2);
    assert_int_equal(batcher_turn(batcher, START_US + 1000), START_US + HOLD_US);
    assert_int_equal(calls(), RPCS_MAX);
    answer_increment(1);
    assert_int_equal(calls(), RPCS_MAX); /* not before the end of the turn */
    batcher_turn(batcher, START_US + 1001);
    assert_int_equal(calls(), RPCS_MAX + 1);
    assert_int_equal(fake_client.calls[RPCS_MAX].item_count, 3);
    answer_increment(RPCS_MAX);
    assert_int_equal(asked[0].results[0].value, 100);
    assert_int_equal(asked[1].results[0].value, 101);
    assert_int_equal(asked[1].results[1].value, 102);
    answer_increment(0);
    answer_increment(2);
}

static void test_slow_rpcs_hold_the_next_one_back_for_3_ms(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked[2];
    fill_rpcs(out);
    ask(&asked[0], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + HOLD_US - 1);
    assert_int_equal(calls(), RPCS_MAX);
    batcher_turn(batcher, START_US + HOLD_US); /* the oldest of them no longer counts */
    assert_int_equal(calls(), RPCS_MAX + 1);
    ask(&asked[1], BATCH_INCREMENT, 1);
    assert_int_equal(batcher_turn(batcher, START_US + HOLD_US), START_US + 1 + HOLD_US);
    answer_increment(RPCS_MAX);
    batcher_turn(batcher, START_US + HOLD_US);
    assert_int_equal(calls(), RPCS_MAX + 2);
    for (size_t i = 0; i < RPCS_MAX; i++) {
        answer_increment(i); /* the slow ones come back after all */
        assert_status(&out[i], 0, STATUS_OK);
    }
    answer_increment(RPCS_MAX + 1);
    assert_status(&asked[0], 0, STATUS_OK);
    assert_status(&asked[1], 0, STATUS_OK);
}

static void test_fewer_than_half_of_what_is_out_waits_for_more(void **state)
{
    (void)state;
    static struct asked out, asked[4];
    ask(&out, BATCH_INCREMENT, 8);
    batcher_turn(batcher, START_US);
    for (size_t i = 0; i < 3; i++) {
        ask(&asked[i], BATCH_INCREMENT, 1);
        assert_int_equal(batcher_turn(batcher, START_US + 1), START_US + HOLD_US);
    }
    assert_int_equal(calls(), 1);
    ask(&asked[3], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + 2);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[1].item_count, 4);
    answer_increment(0);
    answer_increment(1);
}

static void test_a_few_leave_when_the_rpc_is_back_or_3_ms_old(void **state)
{
    (void)state;
    static struct asked out[2], asked[2];
    ask(&out[0], BATCH_INCREMENT, 8);
    batcher_turn(batcher, START_US);
    ask(&asked[0], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + 1);
    assert_int_equal(calls(), 1);
    answer_increment(0);
    batcher_turn(batcher, START_US + 2);
    assert_int_equal(calls(), 2);
    answer_increment(1);

    ask(&out[1], BATCH_INCREMENT, 8);
    batcher_turn(batcher, START_US + 3);
    ask(&asked[1], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + 3 + HOLD_US - 1);
    assert_int_equal(calls(), 3);
    batcher_turn(batcher, START_US + 3 + HOLD_US);
    assert_int_equal(calls(), 4);
    answer_increment(3);
    answer_increment(2);
    assert_status(&asked[1], 0, STATUS_OK);
}

static void test_kinds_do_not_hold_each_other_back(void **state)
{
    (void)state;
    static struct asked asked[2];
    ask(&asked[0], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    ask(&asked[1], BATCH_GET, 1);
    batcher_turn(batcher, START_US + 1);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[1].rpc, COUNTER_RPC_BATCH_GET);
    answer_get(1, 7);
    answer_increment(0);
}

static void test_a_batch_has_at_most_1000_items(void **state)
{
    (void)state;
    static struct asked asked[3];
    ask(&asked[0], BATCH_INCREMENT, 600);
    ask(&asked[1], BATCH_INCREMENT, 600);
    ask(&asked[2], BATCH_INCREMENT, 1000);
    batcher_turn(batcher, START_US);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[0].item_count, BATCH_ITEMS_MAX);
    assert_int_equal(fake_client.calls[1].item_count, BATCH_ITEMS_MAX);
    assert_int_equal(fake_client.calls[1].increment->items[0]->delta, 401);
    answer_increment(0);
    assert_status(&asked[0], 599, STATUS_OK);
    assert_int_equal(asked[1].done, 0); /* 200 of its operations are in the next RPC */
    answer_increment(1);
    assert_int_equal(asked[1].results[399].value, 100 + 999);
    assert_int_equal(asked[1].results[400].value, 100);
    batcher_turn(batcher, START_US + 2);
    assert_int_equal(fake_client.calls[2].item_count, 200);
    answer_increment(2);
    assert_status(&asked[2], 999, STATUS_OK);
    assert_int_equal(batcher_turn(batcher, START_US + 3), KEEP_US);
}

static void test_an_rpc_has_the_deadline_of_its_youngest_item(void **state)
{
    (void)state;
    static struct asked asked[3];
    for (size_t i = 0; i < 3; i++) {
        make(&asked[i], BATCH_INCREMENT, 1, START_US + TIMEOUT_US + (int64_t)i * 1000);
        submit(&asked[i]);
    }
    assert_int_equal(batcher_turn(batcher, START_US), START_US + TIMEOUT_US); /* and the oldest is due first */
    assert_int_equal(fake_client.calls[0].deadline_us, START_US + TIMEOUT_US + 2000);
    answer_increment(0);
}

static void test_an_operation_that_never_left_is_not_sent_in_time(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked[2];
    fill_rpcs(out);
    make(&asked[0], BATCH_INCREMENT, 2, START_US + 1000);
    submit(&asked[0]);
    make(&asked[1], BATCH_INCREMENT, 1, START_US + 5000);
    submit(&asked[1]);
    assert_int_equal(batcher_turn(batcher, START_US + 500), START_US + 1000);
    batcher_turn(batcher, START_US + 1000);
    assert_status(&asked[0], 0, STATUS_NOT_SENT_IN_TIME);
    assert_status(&asked[0], 1, STATUS_NOT_SENT_IN_TIME);
    assert_int_equal(asked[1].done, 0);
    answer_increment(0);
    batcher_turn(batcher, START_US + 1001);
    assert_int_equal(fake_client.calls[RPCS_MAX].item_count, 1);
    answer_increment(RPCS_MAX);
    assert_status(&asked[1], 0, STATUS_OK);
    answer_increment(1);
    answer_increment(2);
}

static void test_an_operation_that_left_is_past_its_deadline_alone(void **state)
{
    (void)state;
    static struct asked asked[2];
    make(&asked[0], BATCH_INCREMENT, 2, START_US + 1000);
    submit(&asked[0]);
    ask(&asked[1], BATCH_INCREMENT, 1);
    assert_int_equal(batcher_turn(batcher, START_US), START_US + 1000);
    assert_int_equal(batcher_turn(batcher, START_US + 1000), START_US + TIMEOUT_US);
    assert_status(&asked[0], 0, STATUS_DEADLINE_EXCEEDED);
    assert_status(&asked[0], 1, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(asked[1].done, 0);
    answer_increment(0); /* the first request's memory is gone */
    assert_status(&asked[1], 0, STATUS_OK);
    assert_int_equal(asked[1].results[0].value, 102);
    assert_int_equal(asked[0].done, 1);
}

/* --- out of the ordinary ------------------------------------------------------------------------------------------ */

static void test_without_memory_for_the_call_the_batch_is_shed(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 2);
    fake_client.out_of_memory = true;
    batcher_turn(batcher, START_US);
    assert_status(&asked, 0, STATUS_OUT_OF_MEMORY);
    assert_status(&asked, 1, STATUS_OUT_OF_MEMORY);
    assert_int_equal(batcher_turn(batcher, START_US + 1), KEEP_US);
}

static struct asked next_asked;

static void ask_next(struct submission *request)
{
    on_done(request);
    ask(&next_asked, BATCH_INCREMENT, 5);
}

static void test_on_done_may_submit_the_next_request(void **state)
{
    (void)state;
    static struct asked asked;
    make(&asked, BATCH_INCREMENT, 1, START_US + 1000);
    asked.request->on_done = ask_next;
    submit(&asked);
    batcher_turn(batcher, START_US);
    answer_increment(0);
    assert_int_equal(asked.done, 1);
    batcher_turn(batcher, START_US + 1);
    assert_int_equal(fake_client.calls[1].item_count, 5);
    answer_increment(1);
    assert_status(&next_asked, 4, STATUS_OK);

    /* also from a deadline that passed while waiting, when the line is full of it */
    static struct asked out[RPCS_MAX];
    for (int i = 0; i < RPCS_MAX; i++) {
        ask(&out[i], BATCH_INCREMENT, 1);
        batcher_turn(batcher, START_US);
    }
    make(&asked, BATCH_INCREMENT, 1, START_US + 1000);
    asked.request->on_done = ask_next;
    submit(&asked);
    batcher_turn(batcher, START_US + 1000);
    assert_status(&asked, 0, STATUS_NOT_SENT_IN_TIME);
    answer_increment(2);
    batcher_turn(batcher, START_US + 1001);
    answer_increment(5);
    assert_status(&next_asked, 4, STATUS_OK);
    answer_increment(3);
    answer_increment(4);
}

static void test_an_abort_answers_everything(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked[2];
    fill_rpcs(out);
    ask(&asked[0], BATCH_GET, 1);
    batcher_turn(batcher, START_US);
    ask(&asked[1], BATCH_INCREMENT, 2);
    batcher_abort(batcher);
    for (int i = 0; i < RPCS_MAX; i++) {
        assert_status(&out[i], 0, STATUS_DEADLINE_EXCEEDED);
        assert_true(fake_client.calls[i].abandoned);
    }
    assert_status(&asked[0], 0, STATUS_DEADLINE_EXCEEDED);
    assert_true(fake_client.calls[RPCS_MAX].abandoned);
    assert_status(&asked[1], 0, STATUS_DRAINING);
    assert_status(&asked[1], 1, STATUS_DRAINING);
    assert_int_equal(batcher_turn(batcher, START_US + 1), KEEP_US);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    batcher_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lone_request_leaves_at_the_end_of_the_turn),
        TEST(test_a_read_gets_its_value),
        TEST(test_a_call_that_failed_is_every_items_result),
        TEST(test_a_reply_with_another_number_of_results_tells_nothing),
        TEST(test_an_operation_that_broke_a_rule_is_not_sent),
        TEST(test_what_arrives_meanwhile_leaves_together_when_an_rpc_is_back),
        TEST(test_slow_rpcs_hold_the_next_one_back_for_3_ms),
        TEST(test_fewer_than_half_of_what_is_out_waits_for_more),
        TEST(test_a_few_leave_when_the_rpc_is_back_or_3_ms_old),
        TEST(test_kinds_do_not_hold_each_other_back),
        TEST(test_a_batch_has_at_most_1000_items),
        TEST(test_an_rpc_has_the_deadline_of_its_youngest_item),
        TEST(test_an_operation_that_never_left_is_not_sent_in_time),
        TEST(test_an_operation_that_left_is_past_its_deadline_alone),
        TEST(test_without_memory_for_the_call_the_batch_is_shed),
        TEST(test_on_done_may_submit_the_next_request),
        TEST(test_an_abort_answers_everything),
        TEST(test_free_takes_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
