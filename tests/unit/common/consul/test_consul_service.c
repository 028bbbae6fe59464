#include "common/consul/consul_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static const struct consul_service gateway = {
    .name = "gateway",
    .host = "fe80::1",
    .port = 8080,
    .version = "1.2.3",
    .metrics_port = 8080,
    .http_path = "/health/ready",
    .interval_ms = 1000,
};

static cJSON *json_of(const struct consul_service *service)
{
    char *text = consul_service_json(service);
    assert_non_null(text);
    cJSON *body = cJSON_Parse(text);
    assert_non_null(body);
    free(text);
    return body;
}

static void test_a_gateway_is_checked_over_http(void **state)
{
    (void)state;
    cJSON *body = json_of(&gateway);
    const cJSON *check = cJSON_GetObjectItem(body, "Check");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(check, "HTTP")), "http://[fe80::1]:8080/health/ready");
    assert_null(cJSON_GetObjectItem(check, "GRPC"));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(body, "Address")), "fe80::1");
    cJSON_Delete(body);
}

static void test_a_check_ends_before_the_next_one(void **state)
{
    (void)state;
    struct consul_service service = gateway;
    cJSON *body = json_of(&service);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Check"), "Timeout")),
                        "500ms");
    cJSON_Delete(body);
    service.interval_ms = 600 * 1000;
    body = json_of(&service);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Check"), "Timeout")),
                        "2000ms");
    cJSON_Delete(body);
}

static void test_no_partitions_are_not_told(void **state)
{
    (void)state;
    cJSON *body = json_of(&gateway);
    assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Meta"), "partitions"));
    cJSON_Delete(body);
}

static void test_the_store_is_told_where_there_is_one(void **state)
{
    (void)state;
    struct consul_service service = gateway;
    cJSON *body = json_of(&service);
    assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Meta"), "store_id"));
    cJSON_Delete(body);
    service.store_id = "";
    body = json_of(&service);
    assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Meta"), "store_id"));
    cJSON_Delete(body);
    service.store_id = "0123456789abcdef0123456789abcdef";
    body = json_of(&service);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Meta"), "store_id")),
                        service.store_id);
    cJSON_Delete(body);
}

static void test_ipv6_has_brackets_in_a_grpc_check(void **state)
{
    (void)state;
    struct consul_service service = gateway;
    service.http_path = NULL;
    service.grpc_service = "tally.v1.CounterService";
    cJSON *body = json_of(&service);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "Check"), "GRPC")),
                        "[fe80::1]:8080/tally.v1.CounterService");
    cJSON_Delete(body);
}

static void test_the_id_says_what_and_where(void **state)
{
    (void)state;
    char id[CONSUL_SERVICE_ID_SIZE];
    consul_service_id(&gateway, id);
    assert_string_equal(id, "gateway-fe80::1-8080");
    char host[HOST_SIZE];
    memset(host, 'a', sizeof(host));
    host[HOST_SIZE - 1] = '\0';
    struct consul_service service = gateway;
    service.host = host;
    consul_service_id(&service, id);
    assert_string_equal(id + strlen(id) - 5, "-8080");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gateway_is_checked_over_http),
        cmocka_unit_test(test_a_check_ends_before_the_next_one),
        cmocka_unit_test(test_no_partitions_are_not_told),
        cmocka_unit_test(test_ipv6_has_brackets_in_a_grpc_check),
        cmocka_unit_test(test_the_store_is_told_where_there_is_one),
        cmocka_unit_test(test_the_id_says_what_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
