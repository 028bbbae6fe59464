/* The batcher when more waits than the service takes. */
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

#include "gateway/batch/send_window.h"
#include "tests/fakes/batcher_fixture.h"

enum { REQUESTS = 8, STUCK_US = 300 * 1000, PAUSE_MAX_US = 50 * 1000, LOOK_AGAIN_US = 5 * 1000 };

static struct asked large[REQUESTS];

/* Requests of 1000 increments, more than the window takes. */
static void ask_large(void)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        ask(&large[i], BATCH_INCREMENT, BATCH_ITEMS_MAX);
    }
}

static size_t items_out(void)
{
    size_t items = 0;
    for (size_t i = 0; i < calls(); i++) {
        items += fake_client_is_out(i) ? fake_client.calls[i].item_count : 0;
    }
    return items;
}

static const Tally__V1__SessionIncrementRequest *sent(size_t index)
{
    assert_true(index < calls());
    assert_non_null(fake_client.calls[index].increment);
    return fake_client.calls[index].increment;
}

static void shed(size_t index)
{
    fake_client_answer(index, STATUS_SHED, NULL);
}

/* --- the window --------------------------------------------------------------------------------------------------- */

static void test_no_more_leaves_than_the_window_takes(void **state)
{
    (void)state;
    ask_large();
    assert_int_equal(batcher_turn(batcher, START_US), START_US + STUCK_US);
    assert_int_equal(items_out(), WINDOW);
    answer_increment(0);
    batcher_turn(batcher, START_US + 1);
    assert_int_equal(items_out(), WINDOW);
    for (size_t i = 1; i < REQUESTS; i++) {
        answer_increment(i);
        batcher_turn(batcher, START_US + 1);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        assert_status(&large[i], BATCH_ITEMS_MAX - 1, STATUS_OK);
    }
    assert_int_equal(calls(), REQUESTS);
}

static void test_increments_and_reads_share_it_and_take_turns(void **state)
{
    (void)state;
    static struct asked reads[REQUESTS];
    ask_large();
    for (size_t i = 0; i < REQUESTS; i++) {
        ask(&reads[i], BATCH_GET, BATCH_ITEMS_MAX);
    }
    batcher_turn(batcher, START_US);
    assert_int_equal(items_out(), WINDOW);
    size_t increments = 0;
    for (size_t i = 0; i < calls(); i++) {
        increments += fake_client.calls[i].rpc == COUNTER_RPC_SESSION_INCREMENT;
    }
    assert_int_equal(increments, calls() / 2);
}

static void test_rpcs_that_are_stuck_leave_it(void **state)
{
    (void)state;
    ask_large();
    batcher_turn(batcher, START_US);
    const size_t before = calls();
    batcher_turn(batcher, START_US + STUCK_US - 1);
    assert_int_equal(calls(), before);
    batcher_turn(batcher, START_US + STUCK_US);
    assert_int_equal(calls(), 2 * before);
    for (size_t i = 0; i < calls(); i++) {
        answer_increment(i); /* late, and counted once */
    }
    batcher_turn(batcher, START_US + STUCK_US + 1);
    assert_status(&large[REQUESTS - 1], 0, STATUS_OK);
}

/* --- shed --------------------------------------------------------------------------------------------------------- */

static void test_what_was_shed_waits_and_is_sent_again_with_another_number(void **state)
{
    (void)state;
    static struct asked asked[2];
    ask(&asked[0], BATCH_INCREMENT, 2);
    batcher_turn(batcher, START_US);
    const int64_t sequence = sent(0)->sequence;
    shed(0);
    assert_int_equal(asked[0].done, 0);
    ask(&asked[1], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US + 1);
    batcher_turn(batcher, START_US + 1 + PAUSE_MAX_US);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[1].item_count, 3);
    assert_int_equal(sent(1)->items[0]->delta, 1); /* the older ones first */
    assert_int_equal(sent(1)->items[1]->delta, 2);
    assert_int_equal(sent(1)->items[2]->delta, 1);
    assert_int_equal(sent(1)->sequence, sequence + 1);
    assert_int_equal(sent(1)->lane, 0); /* nothing was written: the lane was free again */
    assert_int_equal(fake_client.calls[1].deadline_us, START_US + TIMEOUT_US);
    answer_increment(1);
    assert_status(&asked[0], 1, STATUS_OK);
    assert_status(&asked[1], 0, STATUS_OK);
}

static void test_reads_that_were_shed_are_sent_again(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_GET, 1);
    batcher_turn(batcher, START_US);
    shed(0);
    batcher_turn(batcher, START_US + 1);
    batcher_turn(batcher, START_US + 1 + PAUSE_MAX_US);
    answer_get(1, 7);
    assert_status(&asked, 0, STATUS_OK);
    assert_int_equal(asked.results[0].value, 7);
}

static void test_a_shed_makes_the_window_smaller(void **state)
{
    (void)state;
    ask_large();
    batcher_turn(batcher, START_US);
    const size_t before = calls();
    for (size_t i = 0; i < before; i++) {
        shed(i);
    }
    batcher_turn(batcher, START_US + 1);
    batcher_turn(batcher, START_US + 1 + PAUSE_MAX_US);
    assert_int_equal(items_out(), WINDOW / 2);
}

