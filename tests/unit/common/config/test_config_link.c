#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ENVIRONMENT_MAX = 16 };

/* One container's environment, and how many of its variables are a link's; the others must be the configuration's. */
struct environment_case {
    size_t link_count;
    const char *variables[ENVIRONMENT_MAX];
};

static const struct environment_case accepted[] = {
    /* A Service "tally". */
    {8,
     {"TALLY_SERVICE_HOST=10.0.0.1", "TALLY_SERVICE_PORT=80", "TALLY_SERVICE_PORT_HTTP=80",
      "TALLY_PORT=tcp://10.0.0.1:80", "TALLY_PORT_80_TCP=tcp://10.0.0.1:80", "TALLY_PORT_80_TCP_PROTO=tcp",
      "TALLY_PORT_80_TCP_PORT=80", "TALLY_PORT_80_TCP_ADDR=10.0.0.1", "TALLY_SERVER_PORT=81"}},
    /* "tally-counter-service": its _PORT is also the variable of counter_service.port. */
    {4,
     {"TALLY_COUNTER_SERVICE_SERVICE_HOST=10.0.0.2", "TALLY_COUNTER_SERVICE_SERVICE_PORT=50051",
      "TALLY_COUNTER_SERVICE_PORT=tcp://10.0.0.2:50051", "TALLY_COUNTER_SERVICE_PORT_50051_TCP=tcp://10.0.0.2:50051"}},
    /* "tally-counter": two of its variables are also those of keys. */
    {4,
     {"TALLY_COUNTER_SERVICE_HOST=10.0.0.3", "TALLY_COUNTER_SERVICE_PORT=80", "TALLY_COUNTER_PORT=tcp://10.0.0.3:80",
      "TALLY_COUNTER_PORT_80_TCP_ADDR=10.0.0.3"}},
    /* ... but for one that the pod's own specification sets. */
    {2,
     {"TALLY_COUNTER_SERVICE_HOST=127.0.0.1", "TALLY_COUNTER_SERVICE_PORT=80", "TALLY_COUNTER_PORT=tcp://10.0.0.3:80"}},
    {2,
     {"TALLY_COUNTER_SERVICE_HOST=10.0.0.3", "TALLY_COUNTER_SERVICE_PORT=9000",
      "TALLY_COUNTER_PORT=tcp://10.0.0.3:80"}},
    /* "tally-counter" and "tally-counter-service" in one namespace, which write one variable. */
    {4,
     {"TALLY_COUNTER_SERVICE_HOST=10.0.0.3", "TALLY_COUNTER_SERVICE_PORT=tcp://10.0.0.2:50051",
      "TALLY_COUNTER_PORT=tcp://10.0.0.3:80", "TALLY_COUNTER_SERVICE_SERVICE_HOST=10.0.0.2"}},
    /* "tally-grpc-counter", "tally-server". */
    {2, {"TALLY_GRPC_COUNTER_SERVICE_HOST=10.0.0.4", "TALLY_GRPC_COUNTER_PORT=tcp://10.0.0.4:80"}},
    {1, {"TALLY_SERVER_PORT=tcp://10.0.0.5:80"}},
    /* IPv6, UDP and SCTP. */
    {5,
     {"TALLY_COUNTER_SERVICE_HOST=fd00::1", "TALLY_COUNTER_SERVICE_PORT=53", "TALLY_COUNTER_PORT=udp://[fd00::1]:53",
      "TALLY_COUNTER_PORT_53_UDP_PROTO=udp", "TALLY_COUNTER_PORT_36412_SCTP=sctp://[fd00::1]:36412"}},
    /* Docker: a container "db" linked as "tally_redis", with a range of ports. */
    {8,
     {"TALLY_REDIS_NAME=/web/tally_redis", "TALLY_REDIS_PORT=tcp://172.17.0.5:6379",
      "TALLY_REDIS_PORT_6379_TCP=tcp://172.17.0.5:6379", "TALLY_REDIS_PORT_6379_TCP_START=tcp://172.17.0.5:6379",
      "TALLY_REDIS_PORT_6379_TCP_PORT_END=6389", "TALLY_REDIS_PORT_6379_TCP_END=tcp://172.17.0.5:6389",
      "TALLY_REDIS_ENV_REDIS_VERSION=7.2", "TALLY_REDIS_ENV_A=", "TALLY_REDIS_PASSWORD=tcp://10.0.0.1:80"}},
    /* No link at all. */
    {0, {"TALLY_COUNTER_SERVICE_HOST=10.0.0.3", "TALLY_COUNTER_SERVICE_PORT=80"}},
    {0, {"TALLY_COUNTER_SERVICE_PORT=50051", "TALLY_GRPC_COUNTER_SERVICE_HOST=service:50051"}},
};

