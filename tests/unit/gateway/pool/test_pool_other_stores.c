/* A pool's instances that are of different stores, against real gRPC servers in this process. */
#include "gateway/pool/channel_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/pool_fixture.h"
#include "tests/fakes/wait_for.h"

#define OTHER_STORE "0000000000000000000000000000000b"
#define NEW_STORE "0000000000000000000000000000000c"

/* Longer than the pool's thread needs to take over what it is told. */
enum { SOON_US = 60 * 1000 };

static struct fake_grpc_server *server_of(const char *store_id)
{
    struct fake_grpc_server *server = pool_fixture_server();
    fake_grpc_server_set_store(server, store_id);
    return server;
}

static bool has_relation(struct channel_pool *pool, struct fake_grpc_server *server, enum store_relation relation)
{
    struct channel_pool_instance instance;
    return pool_fixture_find(pool, server, &instance) && instance.serving && instance.store_relation == relation;
}

static bool has_store(struct channel_pool *pool, const char *store_id)
{
    char store[STORE_ID_SIZE];
    channel_pool_read_store(pool, store);
    return strcmp(store, store_id) == 0;
}

static void assert_all_calls_go_to(struct channel_pool *pool, unsigned instance)
{
    unsigned cursor = 0;
    for (int i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pool, &cursor, -1), instance);
    }
    assert_int_equal(pool_fixture_pick(pool, &cursor, (int)instance), instance);
}

/* A pool whose first server has FAKE_STORE, and one of another store that has joined. */
struct strangers {
    struct fake_grpc_server *servers[2];
    struct channel_pool *pool;
};

static void strangers_create(struct strangers *strangers)
{
    strangers->servers[0] = pool_fixture_server();
    strangers->servers[1] = server_of(OTHER_STORE);
    strangers->pool = pool_fixture_create_of_one(strangers->servers[0]);
    pool_fixture_wait_for_server(strangers->pool, strangers->servers[0], true, SIZE);
    pool_fixture_set(strangers->pool, strangers->servers, 2);
    pool_fixture_wait_for_server(strangers->pool, strangers->servers[1], true, SIZE / 2);
    pool_fixture_wait_for_server(strangers->pool, strangers->servers[0], true, SIZE / 2);
}

static void strangers_free(struct strangers *strangers)
{
    channel_pool_free(strangers->pool);
    fake_grpc_server_stop(strangers->servers[0]);
    fake_grpc_server_stop(strangers->servers[1]);
}

static void test_an_instance_of_another_store_gets_no_calls(void **state)
{
    (void)state;
    struct strangers strangers;
    strangers_create(&strangers);
    assert_all_calls_go_to(strangers.pool, 0);
    assert_true(has_store(strangers.pool, FAKE_STORE));
    struct channel_pool_instance instance = pool_fixture_instance(strangers.pool, 1);
    assert_string_equal(instance.store, OTHER_STORE);
    assert_int_equal(instance.store_relation, STORE_OTHER);
    assert_true(instance.serving);
    assert_false(instance.takes_calls);
    instance = pool_fixture_instance(strangers.pool, 0);
    assert_string_equal(instance.store, FAKE_STORE);
    assert_int_equal(instance.store_relation, STORE_SAME);
    assert_true(instance.takes_calls);
    assert_true(pool_fixture_metrics_have("tally_other_store_instances 1\n"));
    strangers_free(&strangers);
}

static void test_the_right_one_down_is_nobody_and_back_is_right(void **state)
{
    (void)state;
    struct strangers strangers;
    strangers_create(&strangers);
    const int port = fake_grpc_server_port(strangers.servers[0]);
    fake_grpc_server_stop(strangers.servers[0]);
    strangers.servers[0] = NULL;
    pool_fixture_wait_for_instance(strangers.pool, 0, false, 0);
    usleep(SOON_US);
    assert_true(pool_fixture_picks_nothing(strangers.pool));
    assert_false(channel_pool_is_ready(strangers.pool));
    assert_true(has_store(strangers.pool, FAKE_STORE));

    strangers.servers[0] = fake_grpc_server_start(port, FAKE_HEALTH_SERVING, NULL, NULL);
    pool_fixture_wait_for_instance(strangers.pool, 0, true, SIZE / 2);
    assert_all_calls_go_to(strangers.pool, 0);
    strangers_free(&strangers);
}