static void test_what_is_shed_to_the_end_was_not_sent_in_time(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    int64_t now_us = START_US;
    while (asked.done == 0) {
        const size_t before = calls();
        const int64_t next_us = batcher_turn(batcher, now_us);
        if (calls() > before) {
            shed(before);
        } else if (asked.done == 0) {
            assert_true(next_us > now_us);
            now_us = next_us;
        }
    }
    assert_status(&asked, 0, STATUS_NOT_SENT_IN_TIME);
    assert_in_range(now_us, START_US + TIMEOUT_US - PAUSE_MAX_US, START_US + TIMEOUT_US); /* not while one was out */
    assert_in_range(calls(), TIMEOUT_US / PAUSE_MAX_US, 500);                             /* it did not spin */
}

static void test_what_ended_unknown_is_not_sent_again(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_REPLY_LOST,
                       NULL); /* counter_client says so, if it was shed after an unknown attempt */
    assert_status(&asked, 0, STATUS_REPLY_LOST);
    batcher_turn(batcher, START_US + PAUSE_MAX_US);
    assert_int_equal(calls(), 1);
}

/* --- small requests beside large ones ----------------------------------------------------------------------------- */

static void test_a_small_request_leaves_though_the_window_is_full_of_large_ones(void **state)
{
    (void)state;
    static struct asked small[2];
    ask_large();
    batcher_turn(batcher, START_US);
    const size_t before = calls();
    ask(&small[0], BATCH_INCREMENT, 1);
    ask(&small[1], BATCH_INCREMENT, SEND_SMALL_MAX);
    batcher_turn(batcher, START_US + 1);
    assert_int_equal(calls(), before + 1);
    assert_int_equal(fake_client.calls[before].item_count, 1 + SEND_SMALL_MAX);
    answer_increment(before);
    assert_status(&small[0], 0, STATUS_OK);
    assert_status(&small[1], 0, STATUS_OK);
}

static void test_small_and_large_requests_do_not_share_an_rpc(void **state)
{
    (void)state;
    static struct asked asked[3];
    ask(&asked[0], BATCH_INCREMENT, SEND_SMALL_MAX + 1);
    ask(&asked[1], BATCH_INCREMENT, 1);
    ask(&asked[2], BATCH_INCREMENT, 2);
    batcher_turn(batcher, START_US);
    assert_int_equal(calls(), 2);
    assert_int_equal(fake_client.calls[0].item_count, 3); /* first */
    assert_int_equal(fake_client.calls[1].item_count, SEND_SMALL_MAX + 1);
}

static void test_large_requests_are_cut_beside_small_ones_and_all_are_answered(void **state)
{
    (void)state;
    static struct asked small;
    ask_large();
    ask(&small, BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    assert_int_equal(items_out(), WINDOW / SEND_LARGE_PART + 1);
    for (size_t i = 0; i < calls(); i++) {
        assert_true(fake_client.calls[i].item_count <= SEND_LARGE_PIECE);
        answer_increment(i);
        batcher_turn(batcher, START_US + 1);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        assert_status(&large[i], 0, STATUS_OK);
        assert_status(&large[i], BATCH_ITEMS_MAX - 1, STATUS_OK);
    }
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void test_what_could_not_be_answered_in_time_is_not_sent(void **state)
{
    (void)state;
    static struct asked asked[2];
    const int64_t round_trip_us = 10 * 1000;
    ask(&asked[0], BATCH_INCREMENT, 1);
    batcher_turn(batcher, START_US);
    answer_increment(0);
    ask_large();
    batcher_turn(batcher, START_US + round_trip_us);
    make(&asked[1], BATCH_INCREMENT, 20, START_US + 2 * round_trip_us);
    submit(&asked[1]);
    batcher_turn(batcher, START_US + round_trip_us);
    assert_status(&asked[1], 0,
                  STATUS_NOT_SENT_IN_TIME); /* at once: it stands before the others, which are due later */
    assert_int_equal(items_out(), WINDOW / SEND_LARGE_PART);
}

static void test_lines_wait_for_an_instance(void **state)
{
    (void)state;
    static struct asked asked[3];
    fake_client.awaits_instance = true;
    ask(&asked[0], BATCH_INCREMENT, 1);
    ask(&asked[1], BATCH_GET, 1);
    make(&asked[2], BATCH_INCREMENT, 20, START_US + 1000);
    submit(&asked[2]);
    assert_int_equal(batcher_turn(batcher, START_US), START_US + 1000);
    assert_int_equal(batcher_turn(batcher, START_US + 1000), START_US + 1000 + LOOK_AGAIN_US);
    assert_status(&asked[2], 0, STATUS_NOT_SENT_IN_TIME);
    assert_int_equal(calls(), 0);
    fake_client.awaits_instance = false;
    batcher_turn(batcher, START_US + 2000);
    assert_int_equal(calls(), 2);
    answer_increment(0);
    answer_get(1, 7);
    assert_status(&asked[0], 0, STATUS_OK);
    assert_status(&asked[1], 0, STATUS_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_more_leaves_than_the_window_takes),
        TEST(test_increments_and_reads_share_it_and_take_turns),
        TEST(test_rpcs_that_are_stuck_leave_it),
        TEST(test_what_was_shed_waits_and_is_sent_again_with_another_number),
        TEST(test_reads_that_were_shed_are_sent_again),
        TEST(test_a_shed_makes_the_window_smaller),
        TEST(test_what_is_shed_to_the_end_was_not_sent_in_time),
        TEST(test_what_ended_unknown_is_not_sent_again),
        TEST(test_a_small_request_leaves_though_the_window_is_full_of_large_ones),
        TEST(test_small_and_large_requests_do_not_share_an_rpc),
        TEST(test_large_requests_are_cut_beside_small_ones_and_all_are_answered),
        TEST(test_what_could_not_be_answered_in_time_is_not_sent),
        TEST(test_lines_wait_for_an_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
