#include "tests/fakes/rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set_rankings(struct rpc_fixture *fixture)
{
    static char like[] = "like";
    static char view[] = "view";
    fixture->rankings[0] = (struct ranking_config){
        .counter_type = like, .calendar = {[RANKING_DAY] = true}, .keep = 1000, .cache_ttl_ms = 60000};
    fixture->rankings[1] =
        (struct ranking_config){.counter_type = view, .calendar = {[RANKING_DAY] = true}, .keep = 1000};
    fixture->config = (struct config){.rankings = fixture->rankings, .ranking_count = 2};
    fixture->ranking_rpc = (struct ranking_rpc){
        .config = &fixture->config, .store = (struct store *)&fixture->store, .cache = ranking_cache_create()};
}

int rpc_fixture_start(void **state)
{
    struct rpc_fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL || reflection_rpc_init(&fixture->reflection_rpc, NULL) != 0) {
        return -1;
    }
    fake_store_start(&fixture->store);
    fixture->counter_rpc = (struct counter_rpc){.store = (struct store *)&fixture->store};
    set_rankings(fixture);
    service_health_init(&fixture->health, health_rpc_on_store, &fixture->health_rpc);
    health_rpc_init(&fixture->health_rpc, &fixture->health);
    const struct rpc_service services[] = {
        counter_rpc_service(&fixture->counter_rpc),
        ranking_rpc_service(&fixture->ranking_rpc),
        health_rpc_service(&fixture->health_rpc),
        reflection_rpc_service(&fixture->reflection_rpc),
    };
    const struct rpc_server_options options = {.host = "127.0.0.1", .threads = 2, .keep_alive_ms = 30000};
    fixture->server = rpc_server_create(&options, services, sizeof(services) / sizeof(services[0]), NULL);
    if (fixture->server == NULL) {
        return -1;
    }
    fixture->client = grpc_client_create(rpc_server_port(fixture->server));
    *state = fixture;
    return 0;
}

int rpc_fixture_end(void **state)
{
    struct rpc_fixture *fixture = *state;
    health_rpc_end_watches(&fixture->health_rpc);
    reflection_rpc_end_streams(&fixture->reflection_rpc);
    rpc_server_drain(fixture->server, 0);
    fake_store_stop(&fixture->store);
    rpc_server_free(fixture->server);
    ranking_cache_free(fixture->ranking_rpc.cache);
    reflection_rpc_done(&fixture->reflection_rpc);
    health_rpc_done(&fixture->health_rpc);
    service_health_done(&fixture->health);
    grpc_client_free(fixture->client);
    free(fixture);
    return 0;
}

struct grpc_client_result rpc_fixture_ask(struct rpc_fixture *fixture, const char *method,
                                          const ProtobufCMessage *request)
{
    return grpc_client_ask(fixture->client, method, request, RPC_FIXTURE_TIMEOUT_MS);
}

void rpc_fixture_assert_error(struct grpc_client_result result, grpc_status_code code, const char *outcome,
                              const char *detail)
{
    assert_int_equal(result.code, code);
    assert_string_equal(result.outcome, outcome);
    assert_non_null(strstr(result.detail, detail));
    assert_null(result.message);
}
