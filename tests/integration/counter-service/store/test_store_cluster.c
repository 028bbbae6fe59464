/* The store on a Redis Cluster, while partitions go from one node to another. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/commands/redis_keys.h"
#include "counter-service/topology/redis_slot.h"
#include "tests/fakes/redis_cluster.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/wait_for.h"

enum { PARTITIONS = 16, NAME_SIZE = 32, KEY_SIZE = 64 };

static struct redis_cluster *cluster;
static struct store_fixture *fixture;

static int start(void **state)
{
    (void)state;
    if (!redis_process_available()) {
        return 0;
    }
    cluster = redis_cluster_start();
    fixture = store_fixture_create(redis_cluster_node(cluster, 0));
    fixture->redis = NULL; /* the cluster's */
    fixture->config.redis.partitions = PARTITIONS;
    fixture->config.redis.mode = REDIS_MODE_AUTO;
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_fixture_free(fixture);
    redis_cluster_end(cluster);
    return 0;
}

/* All nodes have answered. */
static int await_all(void **state)
{
    (void)state;
    char reason[512];
    if (fixture != NULL) {
        WAIT_FOR(store_is_serving(fixture->store, NULL, 0) &&
                 !store_lacks_partitions(fixture->store, reason, sizeof(reason)));
    }
    return 0;
}

#define NEED_CLUSTER(state) \
    (void)(state); \
    if (cluster == NULL) { \
        skip(); \
    }

/* The n-th resource of the partition. */
static void name_in(int partition, int n, char out[NAME_SIZE])
{
    for (int i = 0;; i++) {
        snprintf(out, NAME_SIZE, "r%d", i);
        if (redis_partition_of(text_of(out), PARTITIONS) == partition && n-- == 0) {
            return;
        }
    }
}

static void counters_key(int partition, const char *resource_id, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, "tally:{p%d}:c:%s", partition, resource_id);
}

static struct redis_cluster_move begin_move(int partition, size_t to)
{
    return redis_cluster_begin_partition(cluster, partition, to);
}

static void move_key(const struct redis_cluster_move *move, const char *key)
{
    redis_cluster_move_key(cluster, move->from, move->to, key);
}

static void move_counters(const struct redis_cluster_move *move, const char *resource_id)
{
    char key[KEY_SIZE];
    counters_key(move->partition, resource_id, key);
    move_key(move, key);
}

static void end_move(const struct redis_cluster_move *move)
{
    redis_cluster_end_move(cluster, move->slot, move->from, move->to);
}

static void add(const char *resource_id, int64_t delta, int64_t value)
{
    const struct store_item item = store_fixture_increment_one(fixture, store_item_of(resource_id, "n", delta));
    assert_int_equal(item.status, STATUS_OK);
    assert_int_equal(item.value, value);
}

static void test_calls_span_the_nodes(void **state)
{
    NEED_CLUSTER(state);
    static char names[100][NAME_SIZE];
    struct store_item items[100];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], NAME_SIZE, "span%d", i);
        items[i] = store_item_of(names[i], "n", i + 1);
    }
    assert_int_equal(store_fixture_increment(fixture, items, 100), STATUS_OK);
    struct store_call get = {.operation = STORE_GET, .items = items, .item_count = 100};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(items[i].status, STATUS_OK);
        assert_int_equal(items[i].value, i + 1);
        items[i] = store_item_of(names[i], "n", 0);
    }
    assert_int_equal(store_fixture_run(fixture, &get), STATUS_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(items[i].status, STATUS_OK);
        assert_int_equal(items[i].value, i + 1);
    }
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, "session-of-nodes"), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-of-nodes"), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-of-no-1-"), STATUS_NO_SESSION);
}

static void test_a_read_of_moved_counters_and_others_has_all_values(void **state)
{
    NEED_CLUSTER(state);
    enum { COUNT = 6 };
    static char names[COUNT][NAME_SIZE];
    struct store_item items[COUNT];
    for (int i = 0; i < COUNT; i++) {
        name_in(1, i, names[i]);
        items[i] = store_item_of(names[i], "read", i + 1);
    }
    assert_int_equal(store_fixture_increment(fixture, items, COUNT), STATUS_OK);
    const struct redis_cluster_move move = begin_move(1, 1);
    move_counters(&move, names[1]);
    move_counters(&move, names[4]);
    for (int i = 0; i < COUNT; i++) {
        items[i] = store_item_of(names[i], "read", 0);
    }
    struct store_call get = {.operation = STORE_GET, .items = items, .item_count = COUNT};
    assert_int_equal(store_fixture_run(fixture, &get), STATUS_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(items[i].status, STATUS_OK);
        assert_int_equal(items[i].value, i + 1);
    }
    end_move(&move);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(store_fixture_get(fixture, names[i], "read"), i + 1);
    }
}

