#include "gateway/batch/send_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 4000, NOW_US = 100 * 1000 * 1000, BACKOFF_FIRST_US = 5000, BACKOFF_MAX_US = 50000 };

static const uint32_t longest = UINT32_MAX; /* of the random waits */

static struct send_window window;

static int set_up(void **state)
{
    (void)state;
    send_window_init(&window, MAX);
    return 0;
}

/* Lets so many leave in one RPC, which they may. */
static void send(enum send_size size, size_t items, int64_t now_us)
{
    assert_int_equal(send_window_allows(&window, size, items, now_us), items);
    send_window_sent(&window, size, items);
}

/* As many as may, all in one class. Returns how many. */
static size_t fill(enum send_size size, int64_t now_us)
{
    size_t sent = 0;
    size_t count;
    while ((count = send_window_allows(&window, size, 1000000, now_us)) > 0) {
        send_window_sent(&window, size, count);
        sent += count;
    }
    return sent;
}

static void turn(int64_t now_us)
{
    send_window_turn(&window, now_us, longest);
}

static void test_it_starts_at_its_largest(void **state)
{
    (void)state;
    assert_int_equal(fill(SEND_LARGE, NOW_US), MAX);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 1, NOW_US), 0);
    send_window_answered(&window, SEND_LARGE, 1000, NOW_US);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 1, NOW_US), 1);
}

static void test_an_rpc_has_at_most_1000_items(void **state)
{
    (void)state;
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 5000, NOW_US), BATCH_ITEMS_MAX);
}

static void test_a_remnant_of_room_is_not_worth_an_rpc(void **state)
{
    (void)state;
    send(SEND_LARGE, 1000, NOW_US);
    send(SEND_LARGE, 1000, NOW_US);
    send(SEND_LARGE, 1000, NOW_US);
    send(SEND_LARGE, 900, NOW_US);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 1000, NOW_US), 0);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 100, NOW_US), 100); /* all that wait */
}

static void test_a_small_window_lets_one_rpc_out(void **state)
{
    (void)state;
    send_window_init(&window, 3);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 1000, NOW_US), 3);
    send_window_sent(&window, SEND_LARGE, 3);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 1000, NOW_US), 0);
    send_window_shed(&window, SEND_LARGE, 3, NOW_US);
    turn(NOW_US + 1);
    assert_int_equal(window.items, 3);
}

/* --- shed --------------------------------------------------------------------------------------------------------- */

static void test_a_shed_halves_it_once_a_round_trip(void **state)
{
    (void)state;
    fill(SEND_LARGE, NOW_US);
    send_window_shed(&window, SEND_LARGE, 1000, NOW_US);
    send_window_shed(&window, SEND_LARGE, 1000, NOW_US);
    turn(NOW_US + 10);
    assert_int_equal(window.items, MAX / 2);
    send_window_shed(&window, SEND_LARGE, 1000, NOW_US + 9); /* it had left before */
    turn(NOW_US + 20);
    assert_int_equal(window.items, MAX / 2);
    send_window_shed(&window, SEND_LARGE, 1000, NOW_US + 11);
    turn(NOW_US + 30);
    assert_int_equal(window.items, MAX / 4);
}

static void test_it_never_shrinks_below_one_full_rpc(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 10; i++) {
        send_window_sent(&window, SEND_LARGE, 1);
        send_window_shed(&window, SEND_LARGE, 1, NOW_US + i);
        turn(NOW_US + i);
    }
    assert_int_equal(window.items, SEND_WINDOW_MIN);
}

static void test_nothing_leaves_for_a_moment_that_grows(void **state)
{
    (void)state;
    int64_t now_us = NOW_US;
    int64_t wait_us = BACKOFF_FIRST_US;
    for (int i = 0; i < 8; i++) {
        send(SEND_SMALL, 1, now_us);
        send_window_shed(&window, SEND_SMALL, 1, now_us);
        turn(now_us);
        assert_int_equal(send_window_allows(&window, SEND_SMALL, 1, now_us + wait_us - 1), 0);
        assert_int_equal(window.resume_us, now_us + wait_us);
        now_us = window.resume_us;
        wait_us = 2 * wait_us < BACKOFF_MAX_US ? 2 * wait_us : BACKOFF_MAX_US;
    }
    send(SEND_SMALL, 1, now_us);
    send_window_answered(&window, SEND_SMALL, 1, now_us);
    turn(now_us);
    send(SEND_SMALL, 1, now_us);
    send_window_shed(&window, SEND_SMALL, 1, now_us);
    turn(now_us);
    assert_int_equal(window.resume_us, now_us + BACKOFF_FIRST_US); /* an answer came in between */
}

static void test_a_slow_answer_halves_it_and_stops_nothing(void **state)
{
    (void)state;
    fill(SEND_LARGE, NOW_US);
    send_window_answered(&window, SEND_LARGE, 1000, NOW_US);
    turn(NOW_US + SEND_SLOW_US);
    assert_int_equal(window.items, MAX);
    send_window_answered(&window, SEND_LARGE, 1000, NOW_US);
    turn(NOW_US + SEND_SLOW_US + 1);
    assert_int_equal(window.items, MAX / 2);
    send_window_answered(&window, SEND_LARGE, 1000, NOW_US);
    turn(NOW_US + SEND_SLOW_US + 2);
    assert_int_equal(window.items, MAX / 2);
    assert_int_equal(window.resume_us, 0);
}

