#include "gateway/batch/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned take(struct lanes *lanes)
{
    unsigned lane = SESSION_LANES;
    assert_true(lanes_take(lanes, &lane));
    assert_true(lane < SESSION_LANES);
    return lane;
}

static void test_the_lowest_free_lane_is_taken(void **state)
{
    (void)state;
    struct lanes lanes;
    lanes_init(&lanes);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(take(&lanes), i);
    }
    lanes_close(&lanes, 3);
    lanes_close(&lanes, 1);
    assert_int_equal(take(&lanes), 1);
    assert_int_equal(take(&lanes), 3);
    assert_int_equal(take(&lanes), 5);
}

static void test_the_lane_given_up_last_is_taken_first(void **state)
{
    (void)state;
    struct lanes lanes;
    lanes_init(&lanes);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(take(&lanes), i);
    }
    lanes_close(&lanes, 0);
    lanes_give_up(&lanes, 1);
    lanes_give_up(&lanes, 3);
    lanes_give_up(&lanes, 2);
    assert_int_equal(lanes.given_up_count, 3);
    assert_int_equal(take(&lanes), 2);
    assert_int_equal(take(&lanes), 3);
    lanes_give_up(&lanes, 2);
    assert_int_equal(take(&lanes), 2);
    assert_int_equal(take(&lanes), 1);
    assert_int_equal(take(&lanes), 0);
}

static void test_with_every_lane_open_there_is_none(void **state)
{
    (void)state;
    struct lanes lanes;
    lanes_init(&lanes);
    unsigned lane;
    for (unsigned i = 0; i < SESSION_LANES; i++) {
        assert_true(lanes_any_left(&lanes));
        assert_int_equal(take(&lanes), i);
    }
    assert_false(lanes_any_left(&lanes));
    assert_false(lanes_take(&lanes, &lane));
    lanes_close(&lanes, SESSION_LANES - 1);
    assert_int_equal(take(&lanes), SESSION_LANES - 1);
    lanes_give_up(&lanes, 64);
    assert_true(lanes_any_left(&lanes));
    assert_int_equal(take(&lanes), 64);
    assert_false(lanes_take(&lanes, &lane));
}

/* Whatever the order: a lane is never given to two batches, and none is lost. */
static void test_a_lane_carries_one_batch_at_a_time(void **state)
{
    (void)state;
    struct lanes lanes;
    lanes_init(&lanes);
    bool open[SESSION_LANES] = {false};
    unsigned count = 0;
    srandom(1);
    for (int i = 0; i < 200000; i++) {
        const unsigned lane = (unsigned)random() % SESSION_LANES;
        if (open[lane] && random() % 2 == 0) {
            open[lane] = false;
            count--;
            if (random() % 2 == 0) {
                lanes_close(&lanes, lane);
            } else {
                lanes_give_up(&lanes, lane);
            }
            continue;
        }
        unsigned taken;
        assert_int_equal(lanes_take(&lanes, &taken), count < SESSION_LANES);
        if (count < SESSION_LANES) {
            assert_false(open[taken]);
            open[taken] = true;
            count++;
        }
        assert_int_equal(lanes.open_count, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_lowest_free_lane_is_taken),
        cmocka_unit_test(test_the_lane_given_up_last_is_taken_first),
        cmocka_unit_test(test_with_every_lane_open_there_is_none),
        cmocka_unit_test(test_a_lane_carries_one_batch_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
