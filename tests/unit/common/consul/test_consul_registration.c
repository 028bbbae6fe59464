#include "common/consul/consul_registration.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/scripted_http.h"
#include "tests/fakes/wait_for.h"

#define REGISTER "PUT /v1/agent/service/register?replace-existing-checks=true HTTP/1.1\r\n"
#define ID "counter-service-10.0.0.7-50051"
#define LOOK "GET /v1/agent/service/" ID " HTTP/1.1\r\n"
#define DEREGISTER "PUT /v1/agent/service/deregister/" ID " HTTP/1.1\r\n"

/* What the agent is like; set by the test, read by the server's thread. */
struct fake_agent {
    struct scripted_http *server;
    atomic_bool knows;    /* the service */
    atomic_bool fails;    /* every request with 500 */
    atomic_bool is_stuck; /* no answers */
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void answer(void *ctx, const char *request, struct buffer *out)
{
    struct fake_agent *agent = ctx;
    if (atomic_load(&agent->is_stuck)) {
        return;
    }
    if (atomic_load(&agent->fails)) {
        scripted_http_reply(out, 500, NULL, "No cluster leader");
    } else if (starts_with(request, REGISTER)) {
        atomic_store(&agent->knows, true);
        scripted_http_reply(out, 200, NULL, "");
    } else if (starts_with(request, "GET /v1/agent/service/") && !atomic_load(&agent->knows)) {
        scripted_http_reply(out, 404, NULL, "unknown service ID");
    } else {
        scripted_http_reply(out, 200, NULL, "\"127.0.0.1:8300\"");
    }
}

static void start_agent(struct fake_agent *agent)
{
    atomic_init(&agent->knows, false);
    atomic_init(&agent->fails, false);
    atomic_init(&agent->is_stuck, false);
    agent->server = scripted_http_start(answer, agent);
    assert_non_null(agent->server);
}

static struct consul_registration_options options_for(const char *address)
{
    return (struct consul_registration_options){
        .address = address,
        .token = "",
        .advertise_host = "",
        .service = {.name = "counter-service",
                    .host = "10.0.0.7",
                    .port = 50051,
                    .version = "1.2.3",
                    .metrics_port = 50052,
                    .partitions = 1,
                    .grpc_service = "tally.v1.CounterService",
                    .interval_ms = 10 * 1000},
    };
}

static struct consul_registration *create(const struct consul_registration_options *options)
{
    struct error error = {.message = ""};
    struct consul_registration *registration = consul_registration_create(options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(registration);
    return registration;
}

static struct consul_registration *register_with(struct fake_agent *agent)
{
    const struct consul_registration_options options = options_for(scripted_http_address(agent->server));
    return create(&options);
}

static void stop(struct fake_agent *agent, struct consul_registration *registration)
{
    consul_registration_free(registration);
    scripted_http_stop(agent->server);
}

static cJSON *body_of(const char *request)
{
    assert_non_null(request);
    cJSON *body = cJSON_Parse(strstr(request, "\r\n\r\n") + 4);
    assert_non_null(body);
    return body;
}

static const char *text_at(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text == NULL ? "(none)" : text;
}

static void test_what_is_registered(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    cJSON *body = body_of(scripted_http_wait(agent.server, REGISTER, 1));
    assert_string_equal(text_at(body, "ID"), ID);
    assert_string_equal(text_at(body, "Name"), "counter-service");
    assert_string_equal(text_at(body, "Address"), "10.0.0.7");
    assert_int_equal(cJSON_GetObjectItem(body, "Port")->valueint, 50051);
    const cJSON *meta = cJSON_GetObjectItem(body, "Meta");
    assert_string_equal(text_at(meta, "version"), "1.2.3");
    assert_string_equal(text_at(meta, "metrics_port"), "50052");
    assert_string_equal(text_at(meta, "partitions"), "1");
    const cJSON *check = cJSON_GetObjectItem(body, "Check");
    assert_string_equal(text_at(check, "CheckID"), ID "-health");
    assert_string_equal(text_at(check, "GRPC"), "10.0.0.7:50051/tally.v1.CounterService");
    assert_string_equal(text_at(check, "HTTP"), "(none)");
    assert_string_equal(text_at(check, "Interval"), "10000ms");
    assert_string_equal(text_at(check, "Timeout"), "2000ms");
    assert_string_equal(text_at(check, "DeregisterCriticalServiceAfter"), "10m");
    assert_string_equal(text_at(check, "Status"), "(none)");
    cJSON_Delete(body);
    stop(&agent, registration);
}

static void test_a_token_is_sent(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration_options options = options_for(scripted_http_address(agent.server));
    options.token = "s3cret";
    struct consul_registration *registration = create(&options);
    const char *request = scripted_http_wait(agent.server, REGISTER, 1);
    assert_non_null(request);
    assert_non_null(strstr(request, "\r\nX-Consul-Token: s3cret\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    consul_registration_deregister(registration);
    request = scripted_http_wait(agent.server, DEREGISTER, 1);
    assert_non_null(request);
    assert_non_null(strstr(request, "\r\nX-Consul-Token: s3cret\r\n"));
    stop(&agent, registration);
}

static void test_behind_a_wildcard_is_the_own_end_of_the_connection(void **state)
{
    (void)state;
    static const char *const wildcards[] = {"0.0.0.0", "::"};
    for (size_t i = 0; i < sizeof(wildcards) / sizeof(wildcards[0]); i++) {
        struct fake_agent agent;
        start_agent(&agent);
        struct consul_registration_options options = options_for(scripted_http_address(agent.server));
        options.service.host = wildcards[i];
        struct consul_registration *registration = create(&options);
        cJSON *body = body_of(scripted_http_wait(agent.server, REGISTER, 1));
        assert_string_equal(text_at(body, "ID"), "counter-service-127.0.0.1-50051");
        assert_string_equal(text_at(body, "Address"), "127.0.0.1");
        cJSON_Delete(body);
        stop(&agent, registration);
    }
}

static void test_an_advertised_host_goes_before_all(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration_options options = options_for(scripted_http_address(agent.server));
    options.service.host = "0.0.0.0";
    options.advertise_host = "tally.example";
    struct consul_registration *registration = create(&options);
    cJSON *body = body_of(scripted_http_wait(agent.server, REGISTER, 1));
    assert_string_equal(text_at(body, "ID"), "counter-service-tally.example-50051");
    assert_string_equal(text_at(body, "Address"), "tally.example");
    assert_string_equal(text_at(cJSON_GetObjectItem(body, "Check"), "GRPC"),
                        "tally.example:50051/tally.v1.CounterService");
    cJSON_Delete(body);
    stop(&agent, registration);
}

static void test_a_lost_service_is_registered_again(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    assert_non_null(scripted_http_wait(agent.server, LOOK, 1));
    assert_int_equal(scripted_http_count(agent.server, REGISTER), 1);
    atomic_store(&agent.knows, false);
    assert_non_null(scripted_http_wait(agent.server, REGISTER, 2));
    stop(&agent, registration);
}

/* What the service has for a store: changed by the test, read by the registration's thread. */
struct fake_store_id {
    pthread_mutex_t lock;
    char id[STORE_ID_SIZE];
};

static void set_store(struct fake_store_id *store, const char *id)
{
    pthread_mutex_lock(&store->lock);
    snprintf(store->id, sizeof(store->id), "%s", id);
    pthread_mutex_unlock(&store->lock);
}

static void read_store(void *ctx, struct consul_store *ret_store)
{
    struct fake_store_id *store = ctx;
    pthread_mutex_lock(&store->lock);
    memcpy(ret_store->store_id, store->id, STORE_ID_SIZE);
    ret_store->partitions = store->id[0] != '\0' ? 64 : 0;
    pthread_mutex_unlock(&store->lock);
}

static void assert_registered_with(struct fake_agent *agent, size_t number, const char *store_id)
{
    cJSON *body = body_of(scripted_http_wait(agent->server, REGISTER, number));
    assert_string_equal(text_at(body, "ID"), ID);
    const cJSON *meta = cJSON_GetObjectItem(body, "Meta");
    assert_string_equal(text_at(meta, "store_id"), store_id);
    assert_string_equal(text_at(meta, "partitions"), strcmp(store_id, "(none)") != 0 ? "64" : "(none)");
    cJSON_Delete(body);
}

static void test_a_store_that_becomes_known_or_changes_is_told(void **state)
{
    (void)state;
    static const char one[] = "0123456789abcdef0123456789abcdef";
    static const char other[] = "fedcba9876543210fedcba9876543210";
    struct fake_store_id store = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration_options options = options_for(scripted_http_address(agent.server));
    options.read_store = read_store;
    options.ctx = &store;
    struct consul_registration *registration = create(&options);
    assert_registered_with(&agent, 1, "(none)");
    set_store(&store, one);
    assert_registered_with(&agent, 2, one);
    atomic_store(&agent.fails, true);
    set_store(&store, other);
    assert_registered_with(&agent, 3, other); /* refused */
    WAIT_FOR(metrics_text_value("tally_consul_registered", -1) == 0);
    atomic_store(&agent.fails, false);
    WAIT_FOR(metrics_text_value("tally_consul_registered", -1) == 1);
    assert_registered_with(&agent, scripted_http_count(agent.server, REGISTER), other);
    const size_t count = scripted_http_count(agent.server, REGISTER);
    assert_non_null(scripted_http_wait(agent.server, LOOK, 2));
    assert_int_equal(scripted_http_count(agent.server, REGISTER), count);
    stop(&agent, registration);
}

static double gauge(void)
{
    return metrics_text_value("tally_consul_registered", -1);
}

static void wait_for_gauge(double value)
{
    WAIT_FOR(gauge() == value);
}

static void test_an_agent_that_comes_back_gets_the_service_again(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    wait_for_gauge(1);
    atomic_store(&agent.fails, true);
    wait_for_gauge(0);
    atomic_store(&agent.fails, false);
    wait_for_gauge(1);
    assert_true(scripted_http_count(agent.server, REGISTER) >= 2);
    stop(&agent, registration);
    assert_true(gauge() == -1);
}

static void test_deregistering_removes_it_once_and_for_all(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    wait_for_gauge(1);
    consul_registration_deregister(registration);
    assert_int_equal(scripted_http_count(agent.server, DEREGISTER), 1);
    assert_true(gauge() == 0);
    const char *request = scripted_http_wait(agent.server, DEREGISTER, 1);
    assert_non_null(strstr(request, "\r\nContent-Length: 0\r\n"));
    atomic_store(&agent.knows, false);
    consul_registration_deregister(registration);
    clock_sleep_ms(1500); /* longer than between two looks whether the agent still knows it */
    assert_int_equal(scripted_http_count(agent.server, DEREGISTER), 1);
    assert_int_equal(scripted_http_count(agent.server, REGISTER), 1);
    stop(&agent, registration);
}

static void test_an_agent_that_is_stuck_holds_up_deregistering_for_a_bounded_time(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    wait_for_gauge(1);
    atomic_store(&agent.is_stuck, true);
    const int64_t start_us = clock_monotonic_us();
    consul_registration_deregister(registration);
    /* A second; the rest is for a busy machine. */
    assert_true(clock_monotonic_us() - start_us < INT64_C(20) * 1000 * 1000);
    stop(&agent, registration);
}

static void test_an_agent_that_is_not_there_blocks_nobody(void **state)
{
    (void)state;
    const int64_t start_us = clock_monotonic_us();
    const struct consul_registration_options options = options_for("127.0.0.1:1");
    struct consul_registration *registration = create(&options);
    clock_sleep_ms(50);
    assert_true(gauge() == 0);
    consul_registration_deregister(registration);
    consul_registration_free(registration);
    consul_registration_free(NULL);
    assert_true(clock_monotonic_us() - start_us < INT64_C(20) * 1000 * 1000);
}

static void test_freeing_alone_leaves_it_registered(void **state)
{
    (void)state;
    struct fake_agent agent;
    start_agent(&agent);
    struct consul_registration *registration = register_with(&agent);
    wait_for_gauge(1);
    consul_registration_free(registration);
    assert_int_equal(scripted_http_count(agent.server, DEREGISTER), 0);
    scripted_http_stop(agent.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_registered),
        cmocka_unit_test(test_a_token_is_sent),
        cmocka_unit_test(test_behind_a_wildcard_is_the_own_end_of_the_connection),
        cmocka_unit_test(test_an_advertised_host_goes_before_all),
        cmocka_unit_test(test_a_lost_service_is_registered_again),
        cmocka_unit_test(test_a_store_that_becomes_known_or_changes_is_told),
        cmocka_unit_test(test_an_agent_that_comes_back_gets_the_service_again),
        cmocka_unit_test(test_deregistering_removes_it_once_and_for_all),
        cmocka_unit_test(test_an_agent_that_is_stuck_holds_up_deregistering_for_a_bounded_time),
        cmocka_unit_test(test_an_agent_that_is_not_there_blocks_nobody),
        cmocka_unit_test(test_freeing_alone_leaves_it_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
