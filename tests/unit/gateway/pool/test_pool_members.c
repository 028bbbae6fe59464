/* Instances that join and leave a pool, against real gRPC servers in this process. */
#include "gateway/pool/pool_members.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "gateway/rpc/rpc_attempt.h"
#include "tests/fakes/pool_fixture.h"
#include "tests/fakes/wait_for.h"

/* Longer than the pool's thread needs to take over a new set. */
enum { SOON_US = 60 * 1000 };

/* --- joining ------------------------------------------------------------------------------------------------------ */

static void test_an_instance_that_joins_gets_its_share(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    struct channel_pool *pool = pool_fixture_create_of_one(servers[0]);
    pool_fixture_wait_for_server(pool, servers[0], true, SIZE);

    pool_fixture_set(pool, servers, 2);
    pool_fixture_wait_for_server(pool, servers[1], true, SIZE / 2);
    pool_fixture_wait_for_server(pool, servers[0], true, SIZE / 2);
    pool_fixture_wait_for_connections(servers[0], SIZE / 2);
    pool_fixture_wait_for_connections(servers[1], SIZE / 2);
    assert_true(pool_fixture_metrics_have("tally_channels{state=\"ready\"} 20\n"));
    unsigned cursor = 0;
    for (unsigned i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pool, &cursor, -1), i % 2);
    }
    channel_pool_free(pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

static void test_a_pool_may_begin_with_nobody(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const struct channel_pool_options options = pool_fixture_options(NULL, 0);
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    unsigned cursor = 0;
    assert_non_null(pool);
    usleep(SOON_US);
    assert_int_equal(channel_pool_describe(pool, NULL, 0), 0);
    assert_false(channel_pool_is_ready(pool));
    assert_null(channel_pool_lend(pool, &cursor, -1, clock_monotonic_us()));
    pool_fixture_set(pool, &server, 1);
    pool_fixture_wait_for_server(pool, server, true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_the_same_set_changes_nothing(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    struct channel *before[SIZE];
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        before[i] = channel_pool_lend(pair.pool, &cursor, -1, clock_monotonic_us());
        channel_pool_give_back(pair.pool, before[i], CALL_ANSWERED, clock_monotonic_us());
    }
    struct fake_grpc_server *other_order[] = {pair.servers[1], pair.servers[0], pair.servers[1]};
    pool_fixture_set(pair.pool, pair.servers, 2);
    usleep(SOON_US);
    pool_fixture_set(pair.pool, other_order, 3);
    usleep(SOON_US);

    cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        struct channel *after = channel_pool_lend(pair.pool, &cursor, -1, clock_monotonic_us());
        assert_ptr_equal(after, before[i]);
        channel_pool_give_back(pair.pool, after, CALL_ANSWERED, clock_monotonic_us());
    }
    for (int i = 0; i < 2; i++) {
        pool_fixture_wait_for_connections(pair.servers[i], SIZE / 2);
        assert_int_equal(fake_grpc_server_watches(pair.servers[i]), 1);
    }
    pool_pair_free(&pair);
}

static void test_more_instances_than_channels_get_one_each(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[3];
    for (int i = 0; i < 3; i++) {
        servers[i] = pool_fixture_server();
    }
    const char *target = fake_grpc_server_target(servers[0]);
    struct channel_pool_options options = pool_fixture_options(&target, 1);
    options.size = 2;
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    assert_non_null(pool);
    pool_fixture_wait_for_server(pool, servers[0], true, 2);
    pool_fixture_set(pool, servers, 3);
    for (int i = 0; i < 3; i++) {
        pool_fixture_wait_for_server(pool, servers[i], true, 1);
    }
    channel_pool_free(pool);
    for (int i = 0; i < 3; i++) {
        fake_grpc_server_stop(servers[i]);
    }
}

static void test_a_target_that_is_no_address_does_not_disturb_the_others(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    struct channel_pool *pool = pool_fixture_create_of_one(servers[0]);
    pool_fixture_wait_for_server(pool, servers[0], true, SIZE);
    const char *targets[] = {"ipv4:nowhere", fake_grpc_server_target(servers[0]), "ipv4:nowhere",
                             fake_grpc_server_target(servers[1])};
    assert_int_equal(channel_pool_set_targets(pool, targets, 4), 0);
    pool_fixture_wait_for_server(pool, servers[0], true, SIZE / 2);
    pool_fixture_wait_for_server(pool, servers[1], true, SIZE / 2);
    usleep(SOON_US);
    assert_int_equal(channel_pool_describe(pool, NULL, 0), 2);
    pool_fixture_set(pool, &servers[1], 1);
    pool_fixture_wait_for_server(pool, servers[1], true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

/* Targets where nobody listens, each another address. */
static void fill_with_nobody(char text[][32], const char **targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(text[i], sizeof(text[i]), "127.1.0.%u:9", (unsigned)i + 1);
        targets[i] = text[i];
    }
}

static void test_an_instance_goes_on_beside_as_many_new_ones_as_there_may_be(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_server(pool, server, true, SIZE);
    enum { COUNT = INSTANCES_MAX + 6 };
    char text[COUNT][32];
    const char *targets[COUNT];
    fill_with_nobody(text, targets, COUNT);
    assert_int_equal(channel_pool_set_targets(pool, targets, COUNT), 0);
    WAIT_FOR(channel_pool_describe(pool, NULL, 0) >= INSTANCES_MAX + 1);
    usleep(SOON_US);
    assert_int_equal(channel_pool_describe(pool, NULL, 0), INSTANCES_MAX + 1);
    unsigned cursor = 0;
    assert_int_equal(pool_fixture_pick(pool, &cursor, -1), 0);
    pool_fixture_set(pool, &server, 1);
    pool_fixture_wait_for_server(pool, server, true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- leaving ------------------------------------------------------------------------------------------------------ */

static void test_an_instance_that_leaves_gets_no_new_calls(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    pool_fixture_set(pair.pool, &pair.servers[1], 1);
    pool_fixture_wait_until_gone(pair.pool, pair.servers[0]);
    pool_fixture_wait_for_server(pair.pool, pair.servers[1], true, SIZE);
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, 1), 1);
    }
    pool_fixture_wait_for_connections(pair.servers[0], 0);
    pool_pair_free(&pair);
}

static void answer_when_told(void *ctx, struct fake_rpc *rpc)
{
    (void)rpc;
    sem_wait(ctx);
}

/* The call's end, as its queue tells it. */
static const struct rpc_attempt *next_finished(grpc_completion_queue *queue)
{
    const gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(PATIENCE_US, GPR_TIMESPAN));
    const grpc_event event = grpc_completion_queue_next(queue, until, NULL);
    assert_int_equal(event.type, GRPC_OP_COMPLETE);
    return event.tag;
}

