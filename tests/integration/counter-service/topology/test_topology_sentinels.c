/* The topology and the store at the master that sentinels name: sentinels played by the test, Redises that are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/topology/topology.h"
#include "tests/fakes/fake_sentinel.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/use_redis.h"
#include "tests/fakes/wait_for.h"

enum { SENTINELS = 2, REDISES = 2, QUEUED = 20 };

/* Of the test under way. */
static struct fake_sentinel *sentinels[SENTINELS];
static struct redis_process *redises[REDISES];
static char *sentinel_addrs[SENTINELS];

static void name(int redis, const char *epoch)
{
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_name(sentinels[i], "tally", redis_process_address(redises[redis]), epoch);
    }
}

/* The first Redis is the master, and the second one its replica. */
static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    redises[0] = redis_process_start((const char *const[]){"--repl-diskless-sync-delay", "0", NULL});
    redises[1] = redis_process_start(NULL);
    REDIS_ASK(redises[1], "REPLICAOF", "127.0.0.1", strchr(redis_process_address(redises[0]), ':') + 1);
    WAIT_FOR(strcmp(REDIS_ASK(redises[0], "WAIT", "1", "100"), "1") == 0);
    struct store_fixture *fixture = store_fixture_create(redises[0]);
    for (int i = 0; i < SENTINELS; i++) {
        sentinels[i] = fake_sentinel_start();
        sentinel_addrs[i] = strdup(fake_sentinel_address(sentinels[i]));
    }
    /* Where nothing is: redis.addr is not used. */
    use_redis(&fixture->config, "127.0.0.1:1");
    fixture->config.redis.partitions = 0;
    fixture->config.redis.timeout_ms = 10000;
    fixture->config.redis.sentinel_master = strdup("tally");
    fixture->config.redis.sentinel_addrs = sentinel_addrs;
    fixture->config.redis.sentinel_addr_count = SENTINELS;
    fixture->config.redis.sentinel_username = strdup("");
    fixture->config.redis.sentinel_password = strdup("");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct store_fixture *fixture = *state;
    if (fixture == NULL) {
        return 0;
    }
    char *texts[] = {fixture->config.redis.sentinel_master, fixture->config.redis.sentinel_username,
                     fixture->config.redis.sentinel_password};
    store_fixture_free(fixture);
    redis_process_end(redises[1]);
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_end(sentinels[i]);
        free(sentinel_addrs[i]);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    return 0;
}

static void open_store(struct store_fixture *fixture)
{
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
}

/* The same answer of both. */
#define ALIKE(...) (strcmp(REDIS_ASK(redises[0], __VA_ARGS__), REDIS_ASK(redises[1], __VA_ARGS__)) == 0)

/* The replica has all, and is the master. */
static void promote(void)
{
    WAIT_FOR(ALIKE("DBSIZE") && ALIKE("HGET", "tally:{p0}:c:a", "n"));
    assert_string_equal(REDIS_ASK(redises[1], "REPLICAOF", "NO", "ONE"), "OK");
}

static long value_at(int redis)
{
    return strtol(REDIS_ASK(redises[redis], "HGET", "tally:{p0}:c:a", "n"), NULL, 10);
}

static bool is_at(struct store_fixture *fixture, int redis)
{
    struct redis_address address;
    return topology_find(fixture->topology, 0, &address) &&
           strcmp(redis_address_write(&address).text, redis_process_address(redises[redis])) == 0;
}

/* The store sends calls to the second Redis: its worker has connected, and loaded the script. */
static void await_moved(void)
{
    WAIT_FOR(strstr(REDIS_ASK(redises[1], "INFO", "commandstats"), "cmdstat_script|load") != NULL);
}

static bool has_trouble(struct store_fixture *fixture, const char *piece)
{
    char trouble[512];
    topology_trouble(fixture->topology, trouble, sizeof(trouble));
    return strstr(trouble, piece) != NULL;
}

static void test_it_is_where_the_sentinels_say(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    assert_true(is_at(fixture, 0));
    assert_false(topology_is_cluster(fixture->topology));
    assert_int_equal(topology_partitions(fixture->topology), 1);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(value_at(0), 1);
}

static void test_the_partitions_are_as_the_data_have_them(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    assert_string_equal(REDIS_ASK(redises[0], "SET", "tally:meta", "layout=1 partitions=4"), "OK");
    store_fixture_open(fixture);
    WAIT_FOR(topology_partitions(fixture->topology) == 4);
}

