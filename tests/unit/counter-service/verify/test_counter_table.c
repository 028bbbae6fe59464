#include "counter-service/verify/counter_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct counter *take(struct counter_table *table, const char *resource_id, const char *type)
{
    struct counter *counter = counter_table_take(table, text_of(resource_id), text_of(type));
    assert_non_null(counter);
    return counter;
}

static void test_a_counter_is_known_by_both_names(void **state)
{
    (void)state;
    struct counter_table table;
    counter_table_init(&table);
    assert_null(counter_table_find(&table, TEXT("ab"), TEXT("c")));
    assert_null(counter_table_next(&table, NULL));
    struct counter *first = take(&table, "ab", "c");
    struct counter *second = take(&table, "a", "bc");
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(take(&table, "ab", "c"), first);
    assert_ptr_equal(counter_table_find(&table, TEXT("a"), TEXT("bc")), second);
    assert_null(counter_table_find(&table, TEXT("ab"), TEXT("d")));
    assert_int_equal(table.count, 2);
    assert_true(text_equal(counter_resource_id(second), TEXT("a")));
    assert_true(text_equal(counter_type(second), TEXT("bc")));
    counter_table_done(&table);
}

static void test_a_new_counter_has_nothing(void **state)
{
    (void)state;
    struct counter_table table;
    counter_table_init(&table);
    const struct counter *counter = take(&table, "a", "b");
    assert_int_equal(counter->sum, 0);
    assert_int_equal(counter->value, 0);
    assert_int_equal(counter->in_redis, REDIS_LACKS_COUNTER);
    assert_int_equal(counter->partition, -1);
    assert_int_equal(stream_id_compare(counter->last_entry, (struct stream_id){0, 0}), 0);
    counter_table_done(&table);
}

static void test_all_are_found_and_visited_once_however_many_there_are(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct counter_table table;
    char name[32];
    counter_table_init(&table);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        take(&table, name, "like")->redis_value = i;
    }
    assert_int_equal(table.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        struct counter *counter = counter_table_find(&table, text_of(name), TEXT("like"));
        assert_non_null(counter);
        assert_int_equal(counter->redis_value, i);
    }
    int64_t sum = 0, visited = 0;
    const struct counter *counter = NULL;
    while ((counter = counter_table_next(&table, counter)) != NULL) {
        sum += counter->redis_value;
        visited++;
    }
    assert_int_equal(visited, COUNT);
    assert_int_equal(sum, (int64_t)COUNT * (COUNT - 1) / 2);
    counter_table_done(&table);
}

static void test_shards_have_each_resource_once_and_about_as_many(void **state)
{
    (void)state;
    enum { COUNT = 30000, SHARDS = 3 };
    unsigned counts[SHARDS] = {0};
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        unsigned owners = 0;
        snprintf(name, sizeof(name), "r%d", i);
        for (unsigned shard = 0; shard < SHARDS; shard++) {
            const bool has = shard_has((struct shard){shard, SHARDS}, text_of(name));
            owners += has;
            counts[shard] += has;
        }
        assert_int_equal(owners, 1);
        assert_true(shard_has((struct shard){0, 1}, text_of(name)));
    }
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        assert_in_range(counts[shard], COUNT / SHARDS * 9 / 10, COUNT / SHARDS * 11 / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_counter_is_known_by_both_names),
        cmocka_unit_test(test_a_new_counter_has_nothing),
        cmocka_unit_test(test_all_are_found_and_visited_once_however_many_there_are),
        cmocka_unit_test(test_shards_have_each_resource_once_and_about_as_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
