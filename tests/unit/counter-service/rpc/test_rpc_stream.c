/* The streams of health and reflection, from a real client. */
#include "counter-service/rpc/rpc_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "common/contract/store_id.h"
#include "counter-service/rpc/rpc_limits.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "tests/fakes/rpc_fixture.h"

enum status store_submit(struct store *store, struct store_call *call)
{
    return fake_store_submit((struct fake_store *)store, call);
}

int store_partitions(const struct store *store)
{
    return ((const struct fake_store *)store)->partitions;
}

static int status_of(grpc_byte_buffer *message)
{
    assert_non_null(message);
    struct arena arena;
    arena_init(&arena);
    const ProtobufCMessage *response =
        grpc_message_unpack(&grpc__health__v1__health_check_response__descriptor, message, &arena);
    assert_non_null(response);
    const int status = (int)((const Grpc__Health__V1__HealthCheckResponse *)response)->status;
    arena_done(&arena);
    grpc_byte_buffer_destroy(message);
    return status;
}

static struct grpc_client_call *watch(struct rpc_fixture *fixture, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = (char *)(uintptr_t)service;
    return grpc_client_start(fixture->client, "/grpc.health.v1.Health/Watch", &request.base, RPC_FIXTURE_TIMEOUT_MS);
}

static void test_check_follows_redis(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char method[] = "/grpc.health.v1.Health/Check";
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    assert_int_equal(status_of(rpc_fixture_ask(fixture, method, &request.base).message), NOT_SERVING);
    service_health_set_redis(&fixture->health, true, "");
    assert_int_equal(status_of(rpc_fixture_ask(fixture, method, &request.base).message), SERVING);
    request.service = (char *)(uintptr_t) "tally.v1.Nothing";
    rpc_fixture_assert_error(rpc_fixture_ask(fixture, method, &request.base), GRPC_STATUS_NOT_FOUND, "not_applied",
                             "no service");
}

static void test_watchers_are_told_each_change(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *watcher = watch(fixture, "tally.v1.CounterService");
    struct grpc_client_call *lost = watch(fixture, "tally.v1.Nothing");
    assert_int_equal(status_of(grpc_client_read(watcher)), NOT_SERVING);
    assert_int_equal(status_of(grpc_client_read(lost)), SERVICE_UNKNOWN);
    service_health_set_redis(&fixture->health, true, "");
    assert_int_equal(status_of(grpc_client_read(watcher)), SERVING);
    service_health_drain(&fixture->health);
    assert_int_equal(status_of(grpc_client_read(watcher)), NOT_SERVING);
    grpc_client_cancel(lost);
    assert_int_equal(grpc_client_end(lost).code, GRPC_STATUS_CANCELLED);
    health_rpc_end_watches(&fixture->health_rpc);
    const struct grpc_client_result result = grpc_client_end(watcher);
    assert_int_equal(result.code, GRPC_STATUS_UNAVAILABLE);
    assert_string_equal(result.detail, "The service is shutting down");
}

static void test_a_slow_watcher_hears_the_newest_status(void **state)
{
    struct rpc_fixture *fixture = *state;
    struct grpc_client_call *watcher = watch(fixture, "");
    for (int i = 0; i < 1000; i++) {
        service_health_set_redis(&fixture->health, i % 2 == 0, "");
    }
    service_health_set_redis(&fixture->health, true, "");
    service_health_drain(&fixture->health);
    health_rpc_end_watches(&fixture->health_rpc);
    int last = 0; /* none: the end may overtake what was not sent yet */
    for (grpc_byte_buffer *message; (message = grpc_client_read(watcher)) != NULL;) {
        const int status = status_of(message);
        assert_true(status == NOT_SERVING || status == SERVING);
        assert_int_not_equal(status, last);
        last = status;
    }
    assert_int_equal(grpc_client_end(watcher).code, GRPC_STATUS_UNAVAILABLE);
}

/* What a Watch says of the store, and that its first status is the expected one. */
static struct grpc_client_call *watch_store(struct rpc_fixture *fixture, int status, const char *store_id)
{
    char told[64];
    struct grpc_client_call *watcher = watch(fixture, "");
    assert_int_equal(status_of(grpc_client_read(watcher)), status);
    grpc_client_initial_metadata(watcher, STORE_ID_METADATA, told, sizeof(told));
    assert_string_equal(told, store_id);
    return watcher;
}

static void assert_ended_for_the_store(struct grpc_client_call *watcher)
{
    const struct grpc_client_result result = grpc_client_end(watcher);
    assert_int_equal(result.code, GRPC_STATUS_UNAVAILABLE);
    assert_string_equal(result.detail, "The store changed: watch again");
    grpc_byte_buffer_destroy(result.message);
}

