/* The batcher and the session in which its increments travel. */
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

static const Tally__V1__SessionIncrementRequest *sent(size_t index)
{
    assert_true(index < calls());
    assert_non_null(fake_client.calls[index].increment);
    return fake_client.calls[index].increment;
}

static void assert_place(size_t index, char session, unsigned lane, int64_t sequence)
{
    assert_int_equal(sent(index)->session.len, SESSION_LEN);
    for (size_t i = 0; i < SESSION_LEN; i++) {
        assert_int_equal(sent(index)->session.data[i], session);
    }
    assert_int_equal(sent(index)->lane, lane);
    assert_int_equal(sent(index)->sequence, sequence);
}

/* A batch that leaves alone: no other one is young. Returns its call. */
static size_t send_alone(struct asked *asked, int64_t now_us)
{
    const size_t call = calls();
    make(asked, BATCH_INCREMENT, 1, now_us + TIMEOUT_US);
    submit(asked);
    batcher_turn(batcher, now_us);
    assert_int_equal(calls(), call + 1);
    return call;
}

static void test_the_first_increment_opens_the_session(void **state)
{
    (void)state;
    static struct asked asked[3];
    ask(&asked[0], BATCH_GET, 1); /* reads need none */
    assert_int_equal(batcher_turn(batcher, START_US), START_US + TIMEOUT_US);
    assert_int_equal(calls(), 1);
    answer_get(0, 7);
    assert_int_equal(batcher_turn(batcher, START_US), INT64_MAX);

    ask(&asked[1], BATCH_INCREMENT, 1);
    assert_int_equal(batcher_turn(batcher, START_US + 1), START_US + TIMEOUT_US);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[1].rpc, COUNTER_RPC_OPEN_SESSION);
    ask(&asked[2], BATCH_INCREMENT, 2);
    batcher_turn(batcher, START_US + 2);
    assert_int_equal(calls(), 2);
    fake_client_answer_open(1, 'a', IDLE_TIMEOUT_MS);
    batcher_turn(batcher, START_US + 3);
    assert_int_equal(calls(), 3);
    assert_int_equal(fake_client.calls[2].item_count, 3);
    assert_place(2, 'a', 0, 1);
    answer_increment(2);
    assert_status(&asked[1], 0, STATUS_OK);
    assert_status(&asked[2], 1, STATUS_OK);
}

