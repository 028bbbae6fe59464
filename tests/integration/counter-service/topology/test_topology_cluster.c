/* The topology of a Redis Cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/topology/redis_slot.h"
#include "counter-service/topology/topology.h"
#include "counter-service/topology/topology_look.h"
#include "tests/fakes/redis_cluster.h"
#include "tests/fakes/wait_for.h"

enum { SEEDS_MAX = 4 };

static struct redis_cluster *cluster;

static int start(void **state)
{
    (void)state;
    if (redis_process_available()) {
        cluster = redis_cluster_start();
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_cluster_end(cluster);
    return 0;
}

struct setting {
    struct config config;
    char *seeds[SEEDS_MAX];
    struct topology *topology;
};

static void open_topology(struct setting *setting, enum redis_mode mode, const char *const *seeds)
{
    struct error error;
    *setting = (struct setting){.topology = NULL};
    struct config *config = &setting->config;
    for (; seeds[config->redis.addr_count] != NULL; config->redis.addr_count++) {
        setting->seeds[config->redis.addr_count] = strdup(seeds[config->redis.addr_count]);
    }
    config->redis.addrs = setting->seeds;
    config->redis.username = strdup("");
    config->redis.password = strdup("");
    config->redis.timeout_ms = 1000;
    config->redis.connect_timeout_ms = 500;
    config->redis.mode = mode;
    setting->topology = topology_create(config, &error);
    if (setting->topology == NULL) {
        fail_msg("%s", error.message);
    }
}

static void close_topology(struct setting *setting)
{
    topology_free(setting->topology);
    for (size_t i = 0; i < setting->config.redis.addr_count; i++) {
        free(setting->seeds[i]);
    }
    free(setting->config.redis.username);
    free(setting->config.redis.password);
}

static const char *address_of(size_t node)
{
    return redis_process_address(redis_cluster_node(cluster, node));
}

static bool is_at(struct topology *topology, int partition, size_t node)
{
    struct redis_address found;
    return topology_find(topology, partition, &found) &&
           strcmp(redis_address_write(&found).text, address_of(node)) == 0;
}

static void expect_found(struct topology *topology)
{
    const int partitions = topology_partitions(topology);
    for (int i = 0; i < partitions; i++) {
        assert_true(is_at(topology, i, (size_t)redis_slot_of_partition(i) * 3 / REDIS_SLOTS));
    }
}

#define SEEDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define NEED_CLUSTER(state) \
    struct setting setting; \
    struct error error = {.message = ""}; \
    (void)(state); \
    (void)error; \
    if (cluster == NULL) { \
        skip(); \
    }

static void test_partitions_are_where_their_slots_are(void **state)
{
    NEED_CLUSTER(state);
    open_topology(&setting, REDIS_MODE_AUTO, SEEDS(address_of(1)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64); /* nobody has said how many */
    assert_true(topology_is_cluster(setting.topology));
    expect_found(setting.topology);
    char store_id[STORE_ID_SIZE];
    topology_store_id(setting.topology, store_id);
    assert_int_equal(strlen(store_id), STORE_ID_LEN);
    close_topology(&setting);
    /* The same to whoever comes later, by way of a node without slots. */
    char again[STORE_ID_SIZE];
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS("127.0.0.1:1", address_of(REDIS_CLUSTER_EMPTY)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    topology_store_id(setting.topology, again);
    assert_string_equal(again, store_id);
    expect_found(setting.topology);
    close_topology(&setting);
}

static long count_looks(void)
{
    const char *info = REDIS_ASK(redis_cluster_node(cluster, 0), "INFO", "commandstats");
    const char *stat = strstr(info, "cmdstat_cluster|slots:calls=");
    return stat != NULL ? strtol(stat + strlen("cmdstat_cluster|slots:calls="), NULL, 10) : 0;
}

static void test_many_suspicions_make_few_looks(void **state)
{
    NEED_CLUSTER(state);
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    const long before = count_looks();
    const int64_t start_us = clock_monotonic_us();
    while (clock_monotonic_us() - start_us < 400 * 1000) {
        topology_suspect(setting.topology);
        usleep(100);
    }
    /* One in 20 ms, with one question. */
    const int64_t looks = (clock_monotonic_us() - start_us) / 20000 + 3;
    assert_in_range(count_looks() - before, 2, looks);
    close_topology(&setting);
}

static void test_a_partition_that_was_moved_is_believed_until_the_next_look(void **state)
{
    NEED_CLUSTER(state);
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    size_t owner = 0;
    while (!is_at(setting.topology, 7, owner)) {
        owner++;
    }
    struct redis_address wrong;
    assert_int_equal(redis_address_parse(address_of((owner + 1) % 3), &wrong, &error), 0);
    const uint64_t version = topology_version(setting.topology);
    topology_moved(setting.topology, 7, &wrong);
    assert_true(topology_version(setting.topology) > version);
    WAIT_FOR(is_at(setting.topology, 7, owner)); /* the cluster says that it is not so */
    const struct move {
        int slot;
        size_t to;
    } move = {redis_slot_of_partition(7), (owner + 1) % 3};
    redis_cluster_begin_move(cluster, move.slot, owner, move.to);
    redis_cluster_end_move(cluster, move.slot, owner, move.to);
    WAIT_FOR(is_at(setting.topology, 7, move.to));
    redis_cluster_begin_move(cluster, move.slot, move.to, owner);
    redis_cluster_end_move(cluster, move.slot, move.to, owner);
    WAIT_FOR(is_at(setting.topology, 7, owner));
    close_topology(&setting);
}

