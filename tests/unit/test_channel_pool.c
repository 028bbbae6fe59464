/* The pool against real gRPC servers in this process. */
#include "gateway/channel_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "tests/fakes/fake_grpc_server.h"

enum { SIZE = 20, KEEP_ALIVE_MS = 30000, PATIENCE_US = 10 * 1000 * 1000 };
enum { BREAKER_FAILURES = 3, BREAKER_OPEN_FOR_MS = 5000 };

static struct channel_pool_options options_of(const char *const *targets, size_t target_count)
{
    return (struct channel_pool_options){
        .targets = targets,
        .target_count = target_count,
        .size = SIZE,
        .keep_alive_ms = KEEP_ALIVE_MS,
        .breaker_failures = BREAKER_FAILURES,
        .breaker_open_for_ms = BREAKER_OPEN_FOR_MS,
    };
}

static struct channel_pool *create_pool(const char *const *targets, size_t target_count)
{
    struct error error = {""};
    const struct channel_pool_options options = options_of(targets, target_count);
    struct channel_pool *pool = channel_pool_create(&options, &error);
    if (pool == NULL) {
        fail_msg("%s", error.message);
    }
    return pool;
}

static struct channel_pool *create_pool_of_one(struct fake_grpc_server *server)
{
    const char *target = fake_grpc_server_target(server);
    return create_pool(&target, 1);
}

static struct channel_pool_instance instance_of(struct channel_pool *pool, size_t number)
{
    struct channel_pool_instance instances[4];
    assert_in_range(channel_pool_describe(pool, instances, 4), number + 1, 4);
    return instances[number];
}

/* Waits until instance `number` is like that. */
static void wait_for_instance(struct channel_pool *pool, size_t number, bool serving, unsigned ready_channels)
{
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    struct channel_pool_instance instance = instance_of(pool, number);
    while (instance.serving != serving || instance.ready_channels != ready_channels) {
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("instance %zu has serving %d and %u ready channels, not %d and %u", number, instance.serving,
                     instance.ready_channels, serving, ready_channels);
        }
        usleep(1000);
        instance = instance_of(pool, number);
    }
}

static void wait_for_watches(struct fake_grpc_server *server, unsigned count)
{
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    while (fake_grpc_server_watches(server) < count) {
        assert_true(clock_monotonic_us() < give_up_us);
        usleep(1000);
    }
}

