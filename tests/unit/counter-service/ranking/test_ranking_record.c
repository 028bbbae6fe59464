/* Records: what is known of a resource in all windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "common/base/wrap.h"
#include "counter-service/ranking/ranking_record.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static struct ranking_window window_of(uint32_t tag)
{
    struct ranking_window window;
    assert_true(ranking_window_of_tag(tag, &window));
    return window;
}

static struct ranking_window day(void)
{
    return window_of(1 + RANKING_DAY);
}

static struct ranking_window hour_rolling(void)
{
    return window_of(16 + 60);
}

static int64_t add(struct ranking_record *record, struct ranking_window window, int64_t period, int64_t delta)
{
    struct ranking_bucket_change change;
    return ranking_record_add(record, &window, period, delta, &change);
}

static int64_t sum(const struct ranking_record *record, struct ranking_window window, int64_t period)
{
    return ranking_record_sum(record, &window, period);
}

static void test_a_period_and_the_one_before_are_known(void **state)
{
    (void)state;
    struct ranking_record record = {.count = 0};
    assert_int_equal(add(&record, day(), 100, 5), 5);
    assert_int_equal(add(&record, day(), 100, -2), 3);
    assert_int_equal(sum(&record, day(), 100), 3);
    assert_int_equal(sum(&record, day(), 101), 0);
    assert_int_equal(sum(&record, day(), 99), 0);
    assert_int_equal(add(&record, day(), 101, 7), 7);
    assert_int_equal(sum(&record, day(), 100), 3);
    assert_int_equal(add(&record, day(), 103, 1), 1);
    assert_int_equal(sum(&record, day(), 102), 0);
    assert_int_equal(sum(&record, day(), 101), 0);
}

static void test_a_rolling_sum_is_that_of_its_buckets(void **state)
{
    (void)state;
    struct ranking_bucket_change change;
    struct ranking_record record = {.count = 0};
    const struct ranking_window window = hour_rolling();
    /* The first event enters the bucket; the others stand in the record alone. */
    assert_int_equal(ranking_record_add(&record, &window, 10, 5, &change), 5);
    assert_true(change.enters && !change.leaves);
    assert_int_equal(ranking_record_add(&record, &window, 10, 2, &change), 7);
    assert_false(change.enters || change.leaves);
    /* The next bucket's first tells the one before. */
    assert_int_equal(ranking_record_add(&record, &window, 11, -3, &change), 4);
    assert_true(change.enters && change.leaves && change.left == 10 && change.left_sum == 7);
    /* One event is all that a bucket had: it knows. */
    assert_int_equal(ranking_record_add(&record, &window, 13, 1, &change), 5);
    assert_true(change.enters && !change.leaves);
    assert_int_equal(ranking_record_add(&record, &window, 13, 1, &change), 6);
    assert_int_equal(ranking_record_let_go(&record, &window, 10, 7), -1);
    assert_int_equal(ranking_record_let_go(&record, &window, 11, -3), 2);
    assert_int_equal(ranking_record_let_go(&record, &window, 13, 1), 0); /* the record knows better */
    assert_int_equal(ranking_record_add(&record, &window, 99, 1, &change), 1);
    assert_true(change.enters && !change.leaves);
}

static void test_a_sum_that_left_its_range_is_right_when_it_has_come_back(void **state)
{
    (void)state;
    struct ranking_bucket_change change;
    struct ranking_record record = {.count = 0};
    const struct ranking_window window = hour_rolling();
    add(&record, day(), 1, INT64_MAX);
    add(&record, day(), 1, 100);
    assert_true(add(&record, day(), 1, -101) == INT64_MAX - 1);
    ranking_record_add(&record, &window, 10, -INT64_MAX, &change);
    ranking_record_add(&record, &window, 11, -INT64_MAX, &change);
    ranking_record_let_go(&record, &window, 10, -INT64_MAX);
    assert_int_equal(ranking_record_let_go(&record, &window, 11, -INT64_MAX), 0);
}

