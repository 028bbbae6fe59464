#include "counter-service/ranking/ranking_part.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_window.h"

static bool is_read(const char *text, struct ranking_part *ret_part)
{
    return ranking_part_read(text_of(text), ret_part);
}

static void test_it_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const struct ranking_part parts[] = {
        {.lanes = 0},
        {.lanes = 1, .before = 0, .last_number = 1, .last_ms = 1, .seed = 0},
        {.lanes = 255,
         .before = INT64_MAX - 1,
         .last_number = INT64_MAX,
         .last_ms = RANKING_TIME_MAX_MS,
         .seed = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char out[RANKING_PART_TEXT_SIZE];
        struct ranking_part read;
        assert_true(ranking_part_read(ranking_part_put(&parts[i], out), &read));
        assert_true(read.lanes == parts[i].lanes && read.before == parts[i].before);
        assert_true(read.last_number == parts[i].last_number);
        assert_true(read.last_ms == parts[i].last_ms && read.seed == parts[i].seed);
    }
}

static void test_what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"x",
                                        "1",
                                        "0 1 2 3",
                                        "0 1 2 3 256",
                                        "0 1 2 -3 4",
                                        "0 1 2 3 4 5",
                                        " 0 1 2 3 4",
                                        "0 1 2 3 ",
                                        "0 1 2 3 0",
                                        "-1 1 2 3 4",
                                        "1 1 2 3 4",
                                        "2 1 2 3 4",
                                        "0 1 -1 3 4",
                                        "0 1 253402300800000 3 4",
                                        "0 1 9223372036854775807 3 4",
                                        "0 9223372036854775808 2 3 4"};
    struct ranking_part part = {.lanes = 7};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(is_read(texts[i], &part));
        assert_int_equal(part.lanes, 7);
    }
    assert_true(is_read("", &part));
    assert_int_equal(part.lanes, 0);
}

static void test_lanes_share_the_names_out(void **state)
{
    (void)state;
    enum { NAMES = 25600 };
    const struct ranking_part none = {.lanes = 0};
    const struct ranking_part half = {.lanes = RANKING_LANES / 2, .seed = 5};
    const struct ranking_part all = {.lanes = RANKING_LANES, .seed = 5}; /* of tests only */
    int has = 0;
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "r%d", i);
        assert_false(ranking_part_has(&none, text_of(name)));
        assert_true(ranking_part_has(&all, text_of(name)));
        has += ranking_part_has(&half, text_of(name));
    }
    assert_in_range(has, NAMES * 2 / 5, NAMES * 3 / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_read_as_it_was_written),
        cmocka_unit_test(test_what_is_none_is_refused),
        cmocka_unit_test(test_lanes_share_the_names_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