static bool picks_nothing(struct channel_pool *pool)
{
    unsigned cursor = 0;
    return channel_pool_pick(pool, &cursor, -1, clock_monotonic_us()) == NULL;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void test_every_channel_is_a_connection_of_its_own(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    assert_int_equal(fake_grpc_server_connections(server), SIZE);
    assert_true(channel_pool_is_ready(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_picks_go_round_all_channels(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    const struct pooled_channel *first_round[SIZE];
    unsigned cursor = 7;
    for (int i = 0; i < SIZE; i++) {
        first_round[i] = channel_pool_pick(pool, &cursor, -1, clock_monotonic_us());
        assert_non_null(first_round[i]);
        for (int j = 0; j < i; j++) {
            assert_ptr_not_equal(first_round[i]->channel, first_round[j]->channel);
        }
    }
    for (int i = 0; i < SIZE; i++) {
        const struct pooled_channel *again = channel_pool_pick(pool, &cursor, -1, clock_monotonic_us());
        assert_ptr_equal(again, first_round[i]);
        channel_pool_release(pool, again, CALL_ANSWERED, clock_monotonic_us());
        channel_pool_release(pool, first_round[i], CALL_ANSWERED, clock_monotonic_us());
    }
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_pool_is_freed_while_it_connects(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
        struct channel_pool *pool = create_pool_of_one(server);
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
    struct channel_pool *pool = create_pool(targets, 1);
    usleep(50 * 1000);
    assert_false(channel_pool_is_ready(pool));
    assert_true(picks_nothing(pool));
    assert_int_equal(instance_of(pool, 0).last_change_us, 0);
    channel_pool_free(pool);
}

static void test_a_target_that_is_no_address_is_an_error(void **state)
{
    (void)state;
    const char *targets[] = {"ipv4:nowhere"};
    struct error error = {""};
    const struct channel_pool_options options = options_of(targets, 1);
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
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, false, SIZE);
    assert_true(picks_nothing(pool));
    assert_false(channel_pool_is_ready(pool));

    fake_grpc_server_set_health(server, FAKE_HEALTH_SERVING);
    wait_for_instance(pool, 0, true, SIZE);
    assert_true(channel_pool_is_ready(pool));
    const int64_t last_change_us = instance_of(pool, 0).last_change_us;
    assert_in_range(clock_realtime_us() - last_change_us, 0, PATIENCE_US);

    fake_grpc_server_set_health(server, FAKE_HEALTH_NOT_SERVING);
    wait_for_instance(pool, 0, false, SIZE);
    assert_true(picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_service_unknown_to_the_server_is_not_serving(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVICE_UNKNOWN, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_watches(server, 1);
    wait_for_instance(pool, 0, false, SIZE);
    usleep(20 * 1000);
    assert_true(picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_without_health_service_is_serving(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNIMPLEMENTED, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    usleep(300 * 1000);
    assert_int_equal(fake_grpc_server_watches(server), 1); /* and is not asked again */
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_watch_that_fails_is_opened_again_with_growing_waits(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNAVAILABLE, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_watches(server, 1);
    usleep(1000 * 1000);
    assert_in_range(fake_grpc_server_watches(server), 2, 6);
    assert_true(picks_nothing(pool));
    fake_grpc_server_set_health(server, FAKE_HEALTH_SERVING);
    wait_for_instance(pool, 0, true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_watch_that_ends_is_opened_again_at_once_and_its_last_word_stands(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    const int64_t change_us = instance_of(pool, 0).last_change_us;
    usleep(150 * 1000); /* an opening right after another one waits */
    fake_grpc_server_end_watches(server);
    wait_for_watches(server, 2);
    usleep(50 * 1000);
    assert_true(channel_pool_is_ready(pool));
    assert_int_equal(instance_of(pool, 0).last_change_us, change_us);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- a server that goes and comes --------------------------------------------------------------------------------- */

static void test_a_stopped_server_is_noticed_and_its_return_too(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);

    fake_grpc_server_stop(server);
    wait_for_instance(pool, 0, false, 0);
    assert_true(picks_nothing(pool));
    usleep(2500 * 1000); /* the backoffs have grown */

    server = fake_grpc_server_start(port, FAKE_HEALTH_SERVING, NULL, NULL);
    const int64_t back_us = clock_monotonic_us();
    wait_for_instance(pool, 0, true, SIZE);
    const int64_t took_us = clock_monotonic_us() - back_us;
    print_message("all channels READY and serving %ld ms after the server's return\n", (long)(took_us / 1000));
    assert_in_range(took_us, 0, 1200 * 1000);
    assert_int_equal(fake_grpc_server_connections(server), SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_that_returned_is_not_serving_until_it_says_so(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    fake_grpc_server_stop(server);
    server = fake_grpc_server_start(port, FAKE_HEALTH_NOT_SERVING, NULL, NULL);
    wait_for_watches(server, 1);
    wait_for_instance(pool, 0, false, SIZE);
    assert_true(picks_nothing(pool));
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

static void test_a_server_without_health_service_is_not_serving_when_it_is_gone(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_UNIMPLEMENTED, NULL, NULL);
    const int port = fake_grpc_server_port(server);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    fake_grpc_server_stop(server);
    wait_for_instance(pool, 0, false, 0);
    server = fake_grpc_server_start(port, FAKE_HEALTH_UNIMPLEMENTED, NULL, NULL);
    wait_for_instance(pool, 0, true, SIZE);
    channel_pool_free(pool);
    fake_grpc_server_stop(server);
}

/* --- two instances ------------------------------------------------------------------------------------------------ */

struct pair {
    struct fake_grpc_server *servers[2];
    struct channel_pool *pool;
};

static void pair_create(struct pair *pair)
{
    const char *targets[2];
    for (int i = 0; i < 2; i++) {
        pair->servers[i] = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
        targets[i] = fake_grpc_server_target(pair->servers[i]);
    }
    pair->pool = create_pool(targets, 2);
    wait_for_instance(pair->pool, 0, true, SIZE / 2);
    wait_for_instance(pair->pool, 1, true, SIZE / 2);
}

static void pair_free(struct pair *pair)
{
    channel_pool_free(pair->pool);
    fake_grpc_server_stop(pair->servers[0]);
    fake_grpc_server_stop(pair->servers[1]);
}

static unsigned pick_instance(struct channel_pool *pool, unsigned *cursor, int avoid_instance)
{
    const struct pooled_channel *channel = channel_pool_pick(pool, cursor, avoid_instance, clock_monotonic_us());
    assert_non_null(channel);
    const unsigned instance = channel->instance;
    channel_pool_release(pool, channel, CALL_ANSWERED, clock_monotonic_us());
    return instance;
}

static void test_two_instances_share_the_channels_and_take_turns(void **state)
{
    (void)state;
    struct pair pair;
    pair_create(&pair);
    assert_int_equal(fake_grpc_server_connections(pair.servers[0]), SIZE / 2);
    assert_int_equal(fake_grpc_server_connections(pair.servers[1]), SIZE / 2);
    unsigned cursor = 0;
    for (unsigned i = 0; i < 2 * SIZE; i++) {
        assert_int_equal(pick_instance(pair.pool, &cursor, -1), i % 2);
    }
    pair_free(&pair);
}

static void test_the_instance_to_avoid_is_taken_only_when_alone(void **state)
{
    (void)state;
    struct pair pair;
    pair_create(&pair);
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pick_instance(pair.pool, &cursor, 0), 1);
    }
    fake_grpc_server_set_health(pair.servers[1], FAKE_HEALTH_NOT_SERVING);
    wait_for_instance(pair.pool, 1, false, SIZE / 2);
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pick_instance(pair.pool, &cursor, 0), 0);
    }
    pair_free(&pair);
}

static void test_one_instance_gone_leaves_the_other(void **state)
{
    (void)state;
    struct pair pair;
    pair_create(&pair);
    fake_grpc_server_stop(pair.servers[0]);
    pair.servers[0] = NULL;
    wait_for_instance(pair.pool, 0, false, 0);
    assert_true(channel_pool_is_ready(pair.pool));
    unsigned cursor = 0;
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(pick_instance(pair.pool, &cursor, -1), 1);
    }
    pair_free(&pair);
}

static void test_every_instance_has_a_channel_even_if_the_pool_is_smaller(void **state)
{
    (void)state;
    struct fake_grpc_server *servers[3];
    const char *targets[3];
    for (int i = 0; i < 3; i++) {
        servers[i] = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
        targets[i] = fake_grpc_server_target(servers[i]);
    }
    struct channel_pool_options options = options_of(targets, 3);
    options.size = 2;
    struct channel_pool *pool = channel_pool_create(&options, NULL);
    assert_non_null(pool);
    for (size_t i = 0; i < 3; i++) {
        wait_for_instance(pool, i, true, 1);
    }
    channel_pool_free(pool);
    for (int i = 0; i < 3; i++) {
        fake_grpc_server_stop(servers[i]);
    }
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static void test_channels_are_counted_by_state(void **state)
{
    (void)state;
    struct fake_grpc_server *server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
    struct channel_pool *pool = create_pool_of_one(server);
    wait_for_instance(pool, 0, true, SIZE);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(metrics_render(&out), 0);
    buffer_append(&out, "", 1);
    assert_non_null(strstr(out.data, "tally_channels{state=\"ready\"} 20\n"));
    assert_non_null(strstr(out.data, "tally_channels{state=\"idle\"} 0\n"));
    assert_non_null(strstr(out.data, "tally_channels{state=\"connecting\"} 0\n"));
    assert_non_null(strstr(out.data, "tally_channels{state=\"transient_failure\"} 0\n"));
    buffer_done(&out);
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
        cmocka_unit_test(test_a_server_without_health_service_is_serving),
        cmocka_unit_test(test_a_watch_that_fails_is_opened_again_with_growing_waits),
        cmocka_unit_test(test_a_watch_that_ends_is_opened_again_at_once_and_its_last_word_stands),
        cmocka_unit_test(test_a_stopped_server_is_noticed_and_its_return_too),
        cmocka_unit_test(test_a_server_that_returned_is_not_serving_until_it_says_so),
        cmocka_unit_test(test_a_server_without_health_service_is_not_serving_when_it_is_gone),
        cmocka_unit_test(test_two_instances_share_the_channels_and_take_turns),
        cmocka_unit_test(test_the_instance_to_avoid_is_taken_only_when_alone),
        cmocka_unit_test(test_one_instance_gone_leaves_the_other),
        cmocka_unit_test(test_every_instance_has_a_channel_even_if_the_pool_is_smaller),
        cmocka_unit_test(test_channels_are_counted_by_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