static void test_a_call_on_an_instance_that_leaves_is_not_cut(void **state)
{
    (void)state;
    sem_t may_answer;
    sem_init(&may_answer, 0, 0);
    struct fake_grpc_server *leaves = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, answer_when_told, &may_answer);
    struct fake_grpc_server *stays = pool_fixture_server();
    struct channel_pool *pool = pool_fixture_create_of_one(leaves);
    pool_fixture_wait_for_server(pool, leaves, true, SIZE);
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    unsigned cursor = 0;
    const int64_t now_us = clock_monotonic_us();
    struct channel *channel = channel_pool_lend(pool, &cursor, -1, now_us);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(NULL, 0);
    const struct rpc_message sent = {"/tally.v1.CounterService/BatchGet", message, grpc_empty_slice()};
    struct rpc_attempt *attempt = rpc_attempt_start(channel, queue, &sent, now_us, now_us + PATIENCE_US);
    assert_non_null(attempt);

    pool_fixture_set(pool, &stays, 1);
    pool_fixture_wait_until_gone(pool, leaves);
    pool_fixture_wait_for_server(pool, stays, true, SIZE);
    usleep(SOON_US);
    sem_post(&may_answer);
    assert_ptr_equal(next_finished(queue), attempt);
    assert_int_equal(attempt->code, GRPC_STATUS_OK);
    pool_fixture_wait_for_connections(leaves, 1); /* the lent one */
    rpc_attempt_release(attempt, pool, CALL_ANSWERED, clock_monotonic_us());
    pool_fixture_wait_for_connections(leaves, 0);

    rpc_attempt_free(attempt);
    grpc_byte_buffer_destroy(message);
    grpc_completion_queue_shutdown(queue);
    grpc_completion_queue_destroy(queue);
    channel_pool_free(pool);
    fake_grpc_server_stop(leaves);
    fake_grpc_server_stop(stays);
    sem_destroy(&may_answer);
}

