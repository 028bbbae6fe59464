/* The relay on the outboxes of many partitions, on one real Redis or two, and librdkafka's mock of a Kafka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/metrics_text.h"
#include "tests/fakes/relay_setting.h"

static void test_the_events_of_all_partitions_are_published_once_and_in_order(void **state)
{
    enum { PARTITIONS = 4, ENTRIES = 40, ENTRY_EVENTS = 25 };
    struct setting setting;
    struct relay_state told;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, PARTITIONS, 1);
    for (int i = 0; i < ENTRIES * PARTITIONS; i++) {
        add(&setting, 1, i % PARTITIONS, ENTRY_EVENTS);
    }
    TURNS_UNTIL(&setting,
                led(&setting, 0) == PARTITIONS && are_published(&setting, PARTITIONS, ENTRIES * ENTRY_EVENTS));
    relay_run_state(&setting.relays[0], &told);
    assert_int_equal(told.role, RELAY_LEADS);
    assert_int_equal(told.led, PARTITIONS);
    assert_int_equal(told.waiting, 0);
    assert_string_equal(told.trouble, "");
    const struct topic topic = read_topic(&setting);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(topic.last[i], ENTRIES * ENTRY_EVENTS);
    }
    assert_int_equal(topic.repeated, 0);
    stop(&setting);
}

static void test_a_redis_that_is_gone_holds_up_its_own_partitions_only(void **state)
{
    enum { PARTITIONS = 4 };
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, PARTITIONS, 2);
    for (int i = 0; i < PARTITIONS; i++) {
        add(&setting, 2, i, 10);
    }
    TURNS_UNTIL(&setting, led(&setting, 0) == PARTITIONS && are_published(&setting, PARTITIONS, 10));
    const unsigned suspected = setting.topology.suspected;
    const struct kafka_producer *producer = setting.relays[0].producer;
    add(&setting, 2, 1, 7); /* nobody carries these before the Redis is back */
    redis_process_kill(setting.redis[1]);
    TURNS_UNTIL(&setting, strstr(trouble(&setting), "(in 2 of 4 partitions)") != NULL);
    assert_true(setting.topology.suspected > suspected);
    add(&setting, 2, 0, 5);
    add(&setting, 2, 2, 5);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 15) && is_published(&setting, 2, 15));
    assert_int_equal(led(&setting, 0), 2);
    assert_ptr_equal(setting.relays[0].producer, producer);
    /* It is not Kafka that has taken none of them for a while. */
    setting.relays[0].partitions[1].moved_us = 0;
    TURNS_UNTIL(&setting, setting.relays[0].partitions[1].moved_us > 0);
    redis_process_restart(setting.redis[1]);
    outbox_writer_reopen(&setting.writers[1], setting.redis[1]);
    add(&setting, 2, 3, 5);
    TURNS_UNTIL(&setting,
                led(&setting, 0) == PARTITIONS && is_published(&setting, 1, 17) && is_published(&setting, 3, 15));
    assert_string_equal(trouble(&setting), "");
    const struct topic topic = read_topic(&setting);
    assert_true(topic.last[0] == 15 && topic.last[1] == 17 && topic.last[2] == 15 && topic.last[3] == 15);
    stop(&setting);
}

static void test_a_redis_that_stands_still_holds_up_the_others_for_a_timeout_only(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 2, 2);
    add(&setting, 2, 0, 1);
    add(&setting, 2, 1, 1);
    TURNS_UNTIL(&setting, led(&setting, 0) == 2 && are_published(&setting, 2, 1));
    redis_process_pause(setting.redis[1]);
    add(&setting, 2, 0, 9);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 10) && led(&setting, 0) == 1);
    redis_process_resume(setting.redis[1]);
    add(&setting, 2, 1, 9);
    TURNS_UNTIL(&setting, is_published(&setting, 1, 10));
    stop(&setting);
}

static size_t count_troubled(const struct setting *setting)
{
    size_t count = 0;
    LIST_EACH (struct outbox_node, node, &setting->relays[0].set.nodes.list, node) {
        count += node->trouble.message[0] != '\0';
    }
    return count;
}

/* Until so many Redises are in trouble, of which no turn may find more than one. */
static void turn_until_troubled(struct setting *setting, size_t wanted)
{
    size_t troubled = 0;
    while (troubled < wanted) {
        (void)turn(setting);
        const size_t now = count_troubled(setting);
        assert_true(now <= troubled + 1);
        troubled = now > troubled ? now : troubled;
    }
}

static void test_redises_that_hang_cost_a_turn_one_timeout(void **state)
{
    struct setting setting;
    char gone[3][32];
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 2);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    redis_process_pause(setting.redis[0]);
    redis_process_pause(setting.redis[1]);
    turn_until_troubled(&setting, 2);
    redis_process_resume(setting.redis[0]);
    redis_process_resume(setting.redis[1]);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    for (int i = 0; i < 3; i++) {
        snprintf(gone[i], sizeof(gone[i]), "127.0.0.1:%d", redis_process_free_port());
        fake_topology_put(&setting.topology, i + 1, gone[i]);
    }
    add(&setting, 2, 0, 9);
    turn_until_troubled(&setting, 3);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 9));
    stop(&setting);
}

