/* Answers to CLUSTER SLOTS, as they come over a connection. */
#include "counter-service/topology/cluster_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counter-service/topology/redis_slot.h"
#include "tests/fakes/answered.h"

static int read_slots(const char *answer, struct topology_table *table, int partitions)
{
    struct answered answered;
    struct redis_address who;
    struct error error = {.message = ""};
    assert_int_equal(redis_address_of_tcp(TEXT("10.9.9.9"), 7000, &who), 0);
    answered_begin(&answered, answer);
    table->partitions = partitions;
    const int result = cluster_slots_read(&answered.reply, &who, table, &error);
    assert_int_equal(result != 0, error.message[0] != '\0');
    answered_end(&answered);
    return result;
}

#define NODE(host, port) "*4\r\n" host ":" port "\r\n$2\r\nid\r\n*0\r\n"
#define HOST_A "$8\r\n10.0.0.1\r\n"
#define HOST_B "$8\r\n10.0.0.2\r\n"

static const struct redis_address *at(const struct topology_table *table, int partition)
{
    static struct redis_address address;
    assert_true(topology_table_find(table, partition, &address));
    return &address;
}

static void test_each_partition_is_at_the_master_of_its_slot(void **state)
{
    (void)state;
    static struct topology_table table;
    /* The second range has a replica too. */
    assert_int_equal(read_slots("*2\r\n*3\r\n:0\r\n:8191\r\n" NODE(HOST_A, "6379") "*4\r\n:8192\r\n:16383\r\n" NODE(
                                    HOST_B, "6380") NODE(HOST_A, "9999"),
                                &table, 64),
                     0);
    for (int i = 0; i < 64; i++) {
        const bool is_low = redis_slot_of_partition(i) < 8192;
        assert_string_equal(at(&table, i)->tcp.host, is_low ? "10.0.0.1" : "10.0.0.2");
        assert_int_equal(at(&table, i)->tcp.port, is_low ? 6379 : 6380);
    }
    assert_int_equal(table.node_count, 2);
}

static void test_a_slot_that_nobody_serves_is_nowhere(void **state)
{
    (void)state;
    static struct topology_table table;
    struct redis_address found;
    assert_int_equal(read_slots("*1\r\n*3\r\n:0\r\n:8191\r\n" NODE(HOST_A, "6379"), &table, 64), 0);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(topology_table_find(&table, i, &found), redis_slot_of_partition(i) < 8192);
    }
    /* What the table held before is gone. */
    assert_int_equal(read_slots("*0\r\n", &table, 64), 0);
    assert_false(topology_table_find(&table, 0, &found));
    assert_int_equal(table.node_count, 0);
}

static void test_a_host_that_is_left_out_is_the_one_asked(void **state)
{
    (void)state;
    static struct topology_table table;
    static const char *const answers[] = {
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$-1\r\n", "6379"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$0\r\n\r\n", "6379"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$1\r\n?\r\n", "6379"),
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_slots(answers[i], &table, 1), 0);
        assert_string_equal(at(&table, 0)->tcp.host, "10.9.9.9");
        assert_int_equal(at(&table, 0)->tcp.port, 6379);
    }
}

#define NAMELESS(rest) "*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$1\r\n?\r\n:6379\r\n$2\r\nid\r\n" rest

/* As with cluster-preferred-endpoint-type hostname, of a node without cluster-announce-hostname. */
static void test_a_node_whose_name_nobody_knows_is_at_its_ip(void **state)
{
    (void)state;
    static struct topology_table table;
    static const struct {
        const char *answer;
        const char *host;
    } cases[] = {
        {NAMELESS("*2\r\n$2\r\nip\r\n$8\r\n10.0.0.1\r\n"), "10.0.0.1"},
        {NAMELESS("*4\r\n$8\r\nhostname\r\n$1\r\nh\r\n$2\r\nip\r\n$8\r\n10.0.0.2\r\n"), "10.0.0.2"},
        {NAMELESS("*2\r\n$2\r\nip\r\n$0\r\n\r\n"), "10.9.9.9"},
        {NAMELESS("*1\r\n$2\r\nip\r\n"), "10.9.9.9"},
        {NAMELESS("*0\r\n"), "10.9.9.9"},
        {NAMELESS("$-1\r\n"), "10.9.9.9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_slots(cases[i].answer, &table, 1), 0);
        assert_string_equal(at(&table, 0)->tcp.host, cases[i].host);
        assert_int_equal(at(&table, 0)->tcp.port, 6379);
    }
}

static void test_what_is_not_understood_is_an_error(void **state)
{
    (void)state;
    static struct topology_table table;
    static const char *const answers[] = {
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "-ERR no\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:16383\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n" NODE(HOST_A, "6379"),
        "*1\r\n*3\r\n:-1\r\n:5\r\n" NODE(HOST_A, "6379"),
        "*1\r\n*3\r\n:6\r\n:5\r\n" NODE(HOST_A, "6379"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE(HOST_A, "0"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE(HOST_A, "65536"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE(":1\r\n", "6379"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$3\r\na b\r\n", "6379"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n$8\r\n10.0.0.1\r\n",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (read_slots(answers[i], &table, 4) == 0) {
            fail_msg("answer %zu was understood", i);
        }
    }
}

static void test_the_master_of_one_slot(void **state)
{
    (void)state;
    struct answered answered;
    struct redis_address who = {.tcp = {.host = "10.9.9.9", .port = 1}};
    struct redis_address found;
    answered_begin(&answered,
                   "*2\r\n*3\r\n:0\r\n:0\r\n" NODE(HOST_A, "6379") "*3\r\n:5\r\n:9\r\n" NODE(HOST_B, "6380"));
    assert_true(cluster_slots_find(&answered.reply, &who, 0, &found));
    assert_string_equal(found.tcp.host, "10.0.0.1");
    assert_true(cluster_slots_find(&answered.reply, &who, 9, &found));
    assert_int_equal(found.tcp.port, 6380);
    assert_false(cluster_slots_find(&answered.reply, &who, 1, &found));
    assert_false(cluster_slots_find(&answered.reply, &who, 10, &found));
    answered_end(&answered);
    answered_begin(&answered, "+OK\r\n");
    assert_false(cluster_slots_find(&answered.reply, &who, 0, &found));
    answered_end(&answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_partition_is_at_the_master_of_its_slot),
        cmocka_unit_test(test_a_slot_that_nobody_serves_is_nowhere),
        cmocka_unit_test(test_a_host_that_is_left_out_is_the_one_asked),
        cmocka_unit_test(test_a_node_whose_name_nobody_knows_is_at_its_ip),
        cmocka_unit_test(test_what_is_not_understood_is_an_error),
        cmocka_unit_test(test_the_master_of_one_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