static void test_each_window_of_answers_lets_it_grow_by_a_step(void **state)
{
    (void)state;
    send_window_sent(&window, SEND_LARGE, 1);
    send_window_shed(&window, SEND_LARGE, 1, NOW_US);
    turn(NOW_US);
    const size_t before = window.items;
    for (size_t answered = 0; answered < before; answered += 100) {
        assert_int_equal(window.items, before);
        send_window_sent(&window, SEND_LARGE, 100);
        send_window_answered(&window, SEND_LARGE, 100, NOW_US);
        turn(NOW_US + 1);
    }
    assert_int_equal(window.items, before + SEND_WINDOW_STEP);
    for (int i = 0; i < 1000; i++) {
        send_window_sent(&window, SEND_LARGE, 1000);
        send_window_answered(&window, SEND_LARGE, 1000, NOW_US);
        turn(NOW_US + 2);
    }
    assert_int_equal(window.items, MAX);
}

static void test_an_end_that_says_nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(fill(SEND_SMALL, NOW_US), MAX);
    send_window_forget(&window, SEND_SMALL, MAX);
    turn(NOW_US);
    assert_int_equal(window.items, MAX);
    assert_int_equal(window.resume_us, 0);
    assert_int_equal(fill(SEND_SMALL, NOW_US), MAX);
}

/* --- small and large ---------------------------------------------------------------------------------------------- */

static void test_large_requests_have_a_part_and_leave_in_pieces_while_small_ones_are_about(void **state)
{
    (void)state;
    send(SEND_SMALL, 1, NOW_US);
    assert_int_equal(send_window_allows(&window, SEND_LARGE, 5000, NOW_US), SEND_LARGE_PIECE);
    assert_int_equal(fill(SEND_LARGE, NOW_US), MAX / SEND_LARGE_PART);
    send_window_answered(&window, SEND_SMALL, 1, NOW_US);
    assert_int_equal(fill(SEND_LARGE, NOW_US + SEND_ABOUT_US - 1), 0);
    /* They are gone: of the rest what makes full RPCs. */
    assert_int_equal(fill(SEND_LARGE, NOW_US + SEND_ABOUT_US), MAX - 1000);
}

static void test_a_small_request_leaves_when_large_ones_fill_the_window(void **state)
{
    (void)state;
    assert_int_equal(fill(SEND_LARGE, NOW_US), MAX);
    send(SEND_SMALL, 3, NOW_US);
    assert_int_equal(fill(SEND_SMALL, NOW_US), 1000); /* 997 more are no full RPC */
}

static void test_small_requests_leave_large_ones_their_part(void **state)
{
    (void)state;
    send(SEND_LARGE, SEND_LARGE_PIECE, NOW_US);
    assert_int_equal(fill(SEND_SMALL, NOW_US), MAX / 2);
    assert_int_equal(fill(SEND_LARGE, NOW_US), MAX / SEND_LARGE_PART - SEND_LARGE_PIECE);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static int64_t margin_us(void)
{
    return send_window_too_late_us(&window, NOW_US) - NOW_US;
}

static void test_the_margin_follows_the_round_trip(void **state)
{
    (void)state;
    assert_int_equal(margin_us(), 0);
    send(SEND_SMALL, 2, NOW_US);
    assert_int_equal(margin_us(), 0); /* nothing was measured yet */
    send_window_answered(&window, SEND_SMALL, 1, NOW_US);
    turn(NOW_US + 800);
    assert_int_equal(margin_us(), 1200);
    send(SEND_SMALL, 1, NOW_US);
    send_window_answered(&window, SEND_SMALL, 1, NOW_US);
    turn(NOW_US + 1600);
    assert_int_equal(margin_us(), 1350);
    send_window_answered(&window, SEND_SMALL, 1, NOW_US);
    turn(NOW_US + 10 * 1000 * 1000);
    assert_int_equal(margin_us(), 0); /* nothing is out */
    send(SEND_SMALL, 1, NOW_US);
    assert_int_equal(margin_us(), SEND_MARGIN_MAX_US);
}

static void test_what_is_due_in_a_pause_is_too_late(void **state)
{
    (void)state;
    send(SEND_SMALL, 1, NOW_US);
    send_window_shed(&window, SEND_SMALL, 1, NOW_US);
    turn(NOW_US + 800);
    assert_int_equal(window.resume_us, NOW_US + 800 + BACKOFF_FIRST_US);
    assert_int_equal(send_window_too_late_us(&window, NOW_US + 900), window.resume_us + 1200);
    assert_int_equal(send_window_too_late_us(&window, window.resume_us), window.resume_us); /* it may try */
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_starts_at_its_largest),
        TEST(test_an_rpc_has_at_most_1000_items),
        TEST(test_a_remnant_of_room_is_not_worth_an_rpc),
        TEST(test_a_small_window_lets_one_rpc_out),
        TEST(test_a_shed_halves_it_once_a_round_trip),
        TEST(test_it_never_shrinks_below_one_full_rpc),
        TEST(test_nothing_leaves_for_a_moment_that_grows),
        TEST(test_a_slow_answer_halves_it_and_stops_nothing),
        TEST(test_each_window_of_answers_lets_it_grow_by_a_step),
        TEST(test_an_end_that_says_nothing_changes_nothing),
        TEST(test_large_requests_have_a_part_and_leave_in_pieces_while_small_ones_are_about),
        TEST(test_a_small_request_leaves_when_large_ones_fill_the_window),
        TEST(test_small_requests_leave_large_ones_their_part),
        TEST(test_the_margin_follows_the_round_trip),
        TEST(test_what_is_due_in_a_pause_is_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