static void test_an_opening_that_fails_answers_everything_that_waits(void **state)
{
    (void)state;
    static const enum status cases[][2] = {{STATUS_NO_SERVICE, STATUS_NO_SERVICE},
                                           {STATUS_REPLY_LOST, STATUS_REDIS_DOWN},
                                           {STATUS_DEADLINE_EXCEEDED, STATUS_REDIS_DOWN},
                                           {STATUS_UNIMPLEMENTED, STATUS_UNIMPLEMENTED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct asked asked[2];
        ask(&asked[0], BATCH_INCREMENT, 2);
        batcher_turn(batcher, START_US);
        ask(&asked[1], BATCH_INCREMENT, 1);
        batcher_turn(batcher, START_US);
        assert_int_equal(calls(), i + 1); /* each increment after a failure tries again */
        assert_int_equal(fake_client.calls[i].rpc, COUNTER_RPC_OPEN_SESSION);
        fake_client_answer(i, cases[i][0], NULL);
        assert_status(&asked[0], 0, cases[i][1]);
        assert_status(&asked[0], 1, cases[i][1]);
        assert_status(&asked[1], 0, cases[i][1]);
        assert_int_equal(batcher_turn(batcher, START_US), INT64_MAX);
    }
}

static void test_an_increment_that_waits_for_the_opening_keeps_its_deadline(void **state)
{
    (void)state;
    static struct asked asked[2];
    make(&asked[0], BATCH_INCREMENT, 1, START_US + 1000);
    submit(&asked[0]);
    ask(&asked[1], BATCH_INCREMENT, 1);
    assert_int_equal(batcher_turn(batcher, START_US), START_US + 1000);
    assert_int_equal(batcher_turn(batcher, START_US + 1000), START_US + TIMEOUT_US);
    assert_status(&asked[0], 0, STATUS_NOT_SENT_IN_TIME);
    fake_client_answer_open(0, 'a', IDLE_TIMEOUT_MS);
    batcher_turn(batcher, START_US + 1001);
    assert_int_equal(fake_client.calls[1].item_count, 1);
    answer_increment(1);
    assert_status(&asked[1], 0, STATUS_OK);
}

static void test_an_abort_while_the_session_is_opened_answers_what_waits(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    batcher_abort(batcher);
    assert_status(&asked, 0, STATUS_DRAINING);
    batcher_free(batcher);
    assert_true(fake_client.calls[0].abandoned);
    batcher = batcher_create(NULL, WINDOW);
    assert_non_null(batcher);
}

static void test_every_batch_has_a_lane_and_a_greater_sequence(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked;
    fill_rpcs(out);
    for (unsigned i = 0; i < RPCS_MAX; i++) {
        assert_place(i, 'a', i, 2 + i); /* the first batch of all was set_up's */
    }
    answer_increment(1);
    send_alone(&asked, START_US + HOLD_US);
    assert_place(RPCS_MAX, 'a', 1, 2 + RPCS_MAX);
}

/* Three batches are out; that of lane 0 has its results; that of lane 2 ends as `end` does. The next batch takes lane 2
 * if that was given up, lane 0 if it was closed. */
static unsigned lane_after(void (*end)(size_t index))
{
    static struct asked out[RPCS_MAX], asked;
    fill_rpcs(out);
    answer_increment(0);
    end(2);
    assert_int_equal(out[2].done, 1);
    const size_t call = send_alone(&asked, START_US + HOLD_US);
    answer_increment(call);
    answer_increment(1);
    return sent(call)->lane;
}

static void end_unknown(size_t index)
{
    fake_client_answer(index, STATUS_REPLY_LOST, NULL);
}

static void end_at_the_deadline(size_t index)
{
    fake_client_answer(index, STATUS_DEADLINE_EXCEEDED, NULL);
}

static void end_not_applied(size_t index)
{
    fake_client_answer(index, STATUS_REDIS_DOWN, NULL);
}

static void end_not_understood(size_t index)
{
    fake_client_answer(index, STATUS_OK, &increment_reply(2)->response.base);
}

static void end_with_an_item_unknown(size_t index)
{
    struct increment_reply *reply = increment_reply(1);
    reply->results[0].code = GRPC_STATUS_UNKNOWN;
    fake_client_answer(index, STATUS_OK, &reply->response.base);
}

static void end_with_an_item_refused(size_t index)
{
    struct increment_reply *reply = increment_reply(1);
    reply->results[0].code = GRPC_STATUS_OUT_OF_RANGE;
    fake_client_answer(index, STATUS_OK, &reply->response.base);
}

static void test_a_lane_whose_batch_has_its_results_is_free(void **state)
{
    (void)state;
    assert_int_equal(lane_after(answer_increment), 0);
}

static void test_a_lane_whose_items_were_refused_is_free(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_with_an_item_refused), 0);
}

static void test_a_lane_whose_batch_was_not_applied_is_free(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_not_applied), 0);
}

static void test_the_next_batch_closes_a_lane_that_ended_unknown(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_unknown), 2);
}

static void test_the_next_batch_closes_a_lane_that_ended_at_its_deadline(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_at_the_deadline), 2);
}

static void test_the_next_batch_closes_a_lane_whose_reply_was_not_understood(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_not_understood), 2);
}

static void test_the_next_batch_closes_a_lane_with_an_item_unknown(void **state)
{
    (void)state;
    assert_int_equal(lane_after(end_with_an_item_unknown), 2);
}

