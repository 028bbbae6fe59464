/* The batcher and batches of which parts fail: those whose items lie in several partitions of the store. */
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

enum { ITEMS = 4 };

/* What a service says of an item. */
struct said {
    int code;
    Tally__V1__ErrorReason reason;
    bool part_failed;
};

static const struct said applied = {0, 0, false};
static const struct said down = {GRPC_STATUS_UNAVAILABLE, 0, true};
static const struct said lost = {GRPC_STATUS_UNKNOWN, 0, true};
static const struct said shed = {GRPC_STATUS_RESOURCE_EXHAUSTED, 0, true};
static const struct said no_session = {GRPC_STATUS_ABORTED, 0, true};
static const struct said sequence_reused = {GRPC_STATUS_ALREADY_EXISTS, 0, true};
static const struct said key_reused = {GRPC_STATUS_ALREADY_EXISTS, 0, false};
static const struct said overflow = {GRPC_STATUS_OUT_OF_RANGE, 0, false};
static const struct said refused_inside = {GRPC_STATUS_UNAVAILABLE, TALLY__V1__ERROR_REASON__WRITES_REFUSED, false};

static const Tally__V1__SessionIncrementRequest *sent(size_t index)
{
    assert_true(index < calls());
    assert_non_null(fake_client.calls[index].increment);
    return fake_client.calls[index].increment;
}

/* Call `index` is answered item by item; the value of item i is 100 + i. */
static void answer(size_t index, const struct said *said, size_t count)
{
    struct increment_reply *reply = increment_reply(count);
    for (size_t i = 0; i < count; i++) {
        reply->results[i].code = said[i].code;
        reply->results[i].reason = said[i].reason;
        reply->results[i].part_failed = said[i].part_failed;
    }
    fake_client_answer(index, STATUS_OK, &reply->response.base);
}

/* A request of one item each, in one batch, which is call 0. */
static void send_singles(struct asked asked[ITEMS])
{
    for (size_t i = 0; i < ITEMS; i++) {
        make(&asked[i], BATCH_INCREMENT, 1, START_US + TIMEOUT_US);
        asked[i].request->operations[0].delta = (int64_t)i + 1;
        submit(&asked[i]);
    }
    batcher_turn(batcher, START_US);
    assert_int_equal(calls(), 1);
    assert_int_equal(fake_client.calls[0].item_count, ITEMS);
}

/* The lane of a batch that leaves now, and has its results at once. */
static unsigned next_lane(void)
{
    static struct asked asked;
    const size_t call = calls();
    make(&asked, BATCH_INCREMENT, 1, START_US + 10 * TIMEOUT_US);
    submit(&asked);
    batcher_turn(batcher, START_US + HOLD_US);
    assert_int_equal(calls(), call + 1);
    const unsigned lane = sent(call)->lane;
    answer_increment(call);
    return lane;
}

static void test_each_request_gets_the_end_of_its_own_item(void **state)
{
    (void)state;
    static const struct {
        struct said said;
        enum status status;
    } cases[] = {
        {{GRPC_STATUS_UNAVAILABLE, 0, true}, STATUS_REDIS_DOWN},
        {{GRPC_STATUS_UNAVAILABLE, TALLY__V1__ERROR_REASON__WRITES_REFUSED, true}, STATUS_WRITES_REFUSED},
        {{GRPC_STATUS_UNAVAILABLE, TALLY__V1__ERROR_REASON__DEADLINE_PASSED, true}, STATUS_EXPIRED},
        {{GRPC_STATUS_FAILED_PRECONDITION, TALLY__V1__ERROR_REASON__DATA_DAMAGED, true}, STATUS_DATA_DAMAGED},
        {{GRPC_STATUS_UNKNOWN, 0, true}, STATUS_REPLY_LOST},
        {{GRPC_STATUS_ALREADY_EXISTS, 0, false}, STATUS_KEY_REUSED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct asked asked[ITEMS];
        fake_client.call_count = 0;
        send_singles(asked);
        answer(0, (const struct said[]){applied, cases[i].said, overflow, applied}, ITEMS);
        assert_status(&asked[0], 0, STATUS_OK);
        assert_int_equal(asked[0].results[0].value, 100);
        assert_status(&asked[1], 0, cases[i].status);
        assert_status(&asked[2], 0, STATUS_OVERFLOW);
        assert_status(&asked[3], 0, STATUS_OK);
        assert_int_equal(asked[3].results[0].value, 103);
    }
}

static void test_a_request_of_several_items_has_an_end_each(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, ITEMS);
    batcher_turn(batcher, START_US);
    answer(0, (const struct said[]){down, applied, lost, applied}, ITEMS);
    assert_status(&asked, 0, STATUS_REDIS_DOWN);
    assert_status(&asked, 1, STATUS_OK);
    assert_status(&asked, 2, STATUS_REPLY_LOST);
    assert_status(&asked, 3, STATUS_OK);
}

/* ---- after an attempt that ended unknown ---- */