static const char *conn_error(const struct setting *setting, size_t i)
{
    return redis_conn_error(outbox_set_conn(&setting->relays[0].set, i)->redis);
}

/* However many of them. */
static void test_redises_that_stand_still_hold_up_the_end_for_a_timeout_only(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 2);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    redis_process_pause(setting.redis[0]);
    redis_process_pause(setting.redis[1]);
    relay_run_finish(&setting.relays[0], 0);
    assert_string_not_equal(conn_error(&setting, 0), "");
    assert_string_equal(conn_error(&setting, 1), "");
    redis_process_resume(setting.redis[0]);
    redis_process_resume(setting.redis[1]);
    stop(&setting);
}

static void test_a_damaged_outbox_holds_up_no_other(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 3, 1);
    REDIS_ASK(setting.redis[0], "SET", "tally:{p1}:outbox", "no hash");
    add(&setting, 1, 0, 10);
    add(&setting, 1, 2, 10);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 10) && is_published(&setting, 2, 10));
    assert_non_null(strstr(trouble(&setting), "(in 1 of 3 partitions)"));
    assert_int_equal(led(&setting, 0), 2);
    REDIS_ASK(setting.redis[0], "DEL", "tally:{p1}:outbox");
    add(&setting, 1, 1, 10);
    TURNS_UNTIL(&setting, is_published(&setting, 1, 10));
    assert_string_equal(trouble(&setting), "");
    assert_int_equal(read_topic(&setting).repeated, 0);
    stop(&setting);
}

static void test_a_partition_with_many_events_keeps_none_of_the_others_back(void **state)
{
    enum { HOT = 100 * 1000, ENTRY_EVENTS = 500, ROUND_TRIP_MS = 150 };
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 1);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    rd_kafka_mock_broker_set_rtt(setting.kafka.cluster, 1, ROUND_TRIP_MS); /* for which the window is full */
    for (int i = 0; i < HOT / ENTRY_EVENTS; i++) {
        add(&setting, 1, 0, ENTRY_EVENTS);
    }
    TURNS_UNTIL(&setting, setting.relays[0].open == RELAY_WINDOW);
    for (int i = 1; i < 4; i++) {
        add(&setting, 1, i, 100);
    }
    TURNS_UNTIL(&setting,
                is_published(&setting, 1, 100) && is_published(&setting, 2, 100) && is_published(&setting, 3, 100));
    assert_false(is_published(&setting, 0, HOT));
    rd_kafka_mock_broker_set_rtt(setting.kafka.cluster, 1, 0);
    TURNS_UNTIL(&setting, is_published(&setting, 0, HOT));
    assert_int_equal(read_topic(&setting).last[0], HOT);
    stop(&setting);
}

/* What Kafka has not acknowledged is still with the producer when a connection breaks: it is told for an entry that its
 * follower has forgotten. */
static void test_acknowledgements_that_come_after_a_connection_broke_harm_nothing(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 2);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    add(&setting, 2, 0, 1);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 1));
    rd_kafka_mock_broker_set_rtt(setting.kafka.cluster, 1, 4000);
    for (int i = 0; i < 4; i++) {
        add(&setting, 2, i, 50);
    }
    TURNS_UNTIL(&setting, setting.relays[0].open == 200);
    REDIS_ASK(setting.redis[1], "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    TURNS_UNTIL(&setting, setting.relays[0].orphans.first != NULL);
    outbox_writer_reopen(&setting.writers[1], setting.redis[1]);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4 && setting.relays[0].open == 300);
    rd_kafka_mock_broker_set_rtt(setting.kafka.cluster, 1, 0);
    TURNS_UNTIL(&setting, is_published(&setting, 0, 51) && is_published(&setting, 3, 50) &&
                              is_published(&setting, 1, 50) && is_published(&setting, 2, 50));
    TURNS_UNTIL(&setting, setting.relays[0].open == 0);
    assert_null(setting.relays[0].orphans.first);
    const struct topic topic = read_topic(&setting);
    assert_true(topic.last[0] == 51 && topic.last[1] == 50 && topic.last[2] == 50 && topic.last[3] == 50);
    stop(&setting);
}

static void test_a_producer_that_fails_starts_all_partitions_over(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 1);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    const double restarts = metrics_text_value("tally_events_relay_restarts_total", 0);
    rd_kafka_mock_push_request_errors(setting.kafka.cluster, 0, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    for (int i = 0; i < 4; i++) {
        add(&setting, 1, i, 50);
    }
    TURNS_UNTIL(&setting, are_published(&setting, 4, 50));
    assert_true(metrics_text_value("tally_events_relay_restarts_total", 0) > restarts);
    const struct topic topic = read_topic(&setting);
    assert_true(topic.last[0] == 50 && topic.last[1] == 50 && topic.last[2] == 50 && topic.last[3] == 50);
    stop(&setting);
}

