#include "counter-service/api/service_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static int stores;

static void on_store(void *ctx)
{
    assert_non_null(ctx);
    stores++;
}

/* A watcher whose messages have left as soon as they are sent, and what it was told last. */
static enum serving_status last_told;

static void tell(struct watcher *watcher, enum serving_status status)
{
    last_told = status;
    watcher_told(watcher);
}

static int start(void **state)
{
    static struct service_health health;
    stores = 0;
    last_told = SERVING_UNKNOWN;
    service_health_init(&health, on_store, &stores);
    *state = &health;
    return 0;
}

static int end(void **state)
{
    service_health_done(*state);
    return 0;
}

static const char *refusal = "";
static const struct relay_state no_events = {.role = RELAY_OFF};
static const struct aggregator_state no_rankings = {.role = AGGREGATOR_OFF};

static void assert_document(struct service_health *health, const char *reason, int http_status, const char *status,
                            const char *redis, const char *detail)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(
        service_health_write(health, &(struct service_health_parts){reason, refusal, &no_events, &no_rankings}, &out),
        http_status);
    cJSON *document = cJSON_ParseWithLength(out.data, out.len);
    buffer_done(&out);
    assert_non_null(document);
    assert_string_equal(cJSON_GetObjectItem(document, "status")->valuestring, status);
    const cJSON *component = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "components"), "redis");
    assert_string_equal(cJSON_GetObjectItem(component, "status")->valuestring, redis);
    const cJSON *told = cJSON_GetObjectItem(component, "detail");
    assert_string_equal(told == NULL ? "" : told->valuestring, detail);
    const char *since = cJSON_GetObjectItem(component, "since")->valuestring;
    assert_int_equal(strlen(since), strlen("2026-01-01T00:00:00.000Z"));
    cJSON_Delete(document);
}

static void test_at_the_start_redis_is_not_usable(void **state)
{
    assert_false(service_health_is_serving(*state));
    assert_document(*state, "", 503, "unavailable", "unavailable", "");
    assert_document(*state, "it said \"no\"", 503, "unavailable", "unavailable", "it said \"no\"");
}

static void test_it_serves_while_redis_is_usable(void **state)
{
    service_health_set_redis(*state, true, "");
    assert_true(service_health_is_serving(*state));
    assert_document(*state, "an old reason", 200, "ok", "ok", "");
    service_health_set_redis(*state, false, "");
    assert_false(service_health_is_serving(*state));
    assert_document(*state, "gone", 503, "unavailable", "unavailable", "gone");
}

static void test_it_serves_while_writes_are_refused_and_says_so(void **state)
{
    service_health_set_redis(*state, true, "");
    refusal = "Redis refuses writes: OOM";
    assert_true(service_health_is_serving(*state));
    assert_document(*state, "", 200, "degraded", "degraded", refusal);
    service_health_set_redis(*state, false, "");
    assert_document(*state, "gone", 503, "unavailable", "unavailable", "gone");
    refusal = "";
}

static void test_a_draining_service_does_not_serve_whatever_redis_does(void **state)
{
    service_health_set_redis(*state, true, "");
    service_health_drain(*state);
    assert_false(service_health_is_serving(*state));
    assert_document(*state, "", 503, "draining", "ok", "");
    service_health_set_redis(*state, false, "");
    assert_document(*state, "gone", 503, "draining", "unavailable", "gone");
    service_health_set_redis(*state, true, "");
    assert_false(service_health_is_serving(*state));
}

static cJSON *document_with(struct service_health *health, const struct relay_state *events,
                            const struct aggregator_state *rankings, int http_status)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(service_health_write(health, &(struct service_health_parts){"", "", events, rankings}, &out),
                     http_status);
    cJSON *document = cJSON_ParseWithLength(out.data, out.len);
    buffer_done(&out);
    assert_non_null(document);
    return document;
}

static void test_events_that_are_not_published_degrade_it_and_no_more(void **state)
{
    struct relay_state events = {.role = RELAY_LEADS, .trouble = "no broker", .waiting = 7, .lag_ms = 1500};
    service_health_set_redis(*state, true, "");
    cJSON *document = document_with(*state, &events, &no_rankings, 200);
    assert_string_equal(cJSON_GetObjectItem(document, "status")->valuestring, "degraded");
    const cJSON *component = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "components"), "events");
    assert_string_equal(cJSON_GetObjectItem(component, "status")->valuestring, "degraded");
    assert_string_equal(cJSON_GetObjectItem(component, "detail")->valuestring, "no broker");
    assert_string_equal(cJSON_GetObjectItem(component, "relay")->valuestring, "leads");
    assert_true(cJSON_GetObjectItem(component, "waiting")->valuedouble == 7);
    assert_true(cJSON_GetObjectItem(component, "lag_seconds")->valuedouble == 1.5);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(component, "last_published")));
    cJSON_Delete(document);

    events = (struct relay_state){.role = RELAY_STANDS_BY, .published_us = 1};
    document = document_with(*state, &events, &no_rankings, 200);
    assert_string_equal(cJSON_GetObjectItem(document, "status")->valuestring, "ok");
    cJSON_Delete(document);

    service_health_set_redis(*state, false, "");
    cJSON_Delete(document_with(*state, &events, &no_rankings, 503));
}

