/* The gRPC server with all its services, over a fake store, and a client of it. */
#ifndef TALLY_TESTS_FAKES_RPC_FIXTURE_H
#define TALLY_TESTS_FAKES_RPC_FIXTURE_H

#include "counter-service/api/counter_rpc.h"
#include "counter-service/api/health_rpc.h"
#include "counter-service/api/ranking_rpc.h"
#include "counter-service/reflection/reflection_rpc.h"
#include "counter-service/rpc/rpc_server.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/grpc_client.h"

enum { RPC_FIXTURE_TIMEOUT_MS = 10000 };

struct rpc_fixture {
    struct fake_store store;
    struct service_health health;
    struct health_rpc health_rpc;
    struct reflection_rpc reflection_rpc;
    struct counter_rpc counter_rpc;
    struct ranking_config rankings[2]; /* of "like", by day, answers kept for 60 s; of "view", never kept */
    struct config config;
    struct ranking_rpc ranking_rpc;
    struct rpc_server *server;
    struct grpc_client *client;
};

/* For cmocka: *state is a struct rpc_fixture. */
int rpc_fixture_start(void **state);
int rpc_fixture_end(void **state);

/* A unary call. */
struct grpc_client_result rpc_fixture_ask(struct rpc_fixture *fixture, const char *method,
                                          const ProtobufCMessage *request);
/* It is an error with this code, this trailer tally-outcome, and this piece in its detail. */
void rpc_fixture_assert_error(struct grpc_client_result result, grpc_status_code code, const char *outcome,
                              const char *detail);

#endif