static const char *ask_for(const char *key)
{
    const char *answer = "";
    for (size_t i = 0; i < 3; i++) {
        answer = REDIS_ASK(redis_cluster_node(cluster, i), "GET", key);
        if (strncmp(answer, "-MOVED", 6) != 0) {
            break;
        }
    }
    return answer;
}

static void test_keys_of_the_data_as_a_whole_are_written_again(void **state)
{
    NEED_CLUSTER(state);
    char store_id[STORE_ID_SIZE];
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    topology_store_id(setting.topology, store_id);
    assert_string_equal(ask_for("tally:store"), store_id);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(REDIS_ASK(redis_cluster_node(cluster, i), "FLUSHALL"), "OK");
    }
    WAIT_FOR(strcmp(ask_for("tally:store"), store_id) == 0);
    WAIT_FOR(strcmp(ask_for("tally:meta"), "layout=1 partitions=64") == 0);
    close_topology(&setting);
}

static void test_of_several_redises_the_master_is_the_one(void **state)
{
    NEED_CLUSTER(state);
    char port[8];
    struct redis_address found;
    struct redis_process *master = redis_process_start(NULL);
    snprintf(port, sizeof(port), "%s", strrchr(redis_process_address(master), ':') + 1);
    struct redis_process *replica = redis_process_start((const char *const[]){"--replicaof", "127.0.0.1", port, NULL});
    open_topology(&setting, REDIS_MODE_AUTO, SEEDS(redis_process_address(replica), redis_process_address(master)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 1);
    assert_true(topology_find(setting.topology, 0, &found));
    assert_string_equal(redis_address_write(&found).text, redis_process_address(master));
    close_topology(&setting);
    redis_process_end(replica);
    redis_process_end(master);
}

/* However often it is looked at; nor after any time in which it was not, as when the process stood still. */
static void test_an_older_configuration_is_believed_after_some_time(void **state)
{
    NEED_CLUSTER(state);
    struct topology_look look;
    struct redis_address seed;
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(redis_address_parse(address_of(0), &seed, &error), 0);
    assert_int_equal(topology_look_init(&look, &setting.config, &seed, 1, true, &error), 0);
    assert_int_equal(topology_look(&look, &error), 0);
    for (int looks = 1; looks <= 50; looks += 49) {
        look.epoch += 5;
        for (int i = 0; i < looks; i++) {
            assert_int_equal(topology_look(&look, &error), -1);
            assert_non_null(strstr(error.message, "does not know how it is now"));
        }
        look.failing_since_us -= 10 * 1000 * 1000; /* as if it had gone on so long */
        assert_int_equal(topology_look(&look, &error), looks == 1 ? -1 : 0);
        look.failed_looks = 0;
        look.epoch -= looks == 1 ? 5 : 0;
    }
    topology_look_done(&look);
    close_topology(&setting);
}

static void begin_look(struct setting *setting, struct topology_look *look, struct redis_address *seed)
{
    struct error error;
    open_topology(setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(topology_await(setting->topology, 20000, &error), 64);
    topology_free(setting->topology);
    setting->topology = NULL;
    assert_int_equal(redis_address_parse(address_of(0), seed, &error), 0);
    assert_int_equal(topology_look_init(look, &setting->config, seed, 1, true, &error), 0);
    assert_int_equal(topology_look(look, &error), 0);
    assert_int_equal(look->ids.count, 3);
}

/* As if all nodes had been replaced since, or another cluster had their addresses. */
static void forget_nodes(struct topology_look *look)
{
    look->ids = (struct cluster_ids){.count = 1, .at = {"of-nobody"}};
}

static void test_of_nodes_that_are_all_unknown_the_store_id_tells(void **state)
{
    NEED_CLUSTER(state);
    static struct topology_look look;
    struct redis_address seed;
    begin_look(&setting, &look, &seed);
    forget_nodes(&look);
    assert_int_equal(topology_look(&look, &error), 0);
    assert_int_equal(look.ids.count, 3);
    /* Another store. */
    char ours[STORE_ID_SIZE];
    const uint64_t epoch = look.epoch;
    memcpy(ours, look.store_id, sizeof(ours));
    forget_nodes(&look);
    look.epoch = 0;
    memset(look.store_id, '0', STORE_ID_LEN);
    for (int i = 0; i < 8; i++) {
        look.failing_since_us = clock_monotonic_us() - INT64_C(60) * 1000 * 1000; /* however long */
        assert_int_equal(topology_look(&look, &error), -1);
        assert_non_null(strstr(error.message, "answers for another Redis Cluster"));
    }
    assert_int_equal(look.epoch, 0); /* nor is its epoch held against ours */
    assert_string_equal(ask_for("tally:store"), ours);
    memcpy(look.store_id, ours, sizeof(ours));
    assert_int_equal(topology_look(&look, &error), 0);
    assert_int_equal(look.epoch, epoch);
    topology_look_done(&look);
    close_topology(&setting);
}

static void test_nothing_is_written_where_all_nodes_are_unknown(void **state)
{
    NEED_CLUSTER(state);
    static struct topology_look look;
    struct redis_address seed;
    begin_look(&setting, &look, &seed);
    forget_nodes(&look);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(REDIS_ASK(redis_cluster_node(cluster, i), "FLUSHALL"), "OK");
    }
    for (int i = 0; i < 3; i++) {
        look.home_us = 0; /* it is time to look at the keys */
        assert_int_equal(topology_look(&look, &error), -1);
        assert_non_null(strstr(error.message, "Tally has never used it"));
    }
    assert_string_equal(ask_for("tally:store"), "(nil)");
    assert_string_equal(ask_for("tally:meta"), "(nil)");
    topology_look_done(&look);
    close_topology(&setting);
}

/* Of a server or proxy that tells none: it is believed, and a warning says so. */
static void test_where_nobody_tells_ids_nothing_is_checked(void **state)
{
    NEED_CLUSTER(state);
    static struct topology_look look;
    struct redis_address seed;
    begin_look(&setting, &look, &seed);
    look.ids.count = 0;
    memset(look.store_id, '0', STORE_ID_LEN);
    assert_int_equal(topology_look(&look, &error), 0);
    topology_look_done(&look);
    close_topology(&setting);
}

static bool is_member(struct topology *topology, const char *address, struct error *error)
{
    struct redis_address parsed;
    assert_int_equal(redis_address_parse(address, &parsed, error), 0);
    struct redis_conn *conn = redis_conn_open(&parsed, NULL, 5000, NULL, error);
    assert_non_null(conn);
    const bool is_member = topology_check_member(topology, conn, error) == 0;
    redis_conn_close(conn);
    return is_member;
}

static void test_nodes_of_the_cluster_and_nobody_else_are_members(void **state)
{
    NEED_CLUSTER(state);
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(0)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES; i++) {
        assert_true(is_member(setting.topology, address_of(i), &error));
    }
    struct redis_process *alone = redis_process_start(NULL);
    assert_false(is_member(setting.topology, redis_process_address(alone), &error));
    assert_non_null(strstr(error.message, "no node of a Redis Cluster"));
    redis_process_end(alone);
    char bus_port[8];
    snprintf(bus_port, sizeof(bus_port), "%d", redis_process_free_port());
    alone = redis_process_start((const char *const[]){"--cluster-enabled", "yes", "--cluster-port", bus_port, NULL});
    for (int i = 0; i < 2; i++) { /* one that has no slots, then one that has all */
        assert_false(is_member(setting.topology, redis_process_address(alone), &error));
        assert_non_null(strstr(error.message, "it is of another one"));
        (void)REDIS_ASK(alone, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    }
    redis_process_end(alone);
    close_topology(&setting);
}

/* A node that was taken out of the cluster knows nobody. */
static void test_a_node_that_knows_nobody_is_not_believed(void **state)
{
    NEED_CLUSTER(state);
    struct redis_process *leaves = redis_cluster_node(cluster, REDIS_CLUSTER_EMPTY);
    open_topology(&setting, REDIS_MODE_CLUSTER, SEEDS(address_of(REDIS_CLUSTER_EMPTY)));
    assert_int_equal(topology_await(setting.topology, 20000, &error), 64);
    const uint64_t version = topology_version(setting.topology);
    assert_string_equal(REDIS_ASK(leaves, "CLUSTER", "RESET", "SOFT"), "OK");
    for (int i = 0; i < 20; i++) {
        topology_suspect(setting.topology);
        usleep(50000);
        expect_found(setting.topology);
    }
    assert_int_equal(topology_version(setting.topology), version);
    close_topology(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_are_where_their_slots_are),
        cmocka_unit_test(test_many_suspicions_make_few_looks),
        cmocka_unit_test(test_a_partition_that_was_moved_is_believed_until_the_next_look),
        cmocka_unit_test(test_keys_of_the_data_as_a_whole_are_written_again),
        cmocka_unit_test(test_of_several_redises_the_master_is_the_one),
        cmocka_unit_test(test_an_older_configuration_is_believed_after_some_time),
        cmocka_unit_test(test_of_nodes_that_are_all_unknown_the_store_id_tells),
        cmocka_unit_test(test_nothing_is_written_where_all_nodes_are_unknown),
        cmocka_unit_test(test_where_nobody_tells_ids_nothing_is_checked),
        cmocka_unit_test(test_nodes_of_the_cluster_and_nobody_else_are_members),
        cmocka_unit_test(test_a_node_that_knows_nobody_is_not_believed),
    };
    return cmocka_run_group_tests(tests, start, end);
}
