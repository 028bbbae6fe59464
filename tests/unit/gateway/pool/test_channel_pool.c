/* The pool against real gRPC servers in this process. */
#include "gateway/pool/channel_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/pool_fixture.h"

/* --- connections -------------------------------------------------------------------------------------------------- */

static void test_every_channel_is_a_connection_of_its_own(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    pool_fixture_wait_for_connections(server, SIZE);
    assert_true(channel_pool_is_ready(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_picks_go_round_all_channels(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    struct channel *first_round[SIZE];
    unsigned cursor = 7;
    for (int i = 0; i < SIZE; i++) {
        first_round[i] = channel_pool_lend(pool, &cursor, -1, clock_monotonic_us());
        assert_non_null(first_round[i]);
        for (int j = 0; j < i; j++) {
            assert_ptr_not_equal(channel_connection(first_round[i]), channel_connection(first_round[j]));
        }
    }
    for (int i = 0; i < SIZE; i++) {
        struct channel *again = channel_pool_lend(pool, &cursor, -1, clock_monotonic_us());
        assert_ptr_equal(again, first_round[i]);
        channel_pool_give_back(pool, again, CALL_ANSWERED, clock_monotonic_us());
        channel_pool_give_back(pool, first_round[i], CALL_ANSWERED, clock_monotonic_us());
    }
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_pool_is_freed_while_it_connects(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
        struct channel_pool *pool = pool_fixture_create_of_one(server);
        usleep((useconds_t)i * 1500);
        channel_pool_free(pool);
        fake_grpc_server_stop(server);
    }
}

static void test_nobody_listening_is_not_ready(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    char target[64];
    snprintf(target, sizeof(target), "%s", fake_grpc_server_target(server));
    fake_grpc_server_stop(server);
    const char *targets[] = {target};
    struct channel_pool *pool = pool_fixture_create(targets, 1);
    usleep(50 * 1000);
    assert_false(channel_pool_is_ready(pool));
    assert_true(pool_fixture_picks_nothing(pool));
    assert_int_equal(pool_fixture_instance(pool, 0).last_change_us, 0);
    channel_pool_free(pool);
}

static void test_a_target_that_is_no_address_is_an_error(void **state)
{
    (void)state;
    const char *targets[] = {"ipv4:nowhere"};
    struct error error = {""};
    const struct channel_pool_options options = pool_fixture_options(targets, 1);
    assert_null(channel_pool_create(&options, &error));
    assert_non_null(strstr(error.message, "ipv4:nowhere"));
}

static void test_free_takes_null(void **state)
{
    (void)state;
    channel_pool_free(NULL);
}

/* --- health ------------------------------------------------------------------------------------------------------- */

static void test_an_instance_that_says_not_serving_gets_no_calls(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_NOT_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    assert_true(pool_fixture_picks_nothing(pool));
    assert_false(channel_pool_is_ready(pool));

    fake_grpc_server_set_health(server, FAKE_HEALTH_SERVING);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    assert_true(channel_pool_is_ready(pool));
    const int64_t last_change_us = pool_fixture_instance(pool, 0).last_change_us;
    assert_in_range(clock_realtime_us() - last_change_us, 0, PATIENCE_US);

    fake_grpc_server_set_health(server, FAKE_HEALTH_NOT_SERVING);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    assert_true(pool_fixture_picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_service_unknown_to_the_server_is_not_serving(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVICE_UNKNOWN, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_watches(server, 1);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    usleep(20 * 1000);
    assert_true(pool_fixture_picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_without_health_service_tells_no_store_and_gets_no_calls(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNIMPLEMENTED, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    pool_fixture_wait_for_watches(server, 1);
    usleep(300 * 1000);
    assert_true(pool_fixture_picks_nothing(pool));
    assert_int_equal(fake_grpc_server_watches(server), 1); /* and is not asked again */
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_watch_that_fails_is_opened_again_with_growing_waits(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNAVAILABLE, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    const int64_t start_us = clock_monotonic_us();
    usleep(1000 * 1000);
    pool_fixture_wait_for_watches(server, 2);
    const unsigned watches = fake_grpc_server_watches(server);
    assert_in_range(watches, 2, 6 * (1 + (clock_monotonic_us() - start_us) / (1000 * 1000)));
    assert_true(pool_fixture_picks_nothing(pool));
    fake_grpc_server_set_health(server, FAKE_HEALTH_SERVING);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_watch_that_ends_is_opened_again_at_once_and_its_last_word_stands(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    const int64_t change_us = pool_fixture_instance(pool, 0).last_change_us;
    usleep(150 * 1000); /* an opening right after another one waits */
    fake_grpc_server_end_watches(server);
    pool_fixture_wait_for_watches(server, 2);
    usleep(50 * 1000);
    assert_true(channel_pool_is_ready(pool));
    assert_int_equal(pool_fixture_instance(pool, 0).last_change_us, change_us);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- a server that goes and comes --------------------------------------------------------------------------------- */

static void test_a_stopped_server_is_noticed_and_its_return_too(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);

    fake_grpc_server_stop(server);
    pool_fixture_wait_for_instance(pool, 0, false, 0);
    assert_true(pool_fixture_picks_nothing(pool));
    usleep(2500 * 1000); /* the backoffs have grown */

    server = fake_grpc_server_start(port, FAKE_HEALTH_SERVING, NULL, NULL);
    const int64_t back_us = clock_monotonic_us();
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    const int64_t took_us = clock_monotonic_us() - back_us;
    print_message("all channels READY and serving %ld ms after the server's return\n", (long)(took_us / 1000));
    pool_fixture_wait_for_connections(server, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_that_returned_is_not_serving_until_it_says_so(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    fake_grpc_server_stop(server);
    server = fake_grpc_server_start(port, FAKE_HEALTH_NOT_SERVING, NULL, NULL);
    pool_fixture_wait_for_watches(server, 1);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    assert_true(pool_fixture_picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_without_health_service_is_asked_again_when_it_returns(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNIMPLEMENTED, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_watches(server, 1);
    pool_fixture_wait_for_instance(pool, 0, false, SIZE);
    fake_grpc_server_stop(server);
    pool_fixture_wait_for_instance(pool, 0, false, 0);
    server = fake_grpc_server_start(port, FAKE_HEALTH_SERVING, NULL, NULL);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    pool_fixture_wait_for_watches(server, 1);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- two instances ------------------------------------------------------------------------------------------------ */

static void test_two_instances_share_the_channels_and_take_turns(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    pool_fixture_wait_for_connections(pair.servers[0], SIZE / 2);
    pool_fixture_wait_for_connections(pair.servers[1], SIZE / 2);
    unsigned cursor = 0;
    for (unsigned i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, -1), i % 2);
    }
    pool_pair_free(&pair);
}

static void test_the_instance_to_avoid_is_taken_only_when_alone(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, 0), 1);
    }
    fake_grpc_server_set_health(pair.servers[1], FAKE_HEALTH_NOT_SERVING);
    pool_fixture_wait_for_instance(pair.pool, 1, false, SIZE / 2);
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, 0), 0);
    }
    pool_pair_free(&pair);
}

static void test_one_instance_gone_leaves_the_other(void **state)
{
    (void)state;
    struct pool_pair pair;
    pool_pair_create(&pair);
    fake_grpc_server_stop(pair.servers[0]);
    pair.servers[0] = NULL;
    pool_fixture_wait_for_instance(pair.pool, 0, false, 0);
    assert_true(channel_pool_is_ready(pair.pool));
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pool_fixture_pick(pair.pool, &cursor, -1), 1);
    }
    pool_pair_free(&pair);
}

static void test_every_instance_has_a_channel_even_if_the_pool_is_smaller(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[3];
    const char *targets[3];
    for (size_t i = 0; i < 3; i++) {
        servers[i] = pool_fixture_server();
        targets[i] = fake_grpc_server_target(servers[i]);
    }
    struct channel_pool_options options = pool_fixture_options(targets, 3);
    options.size = 2;
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    assert_non_null(pool);
    for (size_t i = 0; i < 3; i++) {
        pool_fixture_wait_for_instance(pool, i, true, 1);
    }
    channel_pool_free(pool);
    for (size_t i = 0; i < 3; i++) {
        fake_grpc_server_stop(servers[i]);
    }
}

static void test_a_target_named_twice_is_one_instance(void **state)
{
    (void)state;
    struct fake_grpc_server *server = pool_fixture_server();
    const char *target = fake_grpc_server_target(server);
    const char *targets[] = {target, target};
    struct channel_pool *pool = pool_fixture_create(targets, 2);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    assert_int_equal(channel_pool_describe(pool, NULL, 0), 1);
    pool_fixture_wait_for_connections(server, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static void test_channels_are_counted_by_state(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = pool_fixture_create_of_one(server);
    pool_fixture_wait_for_instance(pool, 0, true, SIZE);
    assert_true(pool_fixture_metrics_have("tally_channels{state=\"ready\"} 20\n"));
    assert_true(pool_fixture_metrics_have("tally_channels{state=\"idle\"} 0\n"));
    assert_true(pool_fixture_metrics_have("tally_channels{state=\"connecting\"} 0\n"));
    assert_true(pool_fixture_metrics_have("tally_channels{state=\"transient_failure\"} 0\n"));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_channel_is_a_connection_of_its_own),
        cmocka_unit_test(test_picks_go_round_all_channels),
        cmocka_unit_test(test_a_pool_is_freed_while_it_connects),
        cmocka_unit_test(test_nobody_listening_is_not_ready),
        cmocka_unit_test(test_a_target_that_is_no_address_is_an_error),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_an_instance_that_says_not_serving_gets_no_calls),
        cmocka_unit_test(test_a_service_unknown_to_the_server_is_not_serving),
        cmocka_unit_test(test_a_server_without_health_service_tells_no_store_and_gets_no_calls),
        cmocka_unit_test(test_a_watch_that_fails_is_opened_again_with_growing_waits),
        cmocka_unit_test(test_a_watch_that_ends_is_opened_again_at_once_and_its_last_word_stands),
        cmocka_unit_test(test_a_stopped_server_is_noticed_and_its_return_too),
        cmocka_unit_test(test_a_server_that_returned_is_not_serving_until_it_says_so),
        cmocka_unit_test(test_a_server_without_health_service_is_asked_again_when_it_returns),
        cmocka_unit_test(test_two_instances_share_the_channels_and_take_turns),
        cmocka_unit_test(test_the_instance_to_avoid_is_taken_only_when_alone),
        cmocka_unit_test(test_one_instance_gone_leaves_the_other),
        cmocka_unit_test(test_every_instance_has_a_channel_even_if_the_pool_is_smaller),
        cmocka_unit_test(test_a_target_named_twice_is_one_instance),
        cmocka_unit_test(test_channels_are_counted_by_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
