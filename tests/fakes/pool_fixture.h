/* Channel pools of servers in this process, and waiting until they are as a test wants them. */
#ifndef TALLY_TESTS_FAKES_POOL_FIXTURE_H
#define TALLY_TESTS_FAKES_POOL_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/pool/channel_pool.h"
#include "tests/fakes/fake_grpc_server.h"

enum {
    SIZE = 20,
    KEEP_ALIVE_MS = 30000,
    BREAKER_FAILURES = 3,
    BREAKER_OPEN_FOR_MS = 5000,
    PATIENCE_US = 20 * 1000 * 1000,
    SERVERS_MAX = 8,
};

struct channel_pool_options pool_fixture_options(const char *const *targets, size_t target_count);
/* Fails the test when it cannot be made. */
struct channel_pool *pool_fixture_create(const char *const *targets, size_t target_count);
struct channel_pool *pool_fixture_create_of_one(struct fake_grpc_server *server);

/* One that serves. */
struct fake_grpc_server *pool_fixture_server(void);
/* From now on the pool's instances are these servers. */
void pool_fixture_set(struct channel_pool *pool, struct fake_grpc_server *const *servers, size_t server_count);

/* The instance in that place of channel_pool_describe. */
struct channel_pool_instance pool_fixture_instance(struct channel_pool *pool, size_t place);
/* The server's. Returns whether it has one. */
bool pool_fixture_find(struct channel_pool *pool, struct fake_grpc_server *server,
                       struct channel_pool_instance *ret_instance);

/* Each fails the test after PATIENCE_US. */
void pool_fixture_wait_for_instance(struct channel_pool *pool, size_t place, bool serving, unsigned ready_channels);
void pool_fixture_wait_for_server(struct channel_pool *pool, struct fake_grpc_server *server, bool serving,
                                  unsigned ready_channels);
void pool_fixture_wait_until_gone(struct channel_pool *pool, struct fake_grpc_server *server);
void pool_fixture_wait_for_watches(struct fake_grpc_server *server, unsigned count);
void pool_fixture_wait_for_connections(struct fake_grpc_server *server, unsigned count);

/* Picks a channel and gives it back, as answered. Returns the number of its instance. */
unsigned pool_fixture_pick(struct channel_pool *pool, unsigned *cursor, int avoid_instance);
bool pool_fixture_picks_nothing(struct channel_pool *pool);

/* Whether /metrics has the text. */
bool pool_fixture_metrics_have(const char *text);

/* Two servers, each with half of the channels. */
struct pool_pair {
    struct fake_grpc_server *servers[2];
    struct channel_pool *pool;
};
void pool_pair_create(struct pool_pair *pair);
void pool_pair_free(struct pool_pair *pair);

#endif