static void test_a_watch_tells_the_store_and_ends_when_that_changes(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char one[] = "00000000000000000000000000000001";
    static const char other[] = "fedcba9876543210fedcba9876543210";
    struct grpc_client_call *watcher = watch_store(fixture, NOT_SERVING, "");
    service_health_set_redis(&fixture->health, true, one);
    assert_ended_for_the_store(watcher);

    watcher = watch_store(fixture, SERVING, one);
    service_health_set_redis(&fixture->health, false, ""); /* Redis is gone: nobody says that it is another */
    assert_int_equal(status_of(grpc_client_read(watcher)), NOT_SERVING);
    service_health_set_redis(&fixture->health, true, one);
    assert_int_equal(status_of(grpc_client_read(watcher)), SERVING);
    service_health_set_redis(&fixture->health, true, other);
    assert_ended_for_the_store(watcher);

    watcher = watch_store(fixture, SERVING, other);
    health_rpc_end_watches(&fixture->health_rpc);
    assert_int_equal(grpc_client_end(watcher).code, GRPC_STATUS_UNAVAILABLE);
}

static void test_a_store_that_keeps_changing_leaves_nothing_behind(void **state)
{
    struct rpc_fixture *fixture = *state;
    for (int i = 0; i < 200; i++) {
        char store_id[STORE_ID_SIZE];
        snprintf(store_id, sizeof(store_id), "%032d", i);
        struct grpc_client_call *watcher = watch(fixture, "");
        service_health_set_redis(&fixture->health, true, store_id);
        for (grpc_byte_buffer *message; i % 2 == 0 && (message = grpc_client_read(watcher)) != NULL;) {
            grpc_byte_buffer_destroy(message);
            service_health_set_redis(&fixture->health, true, "ffffffffffffffffffffffffffffffff");
        }
        grpc_client_cancel(watcher);
        grpc_byte_buffer_destroy(grpc_client_end(watcher).message);
    }
}

static void ask_for_services(struct grpc_client_call *stream)
{
    Grpc__Reflection__V1__ServerReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    request.list_services = (char *)(uintptr_t) "";
    grpc_client_write(stream, &request.base);
    grpc_byte_buffer *answer = grpc_client_read(stream);
    assert_non_null(answer);
    grpc_byte_buffer_destroy(answer);
}

static void test_reflection_answers_each_request_and_an_idle_stream_can_be_ended(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char method[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    Grpc__Reflection__V1__ServerReflectionRequest request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    request.list_services = (char *)(uintptr_t) "";

    struct grpc_client_result result = rpc_fixture_ask(fixture, method, &request.base);
    assert_int_equal(result.code, GRPC_STATUS_OK);
    assert_non_null(result.message);
    grpc_byte_buffer_destroy(result.message);

    struct grpc_client_call *stream = grpc_client_start(fixture->client, method, NULL, RPC_FIXTURE_TIMEOUT_MS);
    for (int i = 0; i < 20; i++) {
        ask_for_services(stream);
    }
    reflection_rpc_end_streams(&fixture->reflection_rpc);
    assert_int_equal(grpc_client_end(stream).code, GRPC_STATUS_UNAVAILABLE);
    result = rpc_fixture_ask(fixture, method, &request.base);
    rpc_fixture_assert_error(result, GRPC_STATUS_UNAVAILABLE, "not_applied", "Shutting down");
}

static void test_the_number_of_open_streams_is_bounded(void **state)
{
    struct rpc_fixture *fixture = *state;
    static const char method[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
    struct grpc_client_call *streams[REFLECTION_STREAMS_MAX];
    for (size_t i = 0; i < REFLECTION_STREAMS_MAX; i++) {
        streams[i] = grpc_client_start(fixture->client, method, NULL, RPC_FIXTURE_TIMEOUT_MS);
        ask_for_services(streams[i]);
    }
    struct grpc_client_call *too_many = grpc_client_start(fixture->client, method, NULL, RPC_FIXTURE_TIMEOUT_MS);
    rpc_fixture_assert_error(grpc_client_end(too_many), GRPC_STATUS_RESOURCE_EXHAUSTED, "not_applied", "Too many");
    for (size_t i = 0; i < REFLECTION_STREAMS_MAX; i++) {
        grpc_client_cancel(streams[i]);
        assert_int_equal(grpc_client_end(streams[i]).code, GRPC_STATUS_CANCELLED);
    }
    /* The server hears of the cancellations a little later. */
    int code = GRPC_STATUS_RESOURCE_EXHAUSTED;
    for (int tries = 0; tries < 1000 && code == GRPC_STATUS_RESOURCE_EXHAUSTED; tries++) {
        struct grpc_client_call *again = grpc_client_start(fixture->client, method, NULL, 20);
        code = grpc_client_end(again).code;
    }
    assert_int_equal(code, GRPC_STATUS_DEADLINE_EXCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_check_follows_redis, rpc_fixture_start, rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_watchers_are_told_each_change, rpc_fixture_start, rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_slow_watcher_hears_the_newest_status, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_watch_tells_the_store_and_ends_when_that_changes, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_a_store_that_keeps_changing_leaves_nothing_behind, rpc_fixture_start,
                                        rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_the_number_of_open_streams_is_bounded, rpc_fixture_start, rpc_fixture_end),
        cmocka_unit_test_setup_teardown(test_reflection_answers_each_request_and_an_idle_stream_can_be_ended,
                                        rpc_fixture_start, rpc_fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