static void test_rankings_that_are_not_kept_degrade_it_and_no_more(void **state)
{
    struct aggregator_state rankings = {
        .role = AGGREGATOR_LEADS, .trouble = "damaged", .waiting = 9, .lag_ms = 2500, .incomplete_count = 3};
    service_health_set_redis(*state, true, "");
    cJSON *document = document_with(*state, &no_events, &rankings, 200);
    assert_string_equal(cJSON_GetObjectItem(document, "status")->valuestring, "degraded");
    const cJSON *component = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "components"), "rankings");
    assert_string_equal(cJSON_GetObjectItem(component, "status")->valuestring, "degraded");
    assert_string_equal(cJSON_GetObjectItem(component, "detail")->valuestring, "damaged");
    assert_string_equal(cJSON_GetObjectItem(component, "aggregator")->valuestring, "leads");
    assert_true(cJSON_GetObjectItem(component, "waiting")->valuedouble == 9);
    assert_true(cJSON_GetObjectItem(component, "lag_seconds")->valuedouble == 2.5);
    assert_true(cJSON_GetObjectItem(component, "incomplete")->valuedouble == 3);
    cJSON_Delete(document);
    rankings = (struct aggregator_state){.role = AGGREGATOR_STANDS_BY};
    document = document_with(*state, &no_events, &rankings, 200);
    assert_string_equal(cJSON_GetObjectItem(document, "status")->valuestring, "ok");
    cJSON_Delete(document);
}

/* Checks what /health says of it too. */
static void assert_store(struct service_health *health, const char *store_id)
{
    char known[STORE_ID_SIZE];
    service_health_read_store_id(health, known);
    assert_string_equal(known, store_id);
    struct buffer out;
    buffer_init(&out);
    (void)service_health_write(health, &(struct service_health_parts){"", "", &no_events, &no_rankings}, &out);
    cJSON *document = cJSON_ParseWithLength(out.data, out.len);
    buffer_done(&out);
    const cJSON *component = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "components"), "redis");
    const cJSON *told = cJSON_GetObjectItem(component, "store_id");
    assert_non_null(told);
    assert_string_equal(cJSON_IsNull(told) ? "" : told->valuestring, store_id);
    cJSON_Delete(document);
}

static void test_the_store_is_the_last_one_that_redis_told(void **state)
{
    static const char one[] = "0123456789abcdef0123456789abcdef";
    static const char other[] = "fedcba9876543210fedcba9876543210";
    assert_store(*state, "");
    service_health_set_redis(*state, true, one);
    assert_store(*state, one);
    service_health_set_redis(*state, false, "");
    assert_store(*state, one);
    service_health_set_redis(*state, true, other);
    assert_store(*state, other);
    assert_int_equal(stores, 2);
    service_health_set_redis(*state, true, other);
    assert_int_equal(stores, 2);
}

static void test_watchers_are_told_of_each_change(void **state)
{
    struct watcher watcher = {.tell = tell};
    struct watcher stranger = {.tell = tell};
    service_health_watch(*state, &watcher, true);
    assert_int_equal(last_told, NOT_SERVING);
    service_health_set_redis(*state, true, "");
    assert_int_equal(last_told, SERVING);
    service_health_watch(*state, &stranger, false);
    assert_int_equal(last_told, SERVICE_UNKNOWN);
    service_health_unwatch(*state, &stranger);
    service_health_drain(*state);
    assert_int_equal(last_told, NOT_SERVING);
    service_health_unwatch(*state, &watcher);
}

static void keep(struct watcher *watcher, enum serving_status status)
{
    (void)watcher;
    last_told = status;
}

static void test_what_changes_while_a_message_is_on_its_way_is_told_after_it(void **state)
{
    struct watcher watcher = {.tell = keep};
    service_health_watch(*state, &watcher, true);
    service_health_set_redis(*state, true, "");
    assert_int_equal(last_told, NOT_SERVING);
    service_health_told(*state, &watcher);
    assert_int_equal(last_told, SERVING);
    service_health_unwatch(*state, &watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_the_start_redis_is_not_usable, start, end),
        cmocka_unit_test_setup_teardown(test_it_serves_while_redis_is_usable, start, end),
        cmocka_unit_test_setup_teardown(test_the_store_is_the_last_one_that_redis_told, start, end),
        cmocka_unit_test_setup_teardown(test_watchers_are_told_of_each_change, start, end),
        cmocka_unit_test_setup_teardown(test_what_changes_while_a_message_is_on_its_way_is_told_after_it, start, end),
        cmocka_unit_test_setup_teardown(test_it_serves_while_writes_are_refused_and_says_so, start, end),
        cmocka_unit_test_setup_teardown(test_rankings_that_are_not_kept_degrade_it_and_no_more, start, end),
        cmocka_unit_test_setup_teardown(test_events_that_are_not_published_degrade_it_and_no_more, start, end),
        cmocka_unit_test_setup_teardown(test_a_draining_service_does_not_serve_whatever_redis_does, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
