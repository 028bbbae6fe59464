#include "tests/fakes/pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/wait_for.h"

/* --- pools -------------------------------------------------------------------------------------------------------- */

struct channel_pool_options pool_fixture_options(const char *const *targets, size_t target_count)
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

struct channel_pool *pool_fixture_create(const char *const *targets, size_t target_count)
{
    struct error error = {""};
    const struct channel_pool_options options = pool_fixture_options(targets, target_count);
    struct channel_pool *pool = channel_pool_create(&options, &error);
    if (pool == NULL) {
        fail_msg("%s", error.message);
    }
    return pool;
}

struct channel_pool *pool_fixture_create_of_one(struct fake_grpc_server *server)
{
    const char *target = fake_grpc_server_target(server);
    return pool_fixture_create(&target, 1);
}

struct fake_grpc_server *pool_fixture_server(void)
{
    return fake_grpc_server_start(0, FAKE_HEALTH_SERVING, NULL, NULL);
}

void pool_fixture_set(struct channel_pool *pool, struct fake_grpc_server *const *servers, size_t server_count)
{
    const char *targets[SERVERS_MAX];
    assert_in_range(server_count, 0, SERVERS_MAX);
    for (size_t i = 0; i < server_count; i++) {
        targets[i] = fake_grpc_server_target(servers[i]);
    }
    assert_int_equal(channel_pool_set_targets(pool, targets, server_count), 0);
}

void pool_pair_create(struct pool_pair *pair)
{
    const char *targets[2];
    for (int i = 0; i < 2; i++) {
        pair->servers[i] = pool_fixture_server();
        targets[i] = fake_grpc_server_target(pair->servers[i]);
    }
    pair->pool = pool_fixture_create(targets, 2);
    pool_fixture_wait_for_instance(pair->pool, 0, true, SIZE / 2);
    pool_fixture_wait_for_instance(pair->pool, 1, true, SIZE / 2);
}

void pool_pair_free(struct pool_pair *pair)
{
    channel_pool_free(pair->pool);
    fake_grpc_server_stop(pair->servers[0]);
    fake_grpc_server_stop(pair->servers[1]);
}

/* --- how it is ---------------------------------------------------------------------------------------------------- */

struct channel_pool_instance pool_fixture_instance(struct channel_pool *pool, size_t place)
{
    struct channel_pool_instance instances[SERVERS_MAX];
    assert_in_range(channel_pool_describe(pool, instances, SERVERS_MAX), place + 1, SERVERS_MAX);
    return instances[place];
}

bool pool_fixture_find(struct channel_pool *pool, struct fake_grpc_server *server,
                       struct channel_pool_instance *ret_instance)
{
    struct channel_pool_instance instances[SERVERS_MAX];
    const size_t count = channel_pool_describe(pool, instances, SERVERS_MAX);
    for (size_t i = 0; i < count && i < SERVERS_MAX; i++) {
        if (strcmp(instances[i].target, fake_grpc_server_target(server)) == 0) {
            *ret_instance = instances[i];
            return true;
        }
    }
    return false;
}

unsigned pool_fixture_pick(struct channel_pool *pool, unsigned *cursor, int avoid_instance)
{
    struct channel *channel = channel_pool_lend(pool, cursor, avoid_instance, clock_monotonic_us());
    assert_non_null(channel);
    const unsigned instance = channel_instance_number(channel);
    channel_pool_give_back(pool, channel, CALL_ANSWERED, clock_monotonic_us());
    return instance;
}

bool pool_fixture_picks_nothing(struct channel_pool *pool)
{
    unsigned cursor = 0;
    return channel_pool_lend(pool, &cursor, -1, clock_monotonic_us()) == NULL;
}

bool pool_fixture_metrics_have(const char *text)
{
    return metrics_text_has(text);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

/* Whether the pool has looked at the store that it tells. */
static bool is_settled(const struct channel_pool_instance *instance)
{
    return !instance->serving || instance->store[0] == '\0' || instance->store_relation != STORE_UNKNOWN;
}

void pool_fixture_wait_for_instance(struct channel_pool *pool, size_t place, bool serving, unsigned ready_channels)
{
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    struct channel_pool_instance instance = pool_fixture_instance(pool, place);
    while (instance.serving != serving || instance.ready_channels != ready_channels || !is_settled(&instance)) {
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("instance %zu has serving %d and %u ready channels, not %d and %u", place, instance.serving,
                     instance.ready_channels, serving, ready_channels);
        }
        usleep(1000);
        instance = pool_fixture_instance(pool, place);
    }
}

void pool_fixture_wait_for_server(struct channel_pool *pool, struct fake_grpc_server *server, bool serving,
                                  unsigned ready_channels)
{
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    struct channel_pool_instance instance = {.channels = 0};
    while (!pool_fixture_find(pool, server, &instance) || instance.serving != serving ||
           instance.ready_channels != ready_channels || instance.channels != ready_channels || !is_settled(&instance)) {
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("%s has serving %d and %u of %u channels ready, not %d and %u", fake_grpc_server_target(server),
                     instance.serving, instance.ready_channels, instance.channels, serving, ready_channels);
        }
        usleep(1000);
    }
}

void pool_fixture_wait_until_gone(struct channel_pool *pool, struct fake_grpc_server *server)
{
    struct channel_pool_instance instance;
    WAIT_FOR(!pool_fixture_find(pool, server, &instance));
}

void pool_fixture_wait_for_watches(struct fake_grpc_server *server, unsigned count)
{
    WAIT_FOR(fake_grpc_server_watches(server) >= count);
}

void pool_fixture_wait_for_connections(struct fake_grpc_server *server, unsigned count)
{
    const int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    unsigned now = fake_grpc_server_connections(server);
    while (now != count) {
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("%u connections to %s, not %u", now, fake_grpc_server_target(server), count);
        }
        usleep(1000);
        now = fake_grpc_server_connections(server);
    }
}