static void test_a_session_lives_on_while_it_moves(void **state)
{
    NEED_CLUSTER(state);
    const unsigned changes = store_fixture_changes(fixture);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, "session-on-move-"), STATUS_OK);
    const struct redis_cluster_move move = begin_move(2, 1);
    move_key(&move, "tally:{p2}:s:session-on-move-"); /* the partition's mark stays for now */
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-on-move-"), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, "session-new-now-"), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-new-now-"), STATUS_OK);
    end_move(&move);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-on-move-"), STATUS_OK);
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, "session-new-now-"), STATUS_OK);
    assert_int_equal(store_fixture_changes(fixture), changes);
}

static void test_every_increment_counts_once_while_a_partition_moves(void **state)
{
    NEED_CLUSTER(state);
    char stays[NAME_SIZE];
    char moved[NAME_SIZE];
    char fresh[NAME_SIZE];
    name_in(3, 0, stays);
    name_in(3, 1, moved);
    name_in(3, 2, fresh);
    add(stays, 1, 1);
    add(moved, 1, 1);
    const struct redis_cluster_move move = begin_move(3, 2);
    move_counters(&move, moved);
    add(stays, 1, 2);
    add(moved, 1, 2); /* ASK */
    add(fresh, 1, 1); /* likewise: it is nowhere */
    /* Of two keys that are both there one is new: neither node can do that now. */
    struct store_item keyed = store_item_keyed(moved, "n", 1, "key");
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_REDIS_DOWN);
    end_move(&move);
    keyed = store_fixture_increment_one(fixture, keyed);
    assert_int_equal(keyed.value, 3);
    assert_false(keyed.replayed);
    keyed = store_fixture_increment_one(fixture, keyed);
    assert_true(keyed.replayed);
    add(stays, 1, 3); /* MOVED */
    add(fresh, 1, 2);
    assert_int_equal(store_fixture_get(fixture, moved, "n"), 3);
}

static void test_a_node_is_used_anew_while_a_partition_of_it_moves(void **state)
{
    NEED_CLUSTER(state);
    char moved[NAME_SIZE];
    char other[NAME_SIZE];
    /* The first partition of a node is the one that its connections try. */
    int first = 0;
    while (redis_cluster_owner(cluster, redis_slot_of_partition(first)) != 0) {
        first++;
    }
    int second = first + 1;
    while (redis_cluster_owner(cluster, redis_slot_of_partition(second)) != 0) {
        second++;
    }
    name_in(first, 0, moved);
    name_in(second, 0, other);
    assert_int_equal(store_fixture_try(fixture, moved), STATUS_OK);
    assert_int_equal(store_fixture_try(fixture, other), STATUS_OK);
    char mark[KEY_SIZE];
    snprintf(mark, sizeof(mark), "tally:{p%d}:store", first);
    const struct redis_cluster_move move = begin_move(first, 1);
    move_key(&move, mark);
    move_counters(&move, moved);
    REDIS_ASK(redis_cluster_node(cluster, 0), "CLIENT", "KILL", "TYPE", "normal");
    WAIT_FOR(store_fixture_try(fixture, other) == STATUS_OK);
    assert_int_equal(store_fixture_try(fixture, moved), STATUS_OK);
    end_move(&move);
    assert_int_equal(store_fixture_try(fixture, moved), STATUS_OK);
}

static void test_a_node_without_partitions_gets_its_first(void **state)
{
    NEED_CLUSTER(state);
    char moved[NAME_SIZE];
    char fresh[NAME_SIZE];
    name_in(4, 0, moved);
    name_in(4, 1, fresh);
    add(moved, 1, 1);
    const struct redis_cluster_move move = begin_move(4, REDIS_CLUSTER_EMPTY);
    move_counters(&move, moved);
    add(moved, 1, 2);
    add(fresh, 1, 1);
    end_move(&move);
    WAIT_FOR(store_fixture_try(fixture, fresh) == STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, fresh, "n"), 2);
}

/* Redis does not know the script, and is asked with its text after ASKING again. */
static void test_a_node_that_is_asked_may_not_know_the_script(void **state)
{
    NEED_CLUSTER(state);
    char moved[NAME_SIZE];
    name_in(13, 0, moved);
    add(moved, 1, 1);
    const struct redis_cluster_move move = begin_move(13, 2);
    move_counters(&move, moved);
    assert_string_equal(REDIS_ASK(redis_cluster_node(cluster, move.to), "SCRIPT", "FLUSH"), "OK");
    add(moved, 1, 2);
    add(moved, 1, 3);
    end_move(&move);
    add(moved, 1, 4);
}