static void test_an_instance_that_tells_no_store_gets_no_calls_until_it_does(void **state)
{
    (void)state;
    static const char *const none[] = {"", "0123", "0000000000000000000000000000000G"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        struct fake_grpc_server *server = server_of(none[i]);
        struct channel_pool *pool = pool_fixture_create_of_one(server);
        pool_fixture_wait_for_instance(pool, 0, true, SIZE);
        usleep(SOON_US);
        assert_true(pool_fixture_picks_nothing(pool));
        assert_true(has_store(pool, ""));
        assert_string_equal(pool_fixture_instance(pool, 0).store, "");
        assert_int_equal(pool_fixture_instance(pool, 0).store_relation, STORE_UNKNOWN);
        assert_true(pool_fixture_metrics_have("tally_other_store_instances 0\n"));
        fake_grpc_server_set_store(server, FAKE_STORE);
        WAIT_FOR(channel_pool_is_ready(pool));
        assert_true(has_store(pool, FAKE_STORE));
        channel_pool_free(pool);
        fake_grpc_server_stop(server);
    }
}

/* --- Redis is emptied --------------------------------------------------------------------------------------------- */

static void test_a_store_that_is_replaced_is_followed(void **state)
{
    (void)state;
    struct strangers strangers;
    strangers_create(&strangers);
    fake_grpc_server_set_store(strangers.servers[0], NEW_STORE);
    WAIT_FOR(has_store(strangers.pool, NEW_STORE));
    assert_all_calls_go_to(strangers.pool, 0);
    assert_true(has_relation(strangers.pool, strangers.servers[1], STORE_OTHER));
    strangers_free(&strangers);
}

static void test_a_store_that_is_replaced_while_the_connection_is_lost_is_followed(void **state)
{
    (void)state;
    struct strangers strangers;
    strangers_create(&strangers);
    const int port = fake_grpc_server_port(strangers.servers[0]);
    fake_grpc_server_stop(strangers.servers[0]);
    pool_fixture_wait_for_instance(strangers.pool, 0, false, 0);
    strangers.servers[0] = fake_grpc_server_start(port, FAKE_HEALTH_SERVING, NULL, NULL);
    fake_grpc_server_set_store(strangers.servers[0], NEW_STORE);
    WAIT_FOR(has_store(strangers.pool, NEW_STORE));
    WAIT_FOR(channel_pool_is_ready(strangers.pool));
    assert_all_calls_go_to(strangers.pool, 0);
    strangers_free(&strangers);
}

static void test_a_store_that_is_replaced_is_followed_when_all_have_told(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    fake_grpc_server_set_store(pair.servers[1], NEW_STORE);
    WAIT_FOR(has_relation(pair.pool, pair.servers[1], STORE_OTHER));
    usleep(SOON_US);
    assert_true(has_store(pair.pool, FAKE_STORE));
    assert_all_calls_go_to(pair.pool, 0);
    fake_grpc_server_set_store(pair.servers[0], NEW_STORE);
    WAIT_FOR(has_store(pair.pool, NEW_STORE));
    unsigned cursor = 0;
    for (unsigned i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, -1), i % 2);
    }
    assert_true(pool_fixture_metrics_have("tally_other_store_instances 0\n"));
    pool_pair_free(&pair);
}

/* --- joining and leaving ------------------------------------------------------------------------------------------ */

static void test_an_instance_goes_on_until_one_of_its_store_can_take_over(void **state)
{
    (void)state;
    struct fake_grpc_server *old = pool_fixture_server();
    struct fake_grpc_server *wanted[2] = {server_of(OTHER_STORE), pool_fixture_server()};
    struct channel_pool *pool = pool_fixture_create_of_one(old);
    pool_fixture_wait_for_server(pool, old, true, SIZE);
    pool_fixture_set(pool, wanted, 1);
    WAIT_FOR(has_relation(pool, wanted[0], STORE_OTHER));
    usleep(SOON_US);
    assert_all_calls_go_to(pool, 0);
    pool_fixture_set(pool, wanted, 2);
    pool_fixture_wait_until_gone(pool, old);
    pool_fixture_wait_for_server(pool, wanted[1], true, SIZE / 2);
    assert_all_calls_go_to(pool, 2);
    pool_fixture_set(pool, &wanted[1], 1);
    pool_fixture_wait_until_gone(pool, wanted[0]); /* at once: it has no calls to hand over */
    channel_pool_free(pool);
    fake_grpc_server_stop(old);
    fake_grpc_server_stop(wanted[0]);
    fake_grpc_server_stop(wanted[1]);
}

static void test_the_first_store_is_that_of_the_instances_to_start_with(void **state)
{
    (void)state;
    struct fake_grpc_server *first = fake_grpc_server_start(0, FAKE_HEALTH_NOT_SERVING, NULL, NULL);
    struct fake_grpc_server *other = server_of(OTHER_STORE);
    struct channel_pool *pool = pool_fixture_create_of_one(first);
    pool_fixture_set(pool, &other, 1);
    WAIT_FOR(has_relation(pool, other, STORE_UNKNOWN));
    usleep(SOON_US);
    assert_true(has_store(pool, ""));
    assert_true(pool_fixture_picks_nothing(pool));
    fake_grpc_server_set_health(first, FAKE_HEALTH_SERVING);
    WAIT_FOR(has_store(pool, FAKE_STORE));
    assert_all_calls_go_to(pool, 0);
    assert_true(has_relation(pool, other, STORE_OTHER));
    channel_pool_free(pool);
    fake_grpc_server_stop(first);
    fake_grpc_server_stop(other);
}

