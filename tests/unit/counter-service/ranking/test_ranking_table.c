/* The table of the best, against sorting everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "counter-service/ranking/ranking_places.h"
#include "counter-service/ranking/ranking_table.h"

enum { RESOURCES = 2000, NAME_SIZE = 16 };

struct standing {
    int64_t score;
    char name[NAME_SIZE];
};

static int by_place(const void *left, const void *right)
{
    const struct standing *a = left;
    const struct standing *b = right;
    return a->score != b->score ? (a->score > b->score ? -1 : 1) : strcmp(a->name, b->name);
}

/* Those with a place, in order. Returns how many. */
static size_t stand(const struct standing *all, struct standing *out)
{
    size_t count = 0;
    for (int i = 0; i < RESOURCES; i++) {
        if (all[i].score != 0) {
            out[count++] = all[i];
        }
    }
    qsort(out, count, sizeof(*out), by_place);
    return count;
}

static void compare(struct ranking_table *table, const struct standing *all)
{
    static struct standing true_order[RESOURCES];
    const size_t placed = stand(all, true_order);
    assert_true(table->count <= placed);
    assert_true(table->is_bounded || table->count == placed);
    for (size_t i = 0; i < placed; i++) {
        const struct ranking_member *member = ranking_table_find(table, text_of(true_order[i].name));
        assert_int_equal(member != NULL, i < table->count); /* the best, and nobody else */
        assert_true(member == NULL || member->score == true_order[i].score);
    }
}

/* Those with an even score as who knows the score before. */
static void put(struct ranking_table *table, const struct standing *one, int64_t before)
{
    const struct text id = text_of(one->name);
    ranking_table_prepare_place(table, id);
    ranking_table_prepare_member(table, id);
    if (one->score % 2 == 0) {
        assert_in_range(ranking_table_move(table, id, before, one->score), 0, 1);
    } else {
        assert_in_range(ranking_table_put(table, id, one->score), 0, 1);
    }
}

static void run(uint64_t seed, size_t keep, uint32_t decrements)
{
    static struct standing all[RESOURCES];
    struct prng prng = {seed};
    struct ranking_table table;
    ranking_table_init(&table, keep);
    for (int i = 0; i < RESOURCES; i++) {
        all[i] = (struct standing){.score = 0};
        snprintf(all[i].name, NAME_SIZE, "r%d", i);
    }
    for (int step = 0; step < 60000; step++) {
        struct standing *one = &all[prng_up_to(&prng, prng_up_to(&prng, RESOURCES - 1))];
        const int64_t before = one->score;
        one->score += prng_up_to(&prng, 99) < decrements ? -(int64_t)prng_up_to(&prng, 4) : prng_up_to(&prng, 4);
        put(&table, one, before);
        const struct ranking_member *member = ranking_table_find(&table, text_of(one->name));
        assert_true((member != NULL) == ranking_table_has_place(&table, text_of(one->name), one->score));
        assert_int_equal(ranking_table_put(&table, text_of(one->name), one->score), 0);
        if (ranking_table_is_large(&table)) {
            assert_int_equal(ranking_table_trim(&table), 0);
            assert_int_equal(table.count, keep);
        }
        assert_true(table.count <= keep + (keep / 2 > 64 ? keep / 2 : 64));
        if (step % 997 == 0) {
            compare(&table, all);
        }
    }
    compare(&table, all);
    ranking_table_done(&table);
}

static void test_the_order_is_that_of_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run(seed, seed % 2 == 0 ? 10 : 300, seed > 3 ? 50 : 20);
    }
}

/* Whoever is there although its score before was 0 was put by somebody whose record is lost. */
static void test_without_a_score_before_it_is_looked_for(void **state)
{
    (void)state;
    struct ranking_table table;
    ranking_table_init(&table, 10);
    for (int i = 0; i < 11; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "r%02d", i);
        assert_int_equal(ranking_table_put(&table, text_of(name), 100 + i), 1);
    }
    assert_int_equal(ranking_table_trim(&table), 0);
    assert_int_equal(ranking_table_move(&table, TEXT("r00"), 100, 99), 0);
    assert_int_equal(ranking_table_move(&table, TEXT("r05"), 0, 1), 1);
    assert_null(ranking_table_find(&table, TEXT("r05")));
    assert_int_equal(ranking_table_move(&table, TEXT("r00"), 99, 105), 1);
    assert_int_equal(ranking_table_move(&table, TEXT("r00"), 105, 7), 1);
    assert_int_equal(table.count, 9);
    ranking_table_done(&table);
}

static void test_an_unfilled_table_takes_nobody(void **state)
{
    (void)state;
    struct ranking_table table;
    ranking_table_init(&table, 10);
    ranking_table_clear_unfilled(&table);
    assert_int_equal(ranking_table_put(&table, TEXT("a"), INT64_MAX - 1), 0);
    assert_int_equal(table.count, 0);
    ranking_table_clear(&table);
    assert_int_equal(ranking_table_put(&table, TEXT("a"), INT64_MAX), 1);
    assert_true(ranking_table_find(&table, TEXT("a"))->score == INT64_MAX);
    assert_null(ranking_table_find(&table, TEXT("b")));
    assert_int_equal(ranking_table_put(&table, TEXT("a"), 0), 1);
    assert_null(ranking_table_find(&table, TEXT("a")));
    ranking_table_done(&table);
}

static void test_places_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const int64_t scores[] = {INT64_MAX, 1, 0, -1, INT64_MIN};
    struct buffer out;
    struct text rest;
    struct text id;
    int64_t score;
    buffer_init(&out);
    ranking_places_begin(&out);
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        ranking_places_put(&out, TEXT("a resource"), scores[i]);
    }
    rest = (struct text){out.data, out.len};
    assert_int_equal(ranking_places_open(&rest), 0);
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        assert_int_equal(ranking_places_next(&rest, &id, &score), 1);
        assert_true(text_equal(id, TEXT("a resource")) && score == scores[i]);
    }
    assert_int_equal(ranking_places_next(&rest, &id, &score), 0);
    for (size_t cut = 1; cut < 12; cut++) {
        rest = (struct text){out.data, out.len - cut};
        assert_int_equal(ranking_places_open(&rest), 0);
        int found = 1;
        while (found == 1) {
            found = ranking_places_next(&rest, &id, &score);
        }
        assert_int_equal(found, -1);
    }
    buffer_done(&out);
    rest = TEXT("\x02");
    assert_int_equal(ranking_places_open(&rest), -1);
    rest = TEXT("");
    assert_int_equal(ranking_places_open(&rest), 0);
    assert_int_equal(ranking_places_next(&rest, &id, &score), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_is_that_of_all),
        cmocka_unit_test(test_without_a_score_before_it_is_looked_for),
        cmocka_unit_test(test_an_unfilled_table_takes_nobody),
        cmocka_unit_test(test_places_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