static void test_a_node_that_refuses_to_be_asked_is_the_reason(void **state)
{
    NEED_CLUSTER(state);
    char moved[NAME_SIZE];
    name_in(15, 0, moved);
    add(moved, 1, 1);
    const struct redis_cluster_move move = begin_move(15, 2);
    move_counters(&move, moved);
    struct redis_process *target = redis_cluster_node(cluster, move.to);
    assert_string_equal(REDIS_ASK(target, "ACL", "SETUSER", "default", "-asking"), "OK");
    struct store_item item = store_item_of(moved, "n", 1);
    struct store_call call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1};
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_REDIS_DOWN);
    assert_string_equal(call.detail, "the partition is on its way to another Redis, and Redis refuses ASKING");
    assert_string_equal(REDIS_ASK(target, "ACL", "SETUSER", "default", "+asking"), "OK");
    add(moved, 1, 2);
    end_move(&move);
    add(moved, 1, 3);
}

/* None of them can be run now: what waits when the store ends was not counted. */
static void test_calls_that_wait_end_with_the_store(void **state)
{
    NEED_CLUSTER(state);
    enum { CALLS = 20 };
    static struct pending_call pending[CALLS];
    static struct store_item items[CALLS];
    static char keys[CALLS][NAME_SIZE];
    char name[NAME_SIZE];
    name_in(14, 0, name);
    add(name, 1, 1);
    const struct redis_cluster_move move = begin_move(14, 2);
    for (int i = 0; i < CALLS; i++) {
        snprintf(keys[i], NAME_SIZE, "key%d", i);
        items[i] = store_item_keyed(name, "n", 1, keys[i]);
        pending[i] = (struct pending_call){.call = {.operation = STORE_INCREMENT, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &pending[i]), STATUS_OK);
    }
    usleep(100000);
    store_free(fixture->store);
    fixture->store = NULL;
    for (int i = 0; i < CALLS; i++) {
        const enum status status = pending_call_wait(&pending[i]);
        assert_true(status == STATUS_REDIS_DOWN || status == STATUS_DRAINING);
    }
    end_move(&move);
    store_fixture_open(fixture);
    await_all(state);
    assert_int_equal(store_fixture_get(fixture, name, "n"), 1);
}

/* ---- under load ---- */

enum { WRITERS = 4, COUNTERS = 8, LONGEST_KEY = 32 };

static atomic_bool stop_writing;

struct writer {
    pthread_t thread;
    int index;
    int64_t counted;
    int64_t unknown;
    int64_t refused;
};

/* Its items are in many partitions, those that move among them. */
static void *write_on(void *arg)
{
    struct writer *writer = arg;
    char names[COUNTERS][NAME_SIZE];
    for (int i = 0; i < COUNTERS; i++) {
        name_in(5 + i, 10 + writer->index, names[i]);
    }
    while (!atomic_load(&stop_writing)) {
        struct store_item items[COUNTERS];
        for (int i = 0; i < COUNTERS; i++) {
            items[i] = store_item_of(names[i], "load", 1);
        }
        const enum status status = store_fixture_increment(fixture, items, COUNTERS);
        for (int i = 0; i < COUNTERS; i++) {
            const enum status of_item = status == STATUS_OK ? items[i].status : status;
            writer->counted += of_item == STATUS_OK;
            writer->unknown += of_item == STATUS_REPLY_LOST;
            writer->refused += of_item != STATUS_OK && of_item != STATUS_REPLY_LOST;
        }
    }
    return NULL;
}

static void test_partitions_move_under_load(void **state)
{
    NEED_CLUSTER(state);
    struct writer writers[WRITERS];
    atomic_store(&stop_writing, false);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.index = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
    for (int round = 0; round < 2 * COUNTERS; round++) {
        const struct redis_cluster_move move = begin_move(5 + round % COUNTERS, (size_t)round % REDIS_CLUSTER_NODES);
        usleep(20000);
        end_move(&move);
    }
    atomic_store(&stop_writing, true);
    int64_t counted = 0;
    int64_t unknown = 0;
    int64_t refused = 0;
    int64_t found = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        counted += writers[i].counted;
        unknown += writers[i].unknown;
        refused += writers[i].refused;
        for (int n = 0; n < COUNTERS; n++) {
            char name[NAME_SIZE];
            name_in(5 + n, 10 + i, name);
            WAIT_FOR(store_fixture_try(fixture, name) == STATUS_OK);
            found += store_fixture_get(fixture, name, "load");
        }
    }
    assert_int_equal(unknown, 0); /* no connection was lost */
    assert_int_equal(found, counted);
    print_message("%lld counted, %lld refused\n", (long long)counted, (long long)refused);
    assert_true(counted > 0 && refused * 10 < counted);
}