static void test_it_follows_a_failover(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    }
    promote();
    name(1, "1");
    const int64_t start_us = clock_monotonic_us();
    WAIT_FOR(is_at(fixture, 1));
    assert_true(clock_monotonic_us() - start_us <
                5 * 1000 * 1000); /* a quarter of a second, on a machine that is not busy */
    await_moved();
    WAIT_FOR(store_fixture_try(fixture, "a") == STATUS_OK);
    assert_int_equal(value_at(0), 10);
    assert_int_equal(value_at(1), 11);
}

static void test_a_suspicion_has_it_look_at_once(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    promote();
    for (int epoch = 1; epoch <= 20; epoch++) {
        const unsigned before = fake_sentinel_asked(sentinels[0]);
        topology_suspect(fixture->topology);
        WAIT_FOR(fake_sentinel_asked(sentinels[0]) > before);
    }
}

/* What waits behind an exchange with a master that stands still is not for it any more once the sentinels name another
 * one: what it would take when it wakes up would be lost. */
static void test_calls_that_wait_for_a_former_master_go_to_the_new_one(void **state)
{
    NEED_REDIS(state);
    static struct pending_call calls[QUEUED + 1];
    static struct store_item items[QUEUED + 1];
    name(0, "0");
    open_store(fixture);
    promote();
    redis_process_pause(redises[0]);
    for (int i = 0; i <= QUEUED; i++) {
        items[i] = store_item_of("a", "n", 1);
        calls[i] = (struct pending_call){.call = {.operation = STORE_INCREMENT, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &calls[i]), STATUS_OK);
        if (i == 0) {
            store_fixture_await_taken(fixture);
        }
    }
    name(1, "1");
    await_moved();
    WAIT_FOR(store_fixture_try(fixture, "another") == STATUS_OK); /* its worker has told that it serves */
    redis_process_resume(redises[0]);
    for (int i = 0; i <= QUEUED; i++) {
        assert_int_equal(pending_call_wait(&calls[i]), STATUS_OK);
    }
    assert_int_equal(value_at(0), 1); /* the one that was sent before */
    assert_int_equal(value_at(1), QUEUED);
}

static void test_the_former_master_is_left_within_seconds(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    promote();
    name(1, "1");
    WAIT_FOR(is_at(fixture, 1));
    /* The question's own connection is the last one; replicas are of another type. */
    WAIT_FOR(strstr(REDIS_ASK(redises[0], "CLIENT", "LIST", "TYPE", "normal"), "cmd=evalsha") == NULL &&
             strstr(REDIS_ASK(redises[0], "INFO", "clients"), "connected_clients:1\r") != NULL);
}

static void test_a_replica_that_they_name_is_not_taken(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    name(1, "1");
    WAIT_FOR(has_trouble(fixture, "the master that the sentinels name, 127.0.0.1:"));
    assert_true(has_trouble(fixture, "Redis's role is \"slave\": it must be master"));
    assert_true(is_at(fixture, 0));
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    promote();
    WAIT_FOR(is_at(fixture, 1));
    WAIT_FOR(!has_trouble(fixture, "role"));
}

static void test_without_sentinels_it_stays_where_it_is(void **state)
{
    NEED_REDIS(state);
    name(0, "0");
    open_store(fixture);
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_stop(sentinels[i]);
    }
    WAIT_FOR(has_trouble(fixture, "the sentinel 127.0.0.1:"));
    assert_true(is_at(fixture, 0));
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    char reason[512];
    assert_true(store_is_serving(fixture->store, reason, sizeof(reason)));
    promote();
    name(1, "1");
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_go_on(sentinels[i]);
    }
    WAIT_FOR(is_at(fixture, 1));
}

static void test_a_name_that_they_do_not_know_is_the_reason(void **state)
{
    NEED_REDIS(state);
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_name(sentinels[i], "other", redis_process_address(redises[0]), "0");
    }
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "it knows no master tally (redis.sentinel_master)");
    name(0, "0");
    store_fixture_await(fixture, true);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_where_the_sentinels_say),
        TEST(test_the_partitions_are_as_the_data_have_them),
        TEST(test_it_follows_a_failover),
        TEST(test_a_suspicion_has_it_look_at_once),
        TEST(test_calls_that_wait_for_a_former_master_go_to_the_new_one),
        TEST(test_the_former_master_is_left_within_seconds),
        TEST(test_a_replica_that_they_name_is_not_taken),
        TEST(test_without_sentinels_it_stays_where_it_is),
        TEST(test_a_name_that_they_do_not_know_is_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