static void test_a_lane_is_not_used_again_while_its_call_is_out(void **state)
{
    (void)state;
    static struct asked out, asked[2];
    make(&out, BATCH_INCREMENT, 1, START_US + 1000);
    submit(&out);
    batcher_turn(batcher, START_US);
    batcher_turn(batcher, START_US + 1000);
    assert_status(&out, 0, STATUS_DEADLINE_EXCEEDED); /* but the call may still send it again */
    assert_int_equal(sent(send_alone(&asked[0], START_US + HOLD_US))->lane, 1);
    fake_client_answer(0, STATUS_DEADLINE_EXCEEDED, NULL);
    assert_int_equal(sent(send_alone(&asked[1], START_US + 2 * HOLD_US))->lane, 0);
}

static void test_a_batch_that_could_not_leave_gives_its_lane_back(void **state)
{
    (void)state;
    static struct asked asked[2];
    ask(&asked[0], BATCH_INCREMENT, 1);
    fake_client.out_of_memory = true;
    batcher_turn(batcher, START_US);
    fake_client.out_of_memory = false;
    send_alone(&asked[1], START_US);
    assert_place(0, 'a', 0, 3);
}

static void test_with_every_lane_open_batches_wait(void **state)
{
    (void)state;
    enum { LANES_END_US = START_US + SESSION_LANES * HOLD_US };
    static struct asked out, asked[2]; /* out: of all of them, nobody looks at it */
    for (int i = 0; i < SESSION_LANES; i++) {
        make(&out, BATCH_INCREMENT, 1, LANES_END_US + 10 * TIMEOUT_US);
        submit(&out);
        batcher_turn(batcher, START_US + i * HOLD_US);
        assert_int_equal(sent((size_t)i)->lane, i);
    }
    make(&asked[0], BATCH_INCREMENT, 1, LANES_END_US + 1000);
    submit(&asked[0]);
    make(&asked[1], BATCH_INCREMENT, 1, LANES_END_US + TIMEOUT_US);
    submit(&asked[1]);
    assert_int_equal(batcher_turn(batcher, LANES_END_US), LANES_END_US + 1000);
    assert_int_equal(calls(), SESSION_LANES);
    batcher_turn(batcher, LANES_END_US + 1000);
    assert_status(&asked[0], 0, STATUS_NOT_SENT_IN_TIME);
    answer_increment(700);
    batcher_turn(batcher, LANES_END_US + 1001);
    assert_place(SESSION_LANES, 'a', 700, SESSION_LANES + 2);
    answer_increment(SESSION_LANES);
    assert_status(&asked[1], 0, STATUS_OK);
}

/* Call `index` ends by the loss of the session; the next turn opens another one, whose first batch is the call that is
 * returned. */
static size_t lose_session(size_t index, enum status status, char next_session, int64_t now_us)
{
    const size_t open = calls();
    fake_client_answer(index, status, NULL);
    batcher_turn(batcher, now_us);
    assert_int_equal(calls(), open + 1);
    assert_int_equal(fake_client.calls[open].rpc, COUNTER_RPC_OPEN_SESSION);
    fake_client_answer_open(open, (uint8_t)next_session, IDLE_TIMEOUT_MS);
    batcher_turn(batcher, now_us);
    assert_int_equal(calls(), open + 2);
    return open + 1;
}

static void test_what_a_lost_session_refused_is_sent_in_the_next_one(void **state)
{
    (void)state;
    static const enum status statuses[] = {STATUS_NO_SESSION, STATUS_KEY_REUSED};
    char session = 'a';
    for (size_t i = 0; i < 2; i++, session++) {
        static struct asked asked;
        const int64_t now_us = START_US + (int64_t)i * SESSION_OPEN_PAUSE_US;
        ask(&asked, BATCH_INCREMENT, 3);
        batcher_turn(batcher, now_us);
        const size_t again = lose_session(calls() - 1, statuses[i], (char)(session + 1), now_us + 1);
        assert_int_equal(asked.done, 0);
        assert_place(again, (char)(session + 1), 0, 1);
        assert_int_equal(fake_client.calls[again].item_count, 3);
        assert_int_equal(fake_client.calls[again].deadline_us, START_US + TIMEOUT_US);
        for (int64_t item = 0; item < 3; item++) {
            assert_int_equal(sent(again)->items[item]->delta, item + 1);
        }
        answer_increment(again);
        assert_status(&asked, 2, STATUS_OK);
        assert_int_equal(asked.results[2].value, 102);
    }
}