static void test_a_part_that_was_not_applied_now_may_have_been_before(void **state)
{
    (void)state;
    static const struct said cases[] = {
        {GRPC_STATUS_UNAVAILABLE, 0, true},
        {GRPC_STATUS_UNAVAILABLE, TALLY__V1__ERROR_REASON__WRITES_REFUSED, true},
        {GRPC_STATUS_UNAVAILABLE, TALLY__V1__ERROR_REASON__DEADLINE_PASSED, true},
        {GRPC_STATUS_FAILED_PRECONDITION, TALLY__V1__ERROR_REASON__DATA_DAMAGED, true},
        {GRPC_STATUS_RESOURCE_EXHAUSTED, 0, true},
        {GRPC_STATUS_ABORTED, 0, true},
        {GRPC_STATUS_ALREADY_EXISTS, 0, true},
        {GRPC_STATUS_UNIMPLEMENTED, 0, true},
        {GRPC_STATUS_UNKNOWN, 0, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct asked asked[ITEMS];
        fake_client.call_count = 0;
        send_singles(asked);
        fake_client.calls[0].was_unknown = true;
        answer(0, (const struct said[]){applied, cases[i], applied, overflow}, ITEMS);
        assert_status(&asked[0], 0, STATUS_OK);
        assert_status(&asked[1], 0, STATUS_REPLY_LOST);
        assert_status(&asked[2], 0, STATUS_OK);
        assert_status(&asked[3], 0, STATUS_OVERFLOW);
        assert_int_equal(calls(), 1); /* nothing of it is sent again */
    }
}

static void test_what_the_step_decided_settles_the_attempt_before(void **state)
{
    (void)state;
    static struct asked asked[ITEMS];
    send_singles(asked);
    fake_client.calls[0].was_unknown = true;
    answer(0, (const struct said[]){key_reused, overflow, refused_inside, applied}, ITEMS);
    assert_status(&asked[0], 0, STATUS_KEY_REUSED);
    assert_status(&asked[1], 0, STATUS_OVERFLOW);
    assert_status(&asked[2], 0, STATUS_WRITES_REFUSED);
    assert_status(&asked[3], 0, STATUS_OK);
}

/* ---- lanes ---- */

/* The lane that is taken after a batch that had lane 2 and was answered so; lane 1 is free. */
static unsigned lane_after(struct said said, bool was_unknown)
{
    static struct asked out, asked[ITEMS];
    ask(&out, BATCH_INCREMENT, 1); /* keeps lane 0 */
    batcher_turn(batcher, START_US - 2 * HOLD_US);
    for (size_t i = 0; i < 2; i++) {
        ask(&asked[i], BATCH_INCREMENT, 1);
        batcher_turn(batcher, START_US - HOLD_US + (int64_t)i);
    }
    assert_int_equal(calls(), 3);
    answer_increment(1);
    fake_client.calls[2].was_unknown = was_unknown;
    answer(2, &said, 1);
    const unsigned lane = next_lane();
    answer_increment(0);
    return lane;
}

static void test_a_lane_with_an_unknown_item_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(lane_after(lost, false), 2);
}

static void test_a_lane_whose_items_stay_unknown_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(lane_after(down, true), 2);
}

static void test_a_lane_whose_items_were_not_applied_is_free(void **state)
{
    (void)state;
    assert_int_equal(lane_after(down, false), 1);
}

static void test_a_lane_that_the_step_has_settled_is_free(void **state)
{
    (void)state;
    assert_int_equal(lane_after(refused_inside, true), 1);
}

/* ---- sent again ---- */

static void test_the_part_that_was_shed_waits_and_is_sent_as_a_new_batch(void **state)
{
    (void)state;
    static struct asked asked[ITEMS];
    send_singles(asked);
    const int64_t sequence = sent(0)->sequence;
    answer(0, (const struct said[]){applied, shed, overflow, shed}, ITEMS);
    assert_status(&asked[0], 0, STATUS_OK);
    assert_int_equal(asked[1].done, 0);
    assert_status(&asked[2], 0, STATUS_OVERFLOW);
    assert_int_equal(asked[3].done, 0);
    const int64_t resume_us = batcher_turn(batcher, START_US + 1); /* as after a whole call that was shed */
    assert_int_equal(calls(), 1);
    assert_true(resume_us < START_US + TIMEOUT_US);
    batcher_turn(batcher, resume_us);
    assert_int_equal(calls(), 2);
    assert_int_equal(sent(1)->n_items, 2);
    assert_int_equal(sent(1)->items[0]->delta, 2);
    assert_int_equal(sent(1)->items[1]->delta, 4);
    assert_int_equal(sent(1)->lane, 0);
    assert_int_equal(sent(1)->sequence, sequence + 1);
    answer_increment(1);
    assert_status(&asked[1], 0, STATUS_OK);
    assert_status(&asked[3], 0, STATUS_OK);
    assert_int_equal(asked[3].results[0].value, 101);
}