static void test_a_partition_that_has_moved_is_followed_to_its_new_redis(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 2);
    add(&setting, 2, 0, 5);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4 && is_published(&setting, 0, 5));
    fake_topology_put(&setting.topology, 0, NULL);
    TURNS_UNTIL(&setting, strstr(trouble(&setting), "(in 1 of 4 partitions)") != NULL);
    outbox_writer_add(&setting.writers[1], 0, 6);
    fake_topology_put(&setting.topology, 0, redis_process_address(setting.redis[1]));
    TURNS_UNTIL(&setting, is_published(&setting, 0, 6) && led(&setting, 0) == 4);
    assert_int_equal(setting.relays[0].set.members[0].node->partitions, 3);
    assert_string_equal(trouble(&setting), "");
    stop(&setting);
}

static void test_how_many_partitions_there_are_may_be_known_later(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 1);
    setting.topology.partitions = 0;
    for (int i = 0; i < 60; i++) {
        (void)turn(&setting);
    }
    assert_non_null(strstr(trouble(&setting), "how many partitions"));
    add(&setting, 1, 3, 4);
    setting.topology.partitions = 4;
    setting.topology.version++;
    TURNS_UNTIL(&setting, setting.relays[0].set.count == 4 && is_published(&setting, 3, 4));
    assert_string_equal(trouble(&setting), "");
    stop(&setting);
}

static void test_a_script_that_redis_has_forgotten_is_sent_again(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 1);
    TURNS_UNTIL(&setting, led(&setting, 0) == 4);
    REDIS_ASK(setting.redis[0], "SCRIPT", "FLUSH");
    for (int i = 0; i < 4; i++) {
        add(&setting, 1, i, 5);
    }
    TURNS_UNTIL(&setting, are_published(&setting, 4, 5));
    assert_string_equal(trouble(&setting), "");
    assert_int_equal(read_topic(&setting).repeated, 0);
    stop(&setting);
}

/* Each partition says whose it is; one that has been emptied, or is another store's, is left alone. */
static void test_partitions_of_a_cluster_tell_whose_they_are(void **state)
{
    static const char store_id[] = "0123456789abcdef0123456789abcdef";
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start(&setting, 4, 2);
    memcpy(setting.topology.cluster_store_id, store_id, sizeof(store_id));
    for (int i = 0; i < 4; i++) {
        char key[32];
        snprintf(key, sizeof(key), "tally:{p%d}:store", i);
        REDIS_ASK(setting.redis[i % 2], "SET", key, i < 3 ? store_id : "fedcba9876543210fedcba9876543210");
        add(&setting, 2, i, 3);
    }
    REDIS_ASK(setting.redis[0], "DEL", "tally:store"); /* it is on one node only */
    TURNS_UNTIL(&setting, is_published(&setting, 0, 3) && is_published(&setting, 1, 3) && is_published(&setting, 2, 3));
    TURNS_UNTIL(&setting, strstr(trouble(&setting), "Redis's data was replaced") != NULL &&
                              strstr(trouble(&setting), "(in 1 of 4 partitions)") != NULL);
    assert_false(is_published(&setting, 3, 3));
    REDIS_ASK(setting.redis[1], "SET", "tally:{p3}:store", store_id);
    TURNS_UNTIL(&setting, is_published(&setting, 3, 3));
    assert_string_equal(trouble(&setting), "");
    stop(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_events_of_all_partitions_are_published_once_and_in_order),
        cmocka_unit_test(test_a_redis_that_is_gone_holds_up_its_own_partitions_only),
        cmocka_unit_test(test_a_redis_that_stands_still_holds_up_the_others_for_a_timeout_only),
        cmocka_unit_test(test_redises_that_hang_cost_a_turn_one_timeout),
        cmocka_unit_test(test_redises_that_stand_still_hold_up_the_end_for_a_timeout_only),
        cmocka_unit_test(test_a_damaged_outbox_holds_up_no_other),
        cmocka_unit_test(test_a_partition_with_many_events_keeps_none_of_the_others_back),
        cmocka_unit_test(test_acknowledgements_that_come_after_a_connection_broke_harm_nothing),
        cmocka_unit_test(test_a_producer_that_fails_starts_all_partitions_over),
        cmocka_unit_test(test_a_partition_that_has_moved_is_followed_to_its_new_redis),
        cmocka_unit_test(test_how_many_partitions_there_are_may_be_known_later),
        cmocka_unit_test(test_a_script_that_redis_has_forgotten_is_sent_again),
        cmocka_unit_test(test_partitions_of_a_cluster_tell_whose_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