/* The instances to start with stand before those that came later: whose store is the pool's is asked in this order. */
static void test_those_that_stay_keep_their_order(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[3] = {pool_fixture_server(), pool_fixture_server(), pool_fixture_server()};
    struct channel_pool *pool = pool_fixture_create_of_one(servers[0]);
    pool_fixture_set(pool, servers, 3);
    pool_fixture_wait_for_server(pool, servers[2], true, SIZE / 3);
    pool_fixture_set(pool, servers + 1, 2);
    pool_fixture_wait_until_gone(pool, servers[0]);
    struct channel_pool_instance instances[3];
    assert_int_equal(channel_pool_describe(pool, instances, 3), 2);
    assert_string_equal(instances[0].target, fake_grpc_server_target(servers[1]));
    assert_string_equal(instances[1].target, fake_grpc_server_target(servers[2]));
    channel_pool_free(pool);
    for (size_t i = 0; i < 3; i++) {
        fake_grpc_server_stop(servers[i]);
    }
}

static void test_a_first_instance_that_is_not_there_holds_nobody_up(void **state)
{
    (void)state;
    struct fake_grpc_server *other = server_of(OTHER_STORE);
    const char *nobody = "127.0.0.1:9";
    const int64_t start_us = clock_monotonic_us();
    struct channel_pool *pool = pool_fixture_create(&nobody, 1);
    pool_fixture_set(pool, &other, 1);
    WAIT_FOR(channel_pool_is_ready(pool));
    print_message("ready after %ld ms\n", (long)((clock_monotonic_us() - start_us) / 1000));
    assert_true(has_store(pool, OTHER_STORE));
    WAIT_FOR(channel_pool_describe(pool, NULL, 0) == 1);
    channel_pool_free(pool);
    fake_grpc_server_stop(other);
}

/* --- many changes ------------------------------------------------------------------------------------------------- */

struct picker {
    pthread_t thread;
    struct channel_pool *pool;
    atomic_bool stopping;
    unsigned picks[2]; /* of each instance; after the thread's end */
};

static void *picker_main(void *cls)
{
    struct picker *picker = cls;
    unsigned cursor = 0;
    while (!atomic_load(&picker->stopping)) {
        const int64_t now_us = clock_monotonic_us();
        struct channel *channel = channel_pool_lend(picker->pool, &cursor, -1, now_us);
        if (channel != NULL) {
            picker->picks[channel_instance_number(channel)]++;
            channel_pool_give_back(picker->pool, channel, CALL_ANSWERED, now_us);
        }
        usleep(100);
    }
    return NULL;
}

static void test_calls_never_go_to_another_store_however_often_stores_change(void **state)
{
    (void)state;
    static const char *const stores[] = {FAKE_STORE, NEW_STORE};
    struct strangers strangers;
    strangers_create(&strangers);
    struct picker picker = {.pool = strangers.pool};
    assert_int_equal(pthread_create(&picker.thread, NULL, picker_main, &picker), 0);
    for (int i = 1; i <= 20; i++) {
        fake_grpc_server_set_store(strangers.servers[0], stores[i % 2]);
        WAIT_FOR(has_store(strangers.pool, stores[i % 2]));
    }
    atomic_store(&picker.stopping, true);
    pthread_join(picker.thread, NULL);
    print_message("%u picks\n", picker.picks[0]);
    assert_true(picker.picks[0] > 0);
    assert_int_equal(picker.picks[1], 0);
    strangers_free(&strangers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instance_of_another_store_gets_no_calls),
        cmocka_unit_test(test_the_right_one_down_is_nobody_and_back_is_right),
        cmocka_unit_test(test_an_instance_that_tells_no_store_gets_no_calls_until_it_does),
        cmocka_unit_test(test_a_store_that_is_replaced_is_followed),
        cmocka_unit_test(test_a_store_that_is_replaced_while_the_connection_is_lost_is_followed),
        cmocka_unit_test(test_a_store_that_is_replaced_is_followed_when_all_have_told),
        cmocka_unit_test(test_an_instance_goes_on_until_one_of_its_store_can_take_over),
        cmocka_unit_test(test_the_first_store_is_that_of_the_instances_to_start_with),
        cmocka_unit_test(test_those_that_stay_keep_their_order),
        cmocka_unit_test(test_a_first_instance_that_is_not_there_holds_nobody_up),
        cmocka_unit_test(test_calls_never_go_to_another_store_however_often_stores_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
