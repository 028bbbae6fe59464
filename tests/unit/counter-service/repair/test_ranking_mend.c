/* How a resource's sums in a rolling window are mended, seen by what is left when all its buckets have been let go of.
 */
#include "counter-service/repair/ranking_mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RUNNING = 1000, OLDEST = RUNNING - 59, CELLS = 61, HOUR_MS = 60 * 60 * 1000 };

struct mending {
    struct ranked_type type;
    struct ranking_state state;
    struct ranking_layout layout;
    struct ranking_found found;
    int64_t buckets[CELLS];
    struct ranking_cut cut;
    int64_t periods[1];
    int64_t lacking[CELLS];
    int64_t mended_buckets[CELLS];
    bool is_changed[CELLS];
    struct ranking_mended mended;
    struct ranking_resource resource; /* last: it ends with cells, of which it has none here */
};

/* Of a window of an hour, whose running bucket was RUNNING - late when it was looked at what is missing. */
static void prepare(struct mending *mending, int64_t late)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    const struct ranking_config config = {.rolling = {{.name = "1h", .length_ms = HOUR_MS}}, .rolling_count = 1};
    *mending = (struct mending){.type = {.window_count = 1}};
    struct ranked_window *ranked = &mending->type.windows[0];
    assert_int_equal(ranking_windows_of(&config, windows), 1);
    ranked->window = windows[0];
    ranked->board = (struct ranking_board){.period = RUNNING, .oldest = OLDEST, .newest = RUNNING};
    mending->layout = ranking_layout_of(&mending->type, true);
    assert_int_equal(mending->layout.cell_count, CELLS);
    mending->state = (struct ranking_state){.types = &mending->type, .type_count = 1};
    mending->cut = (struct ranking_cut){.layouts = &mending->layout,
                                        .state = &mending->state,
                                        .count = 1,
                                        .resources = &mending->found,
                                        .buckets = mending->buckets};
    mending->periods[0] = RUNNING - late;
    mending->mended.buckets = mending->mended_buckets;
    mending->mended.is_changed = mending->is_changed;
}

/* What the record has after an event in the running bucket, when every bucket that holds something was let go of. */
static int64_t left_after_an_event(struct mending *mending)
{
    struct ranking_record *record = &mending->mended.record;
    const struct ranking_window *window = &mending->type.windows[0].window;
    struct ranking_bucket_change change;
    (void)ranking_record_add(record, window, RUNNING, 1, &change);
    for (int64_t bucket = OLDEST; bucket < RUNNING; bucket++) {
        const int64_t held = mending->mended_buckets[RUNNING - bucket];
        if (held != 0) {
            (void)ranking_record_let_go(record, window, bucket, held);
        }
    }
    assert_true(change.enters || mending->is_changed[0]);
    return ranking_record_let_go(record, window, RUNNING, 1);
}

static void mend(struct mending *mending)
{
    const struct ranking_lack lack = {&mending->resource, mending->periods, mending->lacking};
    ranking_mend(&mending->cut, 0, 0, &lack, &mending->mended);
}

static int64_t sum_of(const struct mending *mending)
{
    return ranking_record_sum(&mending->mended.record, &mending->type.windows[0].window, RUNNING);
}

static void test_what_was_lacking_is_in_its_buckets(void **state)
{
    (void)state;
    struct mending mending;
    prepare(&mending, 0);
    mending.lacking[0] = 2;
    mending.lacking[7] = 3;
    mend(&mending);
    assert_int_equal(sum_of(&mending), 5);
    assert_true(mending.is_changed[0] && mending.is_changed[7] && mending.mended_buckets[7] == 3);
    assert_int_equal(left_after_an_event(&mending), 0);
}

/* It was long ago that it was looked at: all that lacked has left the window. */
static void test_what_has_left_meanwhile_is_in_no_sum(void **state)
{
    (void)state;
    struct mending mending;
    prepare(&mending, 70);
    mending.lacking[3] = 5;
    mend(&mending);
    assert_int_equal(sum_of(&mending), 0);
    assert_int_equal(left_after_an_event(&mending), 0);
}

/* The record knows more than a bucket that somebody has deleted, or that was passed over. */
static void mend_ahead(struct mending *mending, int64_t bucket)
{
    struct ranking_bucket_change change;
    prepare(mending, 0);
    mending->resource.has_record = true;
    (void)ranking_record_add(&mending->found.record, &mending->type.windows[0].window, bucket, 4, &change);
    (void)ranking_record_add(&mending->found.record, &mending->type.windows[0].window, bucket, 6, &change);
    mending->lacking[CELLS - 1] = -10;
    mend(mending);
}

static void test_of_a_bucket_that_nobody_lets_go_of_nothing_is_left(void **state)
{
    (void)state;
    struct mending mending;
    mend_ahead(&mending, OLDEST - 1);
    assert_int_equal(sum_of(&mending), 0);
    assert_int_equal(left_after_an_event(&mending), 0);
}

static void test_a_bucket_that_is_being_let_go_of_is_waited_for(void **state)
{
    (void)state;
    struct mending mending;
    struct ranking_record *record = &mending.mended.record;
    mend_ahead(&mending, OLDEST - 1);
    mending.type.windows[0].board.oldest = OLDEST - 1;
    mend(&mending);
    assert_int_equal(sum_of(&mending), 10);
    assert_int_equal(ranking_record_let_go(record, &mending.type.windows[0].window, OLDEST - 1, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_lacking_is_in_its_buckets),
        cmocka_unit_test(test_what_has_left_meanwhile_is_in_no_sum),
        cmocka_unit_test(test_of_a_bucket_that_nobody_lets_go_of_nothing_is_left),
        cmocka_unit_test(test_a_bucket_that_is_being_let_go_of_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
