#include "counter-service/store/store_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"

enum { MAX_WAIT_US = 20 * 1000 };

static int setup(void **state)
{
    static struct store_queue queue;
    *state = &queue;
    store_queue_init(&queue, 10, MAX_WAIT_US);
    return 0;
}

static int teardown(void **state)
{
    struct store_call *left;
    const struct error over = {.message = "over"};
    (void)store_queue_close(*state, &over, &left);
    store_queue_done(*state);
    return 0;
}

static void done(struct store_call *call)
{
    (void)call;
}

static enum status put(struct store_queue *queue, struct store_call *call, size_t item_count)
{
    *call = (struct store_call){.item_count = item_count, .done = done};
    return store_queue_put(queue, call);
}

static enum store_queue_closing close_for(struct store_queue *queue, const char *reason, struct store_call **ret_calls)
{
    struct error error;
    error_set(&error, "%s", reason);
    return store_queue_close(queue, &error, ret_calls);
}

static void test_a_new_queue_is_closed(void **state)
{
    struct store_queue *queue = *state;
    struct store_call call;
    char reason[64] = "";
    assert_int_equal(put(queue, &call, 1), STATUS_REDIS_DOWN);
    assert_false(store_queue_is_open(queue, reason, sizeof(reason)));
    assert_string_equal(reason, "not connected to Redis yet");
}

static void test_calls_are_taken_all_at_once_and_in_order(void **state)
{
    struct store_queue *queue = *state;
    struct store_call calls[3];
    store_queue_open(queue);
    assert_true(store_queue_is_open(queue, NULL, 0));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(queue, &calls[i], 2), STATUS_OK);
    }
    assert_int_equal(store_queue_length(queue), 6);
    struct store_call *taken = NULL;
    assert_true(store_queue_wait(queue, INT64_MAX, &taken));
    assert_ptr_equal(taken, &calls[0]);
    assert_ptr_equal(taken->next, &calls[1]);
    assert_ptr_equal(taken->next->next, &calls[2]);
    assert_null(taken->next->next->next);
    assert_int_equal(store_queue_length(queue), 0);
}

static void test_a_full_queue_sheds(void **state)
{
    struct store_queue *queue = *state;
    struct store_call calls[4];
    store_queue_open(queue);
    assert_int_equal(put(queue, &calls[0], 9), STATUS_OK);
    assert_int_equal(put(queue, &calls[1], 2), STATUS_SHED);
    assert_int_equal(put(queue, &calls[2], 1), STATUS_OK);
    assert_int_equal(put(queue, &calls[3], 0), STATUS_SHED);
    struct store_call *taken;
    assert_true(store_queue_wait(queue, INT64_MAX, &taken));
    assert_int_equal(put(queue, &calls[1], 2), STATUS_OK);
    close_for(queue, "end", &taken);
}

static void test_an_empty_queue_takes_a_call_of_any_size(void **state)
{
    struct store_queue *queue = *state;
    struct store_call call;
    struct store_call *taken;
    store_queue_open(queue);
    assert_int_equal(put(queue, &call, 1000), STATUS_OK);
    close_for(queue, "end", &taken);
}

static void test_a_queue_that_is_behind_sheds(void **state)
{
    struct store_queue *queue = *state;
    struct store_call calls[3];
    struct store_call *taken;
    store_queue_open(queue);
    assert_int_equal(put(queue, &calls[0], 1), STATUS_OK);
    assert_int_equal(put(queue, &calls[1], 1), STATUS_OK);
    calls[0].submitted_us -= MAX_WAIT_US + 1; /* it came so much earlier */
    assert_int_equal(put(queue, &calls[2], 1), STATUS_SHED);
    assert_int_equal(store_queue_length(queue), 2);
    assert_true(store_queue_wait(queue, INT64_MAX, &taken));
    assert_int_equal(put(queue, &calls[2], 1), STATUS_OK);
    close_for(queue, "end", &taken);
}

static void test_closing_takes_what_is_queued(void **state)
{
    struct store_queue *queue = *state;
    struct store_call call;
    struct store_call *taken = NULL;
    char reason[64] = "";
    store_queue_open(queue);
    assert_int_equal(put(queue, &call, 1), STATUS_OK);
    assert_int_equal(close_for(queue, "gone", &taken), STORE_QUEUE_WAS_OPEN);
    assert_ptr_equal(taken, &call);
    assert_int_equal(put(queue, &call, 1), STATUS_REDIS_DOWN);
    assert_false(store_queue_is_open(queue, reason, sizeof(reason)));
    assert_string_equal(reason, "gone");
    assert_int_equal(close_for(queue, "gone", &taken), STORE_QUEUE_SAME_REASON);
    assert_int_equal(close_for(queue, "wrong password", &taken), STORE_QUEUE_NEW_REASON);
    assert_null(taken);
}

static void test_waiting_ends_at_its_time(void **state)
{
    struct store_queue *queue = *state;
    struct store_call *taken = NULL;
    const int64_t until_us = clock_monotonic_us() + 20000;
    assert_true(store_queue_wait(queue, until_us, &taken));
    assert_null(taken);
    assert_true(clock_monotonic_us() >= until_us);
    assert_true(store_queue_sleep(queue, until_us + 20000));
    assert_true(clock_monotonic_us() >= until_us + 20000);
}

static void test_a_stopped_queue_waits_no_more(void **state)
{
    struct store_queue *queue = *state;
    struct store_call call;
    struct store_call *taken = NULL;
    store_queue_open(queue);
    assert_int_equal(put(queue, &call, 1), STATUS_OK);
    store_queue_stop(queue);
    assert_false(store_queue_wait(queue, INT64_MAX, &taken));
    assert_false(store_queue_sleep(queue, INT64_MAX));
    assert_int_equal(put(queue, &call, 1), STATUS_DRAINING);
    close_for(queue, "end", &taken);
    assert_ptr_equal(taken, &call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_queue_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_are_taken_all_at_once_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_queue_sheds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_queue_takes_a_call_of_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_queue_that_is_behind_sheds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closing_takes_what_is_queued, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_ends_at_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_queue_waits_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