/* With a key each, sent again until it is counted. */
static void *write_keyed(void *arg)
{
    struct writer *writer = arg;
    char names[COUNTERS][NAME_SIZE];
    for (int i = 0; i < COUNTERS; i++) {
        name_in(5 + i, 20 + writer->index, names[i]);
    }
    while (!atomic_load(&stop_writing)) {
        char key[LONGEST_KEY];
        size_t missing = COUNTERS;
        snprintf(key, sizeof(key), "k%lld", (long long)writer->counted);
        while (missing > 0) {
            struct store_item items[COUNTERS];
            for (int i = 0; i < COUNTERS; i++) {
                items[i] = store_item_keyed(names[i], "keyed", 1, key);
            }
            const enum status status = store_fixture_increment(fixture, items, COUNTERS);
            missing = status == STATUS_OK ? 0 : COUNTERS;
            for (int i = 0; i < COUNTERS; i++) {
                missing += status == STATUS_OK && items[i].status != STATUS_OK;
            }
        }
        writer->counted++;
    }
    return NULL;
}

static void test_keyed_increments_are_exact_while_partitions_move(void **state)
{
    NEED_CLUSTER(state);
    struct writer writers[WRITERS];
    atomic_store(&stop_writing, false);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.index = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_keyed, &writers[i]), 0);
    }
    for (int round = 0; round < COUNTERS; round++) {
        const struct redis_cluster_move move = begin_move(5 + round, (size_t)round % REDIS_CLUSTER_NODES);
        usleep(20000);
        end_move(&move);
        if (round % 3 == 0) {
            REDIS_ASK(redis_cluster_node(cluster, move.to), "CLIENT", "KILL", "TYPE", "normal");
        }
    }
    atomic_store(&stop_writing, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_true(writers[i].counted > 0);
        for (int n = 0; n < COUNTERS; n++) {
            char name[NAME_SIZE];
            name_in(5 + n, 20 + i, name);
            WAIT_FOR(store_fixture_try(fixture, name) == STATUS_OK);
            assert_int_equal(store_fixture_get(fixture, name, "keyed"), writers[i].counted);
        }
    }
}

/* ---- a cluster that is down ---- */

static void test_a_cluster_that_is_down_is_not_served(void **state)
{
    NEED_CLUSTER(state);
    char name[NAME_SIZE];
    struct redis_process *lost = redis_cluster_node(cluster, 2);
    name_in(0, 20, name);
    assert_int_equal(store_fixture_try(fixture, name), STATUS_OK);
    redis_process_kill(lost);
    store_fixture_await_reason(fixture, "Redis");
    assert_int_equal(store_fixture_try(fixture, name), STATUS_REDIS_DOWN);
    redis_process_restart(lost);
    redis_cluster_await(cluster);
    store_fixture_await(fixture, true);
    WAIT_FOR(store_fixture_try(fixture, name) == STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_calls_span_the_nodes, await_all),
        cmocka_unit_test_setup(test_a_read_of_moved_counters_and_others_has_all_values, await_all),
        cmocka_unit_test_setup(test_a_session_lives_on_while_it_moves, await_all),
        cmocka_unit_test_setup(test_every_increment_counts_once_while_a_partition_moves, await_all),
        cmocka_unit_test_setup(test_a_node_is_used_anew_while_a_partition_of_it_moves, await_all),
        cmocka_unit_test_setup(test_a_node_without_partitions_gets_its_first, await_all),
        cmocka_unit_test_setup(test_a_node_that_is_asked_may_not_know_the_script, await_all),
        cmocka_unit_test_setup(test_a_node_that_refuses_to_be_asked_is_the_reason, await_all),
        cmocka_unit_test_setup(test_calls_that_wait_end_with_the_store, await_all),
        cmocka_unit_test_setup(test_partitions_move_under_load, await_all),
        cmocka_unit_test_setup(test_keyed_increments_are_exact_while_partitions_move, await_all),
        cmocka_unit_test_setup(test_a_cluster_that_is_down_is_not_served, await_all),
    };
    return cmocka_run_group_tests(tests, start, end);
}
