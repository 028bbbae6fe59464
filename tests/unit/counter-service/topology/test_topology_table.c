#include "counter-service/topology/topology_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct redis_address address_of(int port)
{
    struct redis_address address;
    assert_int_equal(redis_address_of_tcp(TEXT("10.0.0.1"), port, &address), 0);
    return address;
}

static void put(struct topology_table *table, int partition, int port)
{
    const struct redis_address address = address_of(port);
    table->at[partition] = topology_table_node(table, &address);
}

static void test_a_new_table_has_every_partition_nowhere(void **state)
{
    (void)state;
    static struct topology_table table;
    struct redis_address found;
    topology_table_init(&table, PARTITIONS_MAX);
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        assert_false(topology_table_find(&table, i, &found));
    }
}

static void test_a_partition_is_found_where_it_was_put(void **state)
{
    (void)state;
    static struct topology_table table;
    struct redis_address found;
    topology_table_init(&table, 3);
    put(&table, 0, 6379);
    put(&table, 2, 6380);
    put(&table, 1, 6379);
    assert_int_equal(table.node_count, 2);
    assert_true(topology_table_find(&table, 1, &found));
    assert_int_equal(found.tcp.port, 6379);
    assert_true(topology_table_find(&table, 2, &found));
    assert_int_equal(found.tcp.port, 6380);
}

static void test_a_node_too_many_is_nowhere(void **state)
{
    (void)state;
    static struct topology_table table;
    topology_table_init(&table, 1);
    for (int i = 0; i < TOPOLOGY_NODES_MAX; i++) {
        const struct redis_address address = address_of(1000 + i);
        assert_int_equal(topology_table_node(&table, &address), i);
    }
    const struct redis_address first = address_of(1000);
    const struct redis_address more = address_of(999);
    assert_int_equal(topology_table_node(&table, &first), 0);
    assert_int_equal(topology_table_node(&table, &more), TOPOLOGY_NOWHERE);
    assert_int_equal(table.node_count, TOPOLOGY_NODES_MAX);
}

static void test_tables_are_equal_if_they_say_the_same_of_each_partition(void **state)
{
    (void)state;
    static struct topology_table left;
    static struct topology_table right;
    topology_table_init(&left, 2);
    topology_table_init(&right, 2);
    assert_true(topology_table_equal(&left, &right));
    put(&left, 0, 1);
    assert_false(topology_table_equal(&left, &right));
    put(&left, 1, 2);
    put(&right, 1, 2); /* the nodes are in another order */
    put(&right, 0, 1);
    assert_true(topology_table_equal(&left, &right));
    put(&right, 0, 3);
    assert_false(topology_table_equal(&left, &right));
    topology_table_init(&right, 1);
    put(&right, 0, 1);
    assert_false(topology_table_equal(&left, &right));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_table_has_every_partition_nowhere),
        cmocka_unit_test(test_a_partition_is_found_where_it_was_put),
        cmocka_unit_test(test_a_node_too_many_is_nowhere),
        cmocka_unit_test(test_tables_are_equal_if_they_say_the_same_of_each_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