/* It was lost, and the next events made it anew: what its buckets held before is not in it. */
static void test_a_record_that_was_lost_lets_go_of_its_own_buckets_only(void **state)
{
    (void)state;
    struct ranking_record record = {.count = 0};
    const struct ranking_window rolling = hour_rolling();
    char packed[RANKING_RECORD_LEN_MAX];
    add(&record, rolling, 12, 100);
    add(&record, rolling, 14, 5);
    assert_int_equal(ranking_record_let_go(&record, &rolling, 10, 30), 105);
    const size_t len = ranking_record_pack(&record, packed);
    assert_int_equal(ranking_record_unpack((struct text){packed, len}, &record), 0);
    assert_int_equal(ranking_record_let_go(&record, &rolling, 11, 7), 105);
    assert_int_equal(ranking_record_let_go(&record, &rolling, 12, 100), 5);
    assert_int_equal(ranking_record_let_go(&record, &rolling, 14, 5), 0);
}

static void test_what_was_deleted_is_not_taken_away(void **state)
{
    (void)state;
    struct ranking_record record = {.count = 0};
    const struct ranking_window window = hour_rolling();
    assert_int_equal(ranking_record_let_go(&record, &window, 10, 7), 0);
    assert_int_equal(record.count, 0);
}

static bool same_rolling(const struct ranking_rolling_sum *a, const struct ranking_rolling_sum *b)
{
    return a->sum == b->sum && a->bucket == b->bucket && a->bucket_sum == b->bucket_sum && a->first == b->first &&
           a->is_ahead == b->is_ahead;
}

static bool same(const struct ranking_record *a, const struct ranking_record *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        const struct ranking_calendar_sum *x = &a->windows[i].calendar;
        const struct ranking_calendar_sum *y = &b->windows[i].calendar;
        is_same = a->windows[i].tag == b->windows[i].tag &&
                  (ranking_tag_is_rolling(a->windows[i].tag)
                       ? same_rolling(&a->windows[i].rolling, &b->windows[i].rolling)
                       : x->period == y->period && x->sum == y->sum && x->before == y->before);
    }
    return is_same;
}

static void test_a_record_survives_packing(void **state)
{
    (void)state;
    struct prng prng = {3};
    for (int i = 0; i < 20000; i++) {
        char packed[RANKING_RECORD_LEN_MAX];
        struct ranking_record record;
        struct ranking_record read;
        memset(&record, 0, sizeof(record));
        memset(&read, 0, sizeof(read));
        record.count = prng_up_to(&prng, RANKING_RECORD_WINDOWS_MAX);
        for (size_t k = 0; k < record.count; k++) {
            record.windows[k].tag = (uint32_t)prng_next(&prng) >> prng_up_to(&prng, 31);
            int64_t numbers[4];
            for (size_t n = 0; n < 4; n++) {
                numbers[n] = (int64_t)prng_next(&prng) >> prng_up_to(&prng, 63);
            }
            if (ranking_tag_is_rolling(record.windows[k].tag)) {
                record.windows[k].rolling = (struct ranking_rolling_sum){
                    numbers[0], numbers[1], numbers[2], wrap_subtract(numbers[1], numbers[3] >> 2), numbers[3] & 1};
            } else {
                record.windows[k].calendar = (struct ranking_calendar_sum){numbers[0], numbers[1], numbers[2]};
            }
        }
        const size_t len = ranking_record_pack(&record, packed);
        assert_int_equal(ranking_record_unpack((struct text){packed, len}, &read), 0);
        assert_true(same(&record, &read));
        /* Cut anywhere but between two windows it is none. */
        const size_t cut = prng_up_to(&prng, (uint32_t)len - 1);
        struct ranking_record part;
        if (ranking_record_unpack((struct text){packed, cut}, &part) == 0 && cut > 0) {
            assert_true(part.count < record.count);
        }
    }
}