/* Of a link's name with another value, or misspelt: each is refused. */
static const char *const refused[] = {
    "TALLY_REDIS_ADR=10.0.0.1:6379",
    "TALLY_SERVICE_HOST=example.com",
    "TALLY_SERVICE_HOST=",
    "TALLY_SERVICE_PORT=http",
    "TALLY_SERVICE_PORT=",
    "TALLY_SERVICE_PORT=65536",
    "TALLY_SERVICE_PORT=99999999999999999999",
    "TALLY_SERVICE_PORT_=80",
    "TALLY_SERVICE_PORT_HTTP=http",
    "TALLY_PORT=80",
    "TALLY_PORT=http://10.0.0.1:80",
    "TALLY_PORT=tcp://redis:80",
    "TALLY_PORT=tcp://10.0.0.1",
    "TALLY_PORT_80=80",
    "TALLY_PORT_80_TCP=80",
    "TALLY_PORT_x_TCP=tcp://10.0.0.1:80",
    "TALLY_PORT_0_TCP=tcp://10.0.0.1:80",
    "TALLY_PORT_80_ICMP=tcp://10.0.0.1:80",
    "TALLY_PORT_80_TCP_PROTO=http",
    "TALLY_PORT_80_TCP_ADDR=redis",
    "TALLY_PORT_80_TCP_ADDRESS=10.0.0.1",
    "TALLY_REDIS_NAME=redis",
    "TALLY_REDIS_NAME=/redis",
    "TALLY_REDIS_ENV_VERSION=7.2",
    "TALLY_COUNTER_SERVICE_PORT=http://10.0.0.1:80",
    "TALLY_COUNTER_SERVICE_PORT=tcp://service:80",
};

static void test_a_link_is_passed_over_and_the_rest_is_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct error error = {.message = ""};
        struct config *config = config_load_text("test", "", 0, (char *const *)accepted[i].variables, &error);
        assert_string_equal(error.message, "");
        assert_int_equal(config->passed_over_count, accepted[i].link_count);
        assert_int_equal(config->passed_over[0] == '\0', accepted[i].link_count == 0);
        config_free(config);
    }
}

static void test_what_only_looks_like_a_link_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char *const environment[] = {(char *)refused[i], NULL};
        struct error error = {.message = ""};
        struct config *config = config_load_text("test", "", 0, environment, &error);
        if (config != NULL) {
            fail_msg("%s is not refused", refused[i]);
        }
        assert_ptr_equal(strstr(error.message, "environment: TALLY_"), error.message);
    }
}

static struct config *load(char *const *environment)
{
    struct error error = {.message = ""};
    struct config *config = config_load_text("test", "", 0, environment, &error);
    assert_string_equal(error.message, "");
    return config;
}

static void test_the_settings_are_the_default_or_those_of_the_pod(void **state)
{
    (void)state;
    char *const link_of_counter[] = {(char *)"TALLY_COUNTER_SERVICE_HOST=10.0.0.3",
                                     (char *)"TALLY_COUNTER_SERVICE_PORT=80",
                                     (char *)"TALLY_COUNTER_PORT=tcp://10.0.0.3:80", NULL};
    struct config *config = load(link_of_counter);
    assert_string_equal(config->counter_service.host, "0.0.0.0");
    assert_int_equal(config->counter_service.port, 50051);
    assert_string_equal(config->passed_over,
                        "TALLY_COUNTER_SERVICE_HOST TALLY_COUNTER_SERVICE_PORT TALLY_COUNTER_PORT");
    config_free(config);

    char *const port_of_pod[] = {(char *)"TALLY_COUNTER_SERVICE_HOST=10.0.0.3",
                                 (char *)"TALLY_COUNTER_SERVICE_PORT=9000",
                                 (char *)"TALLY_COUNTER_PORT=tcp://10.0.0.3:80", NULL};
    config = load(port_of_pod);
    assert_string_equal(config->counter_service.host, "0.0.0.0");
    assert_int_equal(config->counter_service.port, 9000);
    config_free(config);
}

static void test_more_names_than_there_is_room_for_are_counted(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    char variables[COUNT][64];
    char *environment[COUNT + 1] = {NULL};
    for (int i = 0; i < COUNT; i++) {
        snprintf(variables[i], sizeof(variables[i]), "TALLY_NUMBER_%d_SERVICE_PORT=80", i);
        environment[i] = variables[i];
    }
    struct config *config = load(environment);
    assert_int_equal(config->passed_over_count, COUNT);
    assert_true(strlen(config->passed_over) > sizeof(config->passed_over) - 32);
    assert_ptr_equal(strstr(config->passed_over, "TALLY_NUMBER_0_SERVICE_PORT TALLY"), config->passed_over);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_link_is_passed_over_and_the_rest_is_ours),
        cmocka_unit_test(test_what_only_looks_like_a_link_is_refused),
        cmocka_unit_test(test_the_settings_are_the_default_or_those_of_the_pod),
        cmocka_unit_test(test_more_names_than_there_is_room_for_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