/* counter_client says so when it heard of the loss after an attempt that ended unknown. */
static void test_what_ended_unknown_is_not_sent_in_the_next_session(void **state)
{
    (void)state;
    static struct asked out[2], asked;
    ask(&out[0], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    ask(&out[1], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_REPLY_LOST, NULL);
    assert_status(&out[0], 0, STATUS_REPLY_LOST);
    const size_t again = lose_session(1, STATUS_NO_SESSION, 'b', START_US + 1);
    assert_int_equal(fake_client.calls[again].item_count, 1);
    answer_increment(again);
    assert_status(&out[1], 0, STATUS_OK);
    ask(&asked, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + 2);
    assert_int_equal(fake_client.calls[again + 1].item_count, 1);
    assert_int_equal(out[0].done, 1);
}

static void test_what_was_refused_waits_in_the_order_of_deadlines(void **state)
{
    (void)state;
    static struct asked out[RPCS_MAX], asked[2];
    for (int i = 0; i < RPCS_MAX; i++) {
        make(&out[i], BATCH_INCREMENT, 1, START_US + TIMEOUT_US + i);
        out[i].request->operations[0].delta = 10 + i;
        submit(&out[i]);
        batcher_turn(batcher, START_US + i);
    }
    for (int i = 0; i < 2; i++) {
        make(&asked[i], BATCH_INCREMENT, 1, START_US + TIMEOUT_US + RPCS_MAX + i);
        asked[i].request->operations[0].delta = 20 + i;
        submit(&asked[i]);
    }
    batcher_turn(batcher, START_US + 10);
    fake_client_answer(1, STATUS_NO_SESSION, NULL);
    fake_client_answer(2, STATUS_NO_SESSION, NULL);
    const size_t again = lose_session(0, STATUS_NO_SESSION, 'b', START_US + 11);
    static const int64_t expected[] = {10, 11, 12, 20, 21};
    assert_int_equal(fake_client.calls[again].item_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sent(again)->items[i]->delta, expected[i]);
    }
    answer_increment(again);
    assert_int_equal(out[0].results[0].value, 100);
    assert_int_equal(out[2].results[0].value, 102);
    assert_int_equal(asked[1].results[0].value, 104);
}

static void test_what_was_refused_keeps_its_deadline(void **state)
{
    (void)state;
    static struct asked out[3];
    for (int i = 0; i < 3; i++) {
        make(&out[i], BATCH_INCREMENT, 1, START_US + 1000 * (i + 1));
        submit(&out[i]);
    }
    batcher_turn(batcher, START_US);
    assert_int_equal(batcher_turn(batcher, START_US + 1000), START_US + 2000);
    assert_status(&out[0], 0, STATUS_DEADLINE_EXCEEDED); /* it was out then */
    fake_client_answer(0, STATUS_NO_SESSION, NULL);
    assert_int_equal(batcher_turn(batcher, START_US + 1001), START_US + 2000);
    assert_int_equal(batcher_turn(batcher, START_US + 2000), START_US + 3000);
    assert_status(&out[1], 0, STATUS_NOT_SENT_IN_TIME); /* every attempt said: not applied */
    fake_client_answer_open(1, 'b', IDLE_TIMEOUT_MS);
    batcher_turn(batcher, START_US + 2001);
    assert_int_equal(fake_client.calls[2].item_count, 1);
    answer_increment(2);
    assert_status(&out[2], 0, STATUS_OK);
    assert_int_equal(out[0].done, 1);
}