static void test_what_is_no_record_is_refused(void **state)
{
    (void)state;
    struct ranking_record record;
    assert_int_equal(ranking_record_unpack(TEXT(""), &record), 0);
    assert_int_equal(record.count, 0);
    assert_int_equal(ranking_record_unpack(TEXT("\x01"), &record), 0);
    static const struct text wrong[] = {
        {"\x02", 1},
        {"5", 1},
        {"\x01\x02", 2},
        {"\x01\x02\x00\x00", 4},
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},
        {"\x01\xff\xff\xff\xff\xff\x01\x00\x00\x00", 10},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(ranking_record_unpack(wrong[i], &record), -1);
    }
    char many[1 + 4 * (RANKING_RECORD_WINDOWS_MAX + 1)] = {1};
    assert_int_equal(ranking_record_unpack((struct text){many, sizeof(many)}, &record), -1);
}

static void test_a_record_is_over_when_nothing_can_be_asked_for(void **state)
{
    (void)state;
    struct ranking_record record = {.count = 0};
    const struct ranking_window rolling = hour_rolling();
    const int64_t now = INT64_C(1795602030400);
    const struct ranking_window days = day();
    const int64_t today = ranking_period_at(&days, now);
    assert_true(ranking_record_is_over(&record, now));
    add(&record, days, today - 1, 4);
    assert_false(ranking_record_is_over(&record, now));
    assert_true(ranking_record_is_over(&record, now + 24 * HOUR_MS));
    add(&record, days, today, -4);
    add(&record, days, today, 4);
    assert_false(ranking_record_is_over(&record, now)); /* yesterday's */
    const int64_t bucket = ranking_period_at(&rolling, now);
    add(&record, rolling, bucket, 1);
    add(&record, rolling, bucket, -1);
    assert_false(ranking_record_is_over(&record, now + HOUR_MS / 2));
    assert_true(ranking_record_is_over(&record, now + 48 * HOUR_MS));
}

/* Windows come and go with the configuration; those that are configured now are never the ones that leave. */
static void test_a_full_record_makes_room_for_what_is_configured(void **state)
{
    (void)state;
    struct ranking_record record = {.count = 0};
    uint32_t tags[] = {1, 2, 17, 65537};
    const size_t tag_count = sizeof(tags) / sizeof(tags[0]);
    for (uint32_t minutes = 1; minutes <= 12; minutes++) {
        add(&record, window_of(16 + minutes), 100, 5);
    }
    ranking_record_make_room(&record, tags, tag_count);
    assert_int_equal(record.count, 12);
    for (uint32_t tag = 1; tag <= 4; tag++) {
        add(&record, window_of(tag), 100, 5);
    }
    assert_int_equal(record.count, RANKING_RECORD_WINDOWS_MAX);
    ranking_record_make_room(&record, tags, tag_count);
    assert_int_equal(record.count, 3);
    for (size_t i = 0; i < tag_count; i++) {
        const struct ranking_window window = window_of(tags[i]);
        assert_int_equal(ranking_record_sum(&record, &window, 100), i < 3 ? 5 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_period_and_the_one_before_are_known),
        cmocka_unit_test(test_a_rolling_sum_is_that_of_its_buckets),
        cmocka_unit_test(test_a_sum_that_left_its_range_is_right_when_it_has_come_back),
        cmocka_unit_test(test_what_was_deleted_is_not_taken_away),
        cmocka_unit_test(test_a_record_that_was_lost_lets_go_of_its_own_buckets_only),
        cmocka_unit_test(test_a_record_survives_packing),
        cmocka_unit_test(test_what_is_no_record_is_refused),
        cmocka_unit_test(test_a_record_is_over_when_nothing_can_be_asked_for),
        cmocka_unit_test(test_a_full_record_makes_room_for_what_is_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