static void test_a_read_of_a_part_that_was_shed_waits_too(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_GET, 1);
    batcher_turn(batcher, START_US);
    Tally__V1__GetResult result = TALLY__V1__GET_RESULT__INIT;
    Tally__V1__GetResult *pointer = &result;
    result.code = GRPC_STATUS_RESOURCE_EXHAUSTED;
    Tally__V1__BatchGetResponse response = TALLY__V1__BATCH_GET_RESPONSE__INIT;
    response.n_results = 1;
    response.results = &pointer;
    fake_client_answer(0, STATUS_OK, &response.base);
    assert_int_equal(asked.done, 0);
    batcher_turn(batcher, batcher_turn(batcher, START_US + 1));
    answer_get(1, 7);
    assert_status(&asked, 0, STATUS_OK);
    assert_int_equal(asked.results[0].value, 7);
}

static void test_the_part_that_has_lost_the_session_is_sent_in_the_next_one(void **state)
{
    (void)state;
    static const struct said cases[] = {{GRPC_STATUS_ABORTED, 0, true}, {GRPC_STATUS_ALREADY_EXISTS, 0, true}};
    for (size_t i = 0; i < 2; i++) {
        static struct asked asked[ITEMS];
        const int64_t now_us = START_US + (int64_t)i * SESSION_OPEN_PAUSE_US;
        fake_client.call_count = 0;
        send_singles(asked);
        answer(0, (const struct said[]){applied, cases[i], lost, applied}, ITEMS);
        assert_status(&asked[0], 0, STATUS_OK);
        assert_int_equal(asked[1].done, 0);
        assert_status(&asked[2], 0, STATUS_REPLY_LOST); /* it does not move */
        assert_status(&asked[3], 0, STATUS_OK);
        batcher_turn(batcher, now_us);
        assert_int_equal(calls(), 2);
        fake_client_answer_open(1, (uint8_t)('b' + i), IDLE_TIMEOUT_MS);
        batcher_turn(batcher, now_us);
        assert_int_equal(calls(), 3);
        assert_int_equal(sent(2)->n_items, 1);
        assert_int_equal(sent(2)->items[0]->delta, 2);
        assert_int_equal(sent(2)->session.data[0], 'b' + i);
        assert_int_equal(sent(2)->sequence, 1);
        answer_increment(2);
        assert_status(&asked[1], 0, STATUS_OK);
    }
}

static void test_a_session_lost_after_an_unknown_attempt_takes_nothing_along(void **state)
{
    (void)state;
    static struct asked asked[ITEMS], next;
    send_singles(asked);
    fake_client.calls[0].was_unknown = true;
    answer(0, (const struct said[]){applied, no_session, sequence_reused, shed}, ITEMS);
    for (size_t i = 1; i < ITEMS; i++) {
        assert_status(&asked[i], 0, STATUS_REPLY_LOST);
    }
    ask(&next, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + HOLD_US);
    assert_int_equal(fake_client.calls[1].item_count, 1); /* in the same session: the next answer tells of its loss */
    assert_int_equal(fake_client.calls[1].rpc, COUNTER_RPC_SESSION_INCREMENT);
}

static void test_what_was_answered_at_its_deadline_is_not_sent_again(void **state)
{
    (void)state;
    static struct asked asked[2];
    for (size_t i = 0; i < 2; i++) {
        make(&asked[i], BATCH_INCREMENT, 1, START_US + 1000 + (int64_t)i * TIMEOUT_US);
        submit(&asked[i]);
    }
    batcher_turn(batcher, START_US);
    batcher_turn(batcher, START_US + 1000);
    assert_status(&asked[0], 0, STATUS_DEADLINE_EXCEEDED);
    answer(0, (const struct said[]){shed, shed}, 2);
    batcher_turn(batcher, batcher_turn(batcher, START_US + 1001));
    assert_int_equal(sent(1)->n_items, 1);
    answer_increment(1);
    assert_status(&asked[1], 0, STATUS_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_request_gets_the_end_of_its_own_item),
        TEST(test_a_request_of_several_items_has_an_end_each),
        TEST(test_a_part_that_was_not_applied_now_may_have_been_before),
        TEST(test_what_the_step_decided_settles_the_attempt_before),
        TEST(test_a_lane_with_an_unknown_item_is_given_up),
        TEST(test_a_lane_whose_items_stay_unknown_is_given_up),
        TEST(test_a_lane_whose_items_were_not_applied_is_free),
        TEST(test_a_lane_that_the_step_has_settled_is_free),
        TEST(test_the_part_that_was_shed_waits_and_is_sent_as_a_new_batch),
        TEST(test_a_read_of_a_part_that_was_shed_waits_too),
        TEST(test_the_part_that_has_lost_the_session_is_sent_in_the_next_one),
        TEST(test_a_session_lost_after_an_unknown_attempt_takes_nothing_along),
        TEST(test_what_was_answered_at_its_deadline_is_not_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