static void test_batches_of_a_lost_session_end_one_by_one(void **state)
{
    (void)state;
    static struct asked out[5], asked[2];
    for (int i = 0; i < 5; i++) {
        send_alone(&out[i], START_US + i * HOLD_US);
    }
    const int64_t now_us = START_US + 5 * HOLD_US;
    const size_t again = lose_session(1, STATUS_NO_SESSION, 'b', now_us); /* lane 0 of b */
    answer_increment(0);                                                  /* it was applied before the loss */
    assert_status(&out[0], 0, STATUS_OK);
    fake_client_answer(2, STATUS_REPLY_LOST, NULL);
    assert_status(&out[2], 0, STATUS_REPLY_LOST);
    fake_client_answer(3, STATUS_NO_SESSION, NULL); /* the new session is not lost by it */
    batcher_turn(batcher, now_us + HOLD_US);
    assert_place(again + 1, 'b', 1, 2);
    fake_client_answer(4, STATUS_KEY_REUSED, NULL);
    batcher_turn(batcher, now_us + 2 * HOLD_US);
    assert_place(again + 2, 'b', 2, 3);
    assert_int_equal(sent(send_alone(&asked[0], now_us + 3 * HOLD_US))->lane, 3);
    answer_increment(again + 1);
    assert_int_equal(sent(send_alone(&asked[1], now_us + 4 * HOLD_US))->lane, 1);
    answer_increment(again);
    assert_status(&out[1], 0, STATUS_OK);
    assert_status(&out[3], 0, STATUS_OK);
    assert_int_equal(out[4].done, 0);
    answer_increment(again + 2);
    assert_status(&out[4], 0, STATUS_OK);
}

static void test_losses_in_a_row_end_at_the_deadline(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    size_t call = 0;
    int64_t now_us = START_US;
    while (now_us + SESSION_OPEN_PAUSE_US < START_US + TIMEOUT_US) {
        call = lose_session(call, STATUS_NO_SESSION, 'b', now_us);
        now_us += SESSION_OPEN_PAUSE_US;
    }
    fake_client_answer(call, STATUS_NO_SESSION, NULL);
    assert_int_equal(asked.done, 0);
    batcher_turn(batcher, START_US + TIMEOUT_US);
    assert_status(&asked, 0, STATUS_NOT_SENT_IN_TIME);
}

static void test_a_new_session_that_cannot_be_opened_answers_what_was_refused(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_NO_SESSION, NULL);
    batcher_turn(batcher, START_US + 1);
    fake_client_answer(1, STATUS_NO_SERVICE, NULL);
    assert_status(&asked, 0, STATUS_NO_SERVICE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define TEST_UNOPENED(function) cmocka_unit_test_setup_teardown(function, set_up_unopened, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_UNOPENED(test_the_first_increment_opens_the_session),
        TEST_UNOPENED(test_an_opening_that_fails_answers_everything_that_waits),
        TEST_UNOPENED(test_an_increment_that_waits_for_the_opening_keeps_its_deadline),
        TEST_UNOPENED(test_an_abort_while_the_session_is_opened_answers_what_waits),
        TEST(test_every_batch_has_a_lane_and_a_greater_sequence),
        TEST(test_a_lane_whose_batch_has_its_results_is_free),
        TEST(test_a_lane_whose_items_were_refused_is_free),
        TEST(test_a_lane_whose_batch_was_not_applied_is_free),
        TEST(test_the_next_batch_closes_a_lane_that_ended_unknown),
        TEST(test_the_next_batch_closes_a_lane_that_ended_at_its_deadline),
        TEST(test_the_next_batch_closes_a_lane_whose_reply_was_not_understood),
        TEST(test_the_next_batch_closes_a_lane_with_an_item_unknown),
        TEST(test_a_lane_is_not_used_again_while_its_call_is_out),
        TEST(test_a_batch_that_could_not_leave_gives_its_lane_back),
        TEST(test_with_every_lane_open_batches_wait),
        TEST(test_what_a_lost_session_refused_is_sent_in_the_next_one),
        TEST(test_what_ended_unknown_is_not_sent_in_the_next_session),
        TEST(test_what_was_refused_waits_in_the_order_of_deadlines),
        TEST(test_what_was_refused_keeps_its_deadline),
        TEST(test_batches_of_a_lost_session_end_one_by_one),
        TEST(test_losses_in_a_row_end_at_the_deadline),
        TEST(test_a_new_session_that_cannot_be_opened_answers_what_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