static void test_a_lent_channel_outlives_a_smaller_share(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    struct channel_pool *pool = pool_fixture_create_of_one(servers[0]);
    pool_fixture_wait_for_server(pool, servers[0], true, SIZE);
    struct channel *lent[SIZE];
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        lent[i] = channel_pool_lend(pool, &cursor, -1, clock_monotonic_us());
    }
    pool_fixture_set(pool, servers, 2);
    pool_fixture_wait_for_server(pool, servers[1], true, SIZE / 2);
    usleep(SOON_US);
    pool_fixture_wait_for_connections(servers[0], SIZE);
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(grpc_channel_check_connectivity_state(channel_connection(lent[i]), 0), GRPC_CHANNEL_READY);
        channel_pool_give_back(pool, lent[i], CALL_ANSWERED, clock_monotonic_us());
    }
    pool_fixture_wait_for_connections(servers[0], SIZE / 2);
    channel_pool_free(pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

static void test_an_instance_goes_on_until_one_that_is_wanted_can_take_over(void **state)
{
    (void)state;
    struct fake_grpc_server *old = pool_fixture_server();
    struct fake_grpc_server *new = fake_grpc_server_start(0, FAKE_HEALTH_NOT_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(old);
    pool_fixture_wait_for_server(pool, old, true, SIZE);
    pool_fixture_set(pool, &new, 1);
    pool_fixture_wait_for_server(pool, new, false, SIZE / 2);
    usleep(SOON_US);
    unsigned cursor = 0;
    assert_int_equal(pool_fixture_pick(pool, &cursor, -1), 0);

    fake_grpc_server_set_health(new, FAKE_HEALTH_SERVING);
    struct channel_pool_instance instance;
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    while (pool_fixture_find(pool, old, &instance)) {
        assert_true(clock_monotonic_us() < give_up_us);
        pool_fixture_pick(pool, &cursor, -1); /* there is always one */
    }
    pool_fixture_wait_for_server(pool, new, true, SIZE);
    assert_int_equal(pool_fixture_pick(pool, &cursor, -1), 1);
    channel_pool_free(pool);
    fake_grpc_server_stop(old);
    fake_grpc_server_stop(new);
}

static void test_an_instance_that_is_down_and_not_wanted_leaves_at_once(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    fake_grpc_server_set_health(pair.servers[0], FAKE_HEALTH_NOT_SERVING);
    fake_grpc_server_set_health(pair.servers[1], FAKE_HEALTH_NOT_SERVING);
    pool_fixture_wait_for_server(pair.pool, pair.servers[0], false, SIZE / 2);
    pool_fixture_wait_for_server(pair.pool, pair.servers[1], false, SIZE / 2);
    pool_fixture_set(pair.pool, &pair.servers[1], 1);
    pool_fixture_wait_until_gone(pair.pool, pair.servers[0]);
    pool_fixture_wait_for_server(pair.pool, pair.servers[1], false, SIZE);
    pool_pair_free(&pair);
}

static void test_wanting_nobody_keeps_those_that_serve(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    pool_fixture_set(pair.pool, NULL, 0);
    usleep(SOON_US);
    unsigned cursor = 0;
    pool_fixture_pick(pair.pool, &cursor, -1);
    fake_grpc_server_set_health(pair.servers[0], FAKE_HEALTH_NOT_SERVING);
    fake_grpc_server_set_health(pair.servers[1], FAKE_HEALTH_NOT_SERVING);
    pool_fixture_wait_until_gone(pair.pool, pair.servers[0]);
    pool_fixture_wait_until_gone(pair.pool, pair.servers[1]);
    assert_true(pool_fixture_picks_nothing(pair.pool));
    assert_false(channel_pool_is_ready(pair.pool));
    assert_int_equal(channel_pool_retry_after_s(pair.pool), 1);
    fake_grpc_server_set_health(pair.servers[0], FAKE_HEALTH_SERVING);
    pool_fixture_set(pair.pool, pair.servers, 1);
    pool_fixture_wait_for_server(pair.pool, pair.servers[0], true, SIZE);
    pool_pair_free(&pair);
}

/* With two channels, and the health Watch on the first of them or, having been ended so often, on the next: one of the
 * two leaves right after the Watch was opened on it. */
static void check_that_serving_outlives_the_channel_of_the_watch(bool ended)
{
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    const char *target = fake_grpc_server_target(servers[0]);
    struct channel_pool_options options = pool_fixture_options(&target, 1);
    options.size = 2;
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    assert_non_null(pool);
    pool_fixture_wait_for_server(pool, servers[0], true, 2);
    if (ended) {
        usleep(150 * 1000); /* an opening right after another one waits */
        fake_grpc_server_end_watches(servers[0]);
        pool_fixture_wait_for_watches(servers[0], 2);
    }
    const int64_t change_us = pool_fixture_instance(pool, 0).last_change_us;
    pool_fixture_set(pool, servers, 2);
    pool_fixture_wait_for_server(pool, servers[1], true, 1);
    usleep(SOON_US);
    pool_fixture_wait_for_server(pool, servers[0], true, 1);
    assert_int_equal(pool_fixture_instance(pool, 0).last_change_us, change_us);
    fake_grpc_server_set_health(servers[0], FAKE_HEALTH_NOT_SERVING); /* and it is watched on */
    pool_fixture_wait_for_server(pool, servers[0], false, 1);
    channel_pool_free(pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

static void test_an_instance_serves_on_while_its_watch_moves_to_another_channel(void **state)
{
    (void)state;
    check_that_serving_outlives_the_channel_of_the_watch(false);
    check_that_serving_outlives_the_channel_of_the_watch(true);
}

/* --- many changes ------------------------------------------------------------------------------------------------- */

struct picker {
    pthread_t thread;
    struct channel_pool *pool;
    atomic_bool stopping;
    unsigned picks; /* after the thread's end */
    unsigned failures;
};

/* Has up to three channels lent at a time. */
static void *picker_main(void *cls)
{
    struct picker *picker = cls;
    struct channel *lent[3] = {NULL};
    unsigned cursor = 0;
    for (unsigned i = 0; !atomic_load(&picker->stopping) || lent[i % 3] != NULL; i++) {
        const int64_t now_us = clock_monotonic_us();
        if (lent[i % 3] != NULL) {
            channel_pool_give_back(picker->pool, lent[i % 3], CALL_ANSWERED, now_us);
            lent[i % 3] = NULL;
        }
        if (!atomic_load(&picker->stopping)) {
            lent[i % 3] = channel_pool_lend(picker->pool, &cursor, -1, now_us);
            picker->picks++;
            picker->failures += lent[i % 3] == NULL;
        }
        usleep(100);
    }
    for (int i = 0; i < 3; i++) {
        if (lent[i] != NULL) {
            channel_pool_give_back(picker->pool, lent[i], CALL_ANSWERED, clock_monotonic_us());
        }
    }
    return NULL;
}

static void test_joining_and_leaving_thirty_times_is_not_noticed_by_calls(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    struct picker picker = {.pool = pool_fixture_create_of_one(servers[0])};
    pool_fixture_wait_for_server(picker.pool, servers[0], true, SIZE);
    assert_int_equal(pthread_create(&picker.thread, NULL, picker_main, &picker), 0);
    for (int i = 0; i < 30; i++) {
        pool_fixture_set(picker.pool, servers, 2);
        pool_fixture_wait_for_server(picker.pool, servers[1], true, SIZE / 2);
        pool_fixture_set(picker.pool, servers, 1);
        pool_fixture_wait_until_gone(picker.pool, servers[1]);
    }
    atomic_store(&picker.stopping, true);
    pthread_join(picker.thread, NULL);
    print_message("%u picks\n", picker.picks);
    assert_int_equal(picker.failures, 0);
    pool_fixture_wait_for_server(picker.pool, servers[0], true, SIZE);
    pool_fixture_wait_for_connections(servers[0], SIZE);
    pool_fixture_wait_for_connections(servers[1], 0);
    channel_pool_free(picker.pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

/* So many that they are not connected at the pool's next look. */
static void test_channels_that_leave_while_they_connect_leave_no_connection_behind(void **state)
{
    (void)state;
    enum { MANY = 100 };
    struct fake_grpc_server *servers[2] = {pool_fixture_server(), pool_fixture_server()};
    const char *target = fake_grpc_server_target(servers[0]);
    struct channel_pool_options options = pool_fixture_options(&target, 1);
    options.size = MANY;
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    assert_non_null(pool);
    pool_fixture_wait_for_server(pool, servers[0], true, MANY);
    for (int i = 0; i < 15; i++) {
        struct channel_pool_instance instance;
        pool_fixture_set(pool, servers, 2);
        WAIT_FOR(pool_fixture_find(pool, servers[1], &instance));
        pool_fixture_set(pool, servers, 1);
        pool_fixture_wait_until_gone(pool, servers[1]);
    }
    pool_fixture_wait_for_server(pool, servers[0], true, MANY);
    pool_fixture_wait_for_connections(servers[0], MANY);
    pool_fixture_wait_for_connections(servers[1], 0);
    channel_pool_free(pool);
    fake_grpc_server_stop(servers[0]);
    fake_grpc_server_stop(servers[1]);
}

static void test_a_pool_is_freed_while_members_change(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[3] = {pool_fixture_server(), pool_fixture_server(), pool_fixture_server()};
    for (int i = 0; i < 12; i++) {
        struct channel_pool *pool = pool_fixture_create_of_one(servers[0]);
        if (i % 2 == 0) {
            pool_fixture_wait_for_server(pool, servers[0], true, SIZE);
        }
        pool_fixture_set(pool, servers, 2);
        usleep((useconds_t)i * 3000);
        pool_fixture_set(pool, &servers[1], 2);
        usleep((useconds_t)(i % 4) * 5000);
        channel_pool_free(pool);
    }
    for (int i = 0; i < 3; i++) {
        fake_grpc_server_stop(servers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instance_that_joins_gets_its_share),
        cmocka_unit_test(test_a_pool_may_begin_with_nobody),
        cmocka_unit_test(test_the_same_set_changes_nothing),
        cmocka_unit_test(test_more_instances_than_channels_get_one_each),
        cmocka_unit_test(test_a_target_that_is_no_address_does_not_disturb_the_others),
        cmocka_unit_test(test_an_instance_goes_on_beside_as_many_new_ones_as_there_may_be),
        cmocka_unit_test(test_an_instance_that_leaves_gets_no_new_calls),
        cmocka_unit_test(test_a_call_on_an_instance_that_leaves_is_not_cut),
        cmocka_unit_test(test_a_lent_channel_outlives_a_smaller_share),
        cmocka_unit_test(test_an_instance_goes_on_until_one_that_is_wanted_can_take_over),
        cmocka_unit_test(test_an_instance_that_is_down_and_not_wanted_leaves_at_once),
        cmocka_unit_test(test_wanting_nobody_keeps_those_that_serve),
        cmocka_unit_test(test_an_instance_serves_on_while_its_watch_moves_to_another_channel),
        cmocka_unit_test(test_joining_and_leaving_thirty_times_is_not_noticed_by_calls),
        cmocka_unit_test(test_channels_that_leave_while_they_connect_leave_no_connection_behind),
        cmocka_unit_test(test_a_pool_is_freed_while_members_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
