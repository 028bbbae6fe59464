/* The relay with redis.wait_replicas, on a real master with a replica: what a failover may take back is not published.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/relay_setting.h"

enum { ENTRY_EVENTS = 5, WAIT_MS = 50 };

static struct redis_process *replica; /* of the test under way */

static void follow_master(const struct setting *setting)
{
    const char *port = strchr(redis_process_address(setting->redis[0]), ':') + 1;
    assert_string_equal(REDIS_ASK(replica, "REPLICAOF", "127.0.0.1", port), "OK");
    WAIT_FOR(strcmp(REDIS_ASK(setting->redis[0], "WAIT", "1", "100"), "1") == 0);
}

/* So many partitions, at a master that has a replica. */
static void start_replicated(struct setting *setting, int partitions, int wait_replicas)
{
    start(setting, partitions, 1);
    REDIS_ASK(setting->redis[0], "CONFIG", "SET", "repl-diskless-sync-delay", "0");
    setting->kafka.config->redis.wait_replicas = wait_replicas;
    setting->kafka.config->redis.wait_timeout_ms = WAIT_MS;
    replica = redis_process_start(NULL);
    follow_master(setting);
}

static void stop_replicated(struct setting *setting)
{
    stop(setting);
    redis_process_end(replica);
}

static bool is_held(struct setting *setting)
{
    static const char why[] = "redis.wait_replicas is 1, and not so many have the events in time";
    return strstr(trouble(setting), why) != NULL;
}

static void test_events_are_published_when_a_replica_has_them(void **state)
{
    enum { PARTITIONS = 2 };
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start_replicated(&setting, PARTITIONS, 1);
    for (int i = 0; i < PARTITIONS; i++) {
        add(&setting, 1, i, ENTRY_EVENTS);
    }
    TURNS_UNTIL(&setting, are_published(&setting, PARTITIONS, ENTRY_EVENTS));
    assert_string_equal(trouble(&setting), "");
    redis_process_pause(replica);
    for (int i = 0; i < PARTITIONS; i++) {
        add(&setting, 1, i, ENTRY_EVENTS);
    }
    TURNS_UNTIL(&setting, is_held(&setting) && strstr(trouble(&setting), "(in 2 of 2 partitions)") != NULL);
    assert_true(are_published(&setting, PARTITIONS, ENTRY_EVENTS));
    redis_process_resume(replica);
    TURNS_UNTIL(&setting, are_published(&setting, PARTITIONS, 2 * ENTRY_EVENTS));
    assert_string_equal(trouble(&setting), "");
    assert_int_equal(read_topic(&setting).repeated, 0);
    stop_replicated(&setting);
}

static unsigned long waits(const struct setting *setting)
{
    static const char field[] = "cmdstat_wait:calls=";
    const char *at = strstr(REDIS_ASK(setting->redis[0], "INFO", "commandstats"), field);
    return at != NULL ? strtoul(at + strlen(field), NULL, 10) : 0;
}

/* Each partition with a backlog is an exchange of its own. */
static void test_late_replicas_cost_a_turn_one_wait(void **state)
{
    enum { PARTITIONS = 8, BACKLOG = 4000, TURNS = 50, TURNS_MAX = 1000 };
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start_replicated(&setting, PARTITIONS, 1);
    for (int i = 0; i < PARTITIONS; i++) {
        add(&setting, 1, i, BACKLOG);
    }
    TURNS_UNTIL(&setting, led(&setting, 0) == PARTITIONS && follower(&setting, PARTITIONS - 1)->stored.number > 0);
    redis_process_pause(replica);
    for (int i = 0; i < PARTITIONS; i++) {
        add(&setting, 1, i, BACKLOG); /* that of before may be published by now */
    }
    REDIS_ASK(setting.redis[0], "CONFIG", "RESETSTAT");
    for (unsigned long turns = 1; turns <= TURNS || (turns <= TURNS_MAX && !is_held(&setting)); turns++) {
        turn(&setting);
        assert_true(waits(&setting) <= turns);
    }
    assert_true(is_held(&setting));
    redis_process_resume(replica);
    TURNS_UNTIL(&setting, are_published(&setting, PARTITIONS, 2 * BACKLOG));
    stop_replicated(&setting);
}

/* The replica becomes master without the former one's last events, and gives their numbers to others. */
static void test_what_a_failover_takes_back_was_not_published(void **state)
{
    struct setting setting;
    struct outbox_writer successor;
    (void)state;
    NEED_REDIS_SERVER();
    start_replicated(&setting, 1, 1);
    add(&setting, 1, 0, ENTRY_EVENTS);
    TURNS_UNTIL(&setting, is_published(&setting, 0, ENTRY_EVENTS));
    assert_string_equal(REDIS_ASK(replica, "REPLICAOF", "NO", "ONE"), "OK");
    add(&setting, 1, 0, 3);
    TURNS_UNTIL(&setting, is_held(&setting));
    outbox_writer_open(&successor, replica);
    successor.numbers[0] = ENTRY_EVENTS;
    outbox_writer_add(&successor, 0, 2);
    outbox_writer_close(&successor);
    const char *port = strchr(redis_process_address(replica), ':') + 1;
    assert_string_equal(REDIS_ASK(setting.redis[0], "REPLICAOF", "127.0.0.1", port), "OK");
    fake_topology_put(&setting.topology, 0, redis_process_address(replica));
    TURNS_UNTIL(&setting, is_published(&setting, 0, ENTRY_EVENTS + 2));
    const struct topic topic = read_topic(&setting);
    assert_int_equal(topic.last[0], ENTRY_EVENTS + 2);
    assert_int_equal(topic.repeated, 0);
    stop_replicated(&setting);
}

static void test_without_wait_replicas_none_is_waited_for(void **state)
{
    struct setting setting;
    (void)state;
    NEED_REDIS_SERVER();
    start_replicated(&setting, 1, 0);
    redis_process_pause(replica);
    add(&setting, 1, 0, ENTRY_EVENTS);
    TURNS_UNTIL(&setting, is_published(&setting, 0, ENTRY_EVENTS));
    redis_process_resume(replica);
    stop_replicated(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_are_published_when_a_replica_has_them),
        cmocka_unit_test(test_late_replicas_cost_a_turn_one_wait),
        cmocka_unit_test(test_what_a_failover_takes_back_was_not_published),
        cmocka_unit_test(test_without_wait_replicas_none_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
