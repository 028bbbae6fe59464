#include "counter-service/ranking/ranking_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/prng.h"

static struct ranking_entry entry(double score, const char *resource_id)
{
    return (struct ranking_entry){score, text_of(resource_id)};
}

static void assert_order(const struct ranking_entry *entries, size_t count, const char *expected)
{
    char order[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(order + len, sizeof(order) - len, "%.*s ", (int)entries[i].resource_id.len,
                                entries[i].resource_id.data);
    }
    assert_string_equal(order, expected);
}

static void test_several_tops_become_one(void **state)
{
    (void)state;
    const struct ranking_entry first[] = {entry(9, "a"), entry(5, "b"), entry(-1, "c")};
    const struct ranking_entry second[] = {entry(10, "d"), entry(6, "e")};
    const struct ranking_entry third[] = {entry(7, "f")};
    struct ranking_list lists[] = {{first, 3}, {NULL, 0}, {second, 2}, {third, 1}};
    struct ranking_entry out[10];
    assert_order(out, ranking_merge(lists, 4, out, 10), "d a f e b c ");
}

static void test_equal_scores_stand_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    const struct ranking_entry first[] = {entry(5, "B"), entry(5, "a"), entry(5, "\xC3\xA9")};
    const struct ranking_entry second[] = {entry(5, "A"), entry(5, "aa"), entry(5, "z")};
    struct ranking_list lists[] = {{first, 3}, {second, 3}};
    struct ranking_entry out[6];
    assert_order(out, ranking_merge(lists, 2, out, 6), "A B a aa z \xC3\xA9 ");
}

static void test_no_more_than_asked_for_are_told(void **state)
{
    (void)state;
    const struct ranking_entry first[] = {entry(3, "a"), entry(1, "c")};
    const struct ranking_entry second[] = {entry(2, "b")};
    struct ranking_list lists[] = {{first, 2}, {second, 1}};
    struct ranking_entry out[3];
    assert_order(out, ranking_merge(lists, 2, out, 2), "a b ");
    /* The lists go on where that ended. */
    assert_order(out, ranking_merge(lists, 2, out, 2), "c ");
    assert_int_equal(ranking_merge(lists, 2, out, 3), 0);
    assert_int_equal(ranking_merge(NULL, 0, out, 3), 0);
}

enum { PARTITIONS = 16, RESOURCES = 2000 };

static int by_place(const void *left, const void *right)
{
    const struct ranking_entry *a = left;
    const struct ranking_entry *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return strcmp(a->resource_id.data, b->resource_id.data); /* all of one length, without a NUL */
}

static void test_many_partitions_tell_what_one_would(void **state)
{
    (void)state;
    static char names[RESOURCES][8];
    static struct ranking_entry all[RESOURCES];
    static struct ranking_entry parts[PARTITIONS][RESOURCES];
    static struct ranking_entry out[RESOURCES];
    struct ranking_list lists[PARTITIONS] = {{NULL, 0}};
    struct prng prng = {.state = 17};
    for (size_t i = 0; i < RESOURCES; i++) {
        snprintf(names[i], sizeof(names[i]), "r%06zu", i);
        all[i] = entry((double)(prng_next(&prng) % 50), names[i]);
    }
    qsort(all, RESOURCES, sizeof(all[0]), by_place);
    for (size_t i = 0; i < RESOURCES; i++) {
        const size_t partition = (size_t)(prng_next(&prng) % PARTITIONS);
        parts[partition][lists[partition].count++] = all[i];
        lists[partition].entries = parts[partition];
    }
    assert_int_equal(ranking_merge(lists, PARTITIONS, out, RESOURCES), RESOURCES);
    for (size_t i = 0; i < RESOURCES; i++) {
        assert_true(text_equal(out[i].resource_id, all[i].resource_id) && out[i].score == all[i].score);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_tops_become_one),
        cmocka_unit_test(test_equal_scores_stand_in_the_order_of_their_bytes),
        cmocka_unit_test(test_no_more_than_asked_for_are_told),
        cmocka_unit_test(test_many_partitions_tell_what_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
