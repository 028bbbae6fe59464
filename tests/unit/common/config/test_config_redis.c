/* `redis:`: where it is, how it is reached, and what belongs together. */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *const no_environment[] = {NULL};

static struct config *load_with(const char *yaml, char *const *environment)
{
    struct error error = {.message = ""};
    struct config *config = config_load_text("test.yaml", yaml, strlen(yaml), environment, &error);
    assert_string_equal(error.message, "");
    assert_non_null(config);
    return config;
}

static void assert_fine(const char *yaml)
{
    config_free(load_with(yaml, no_environment));
}

static void assert_refused(const char *yaml, const char *sentence)
{
    struct error error = {.message = ""};
    assert_null(config_load_text("test.yaml", yaml, strlen(yaml), no_environment, &error));
    if (strstr(error.message, sentence) == NULL) {
        fail_msg("%s: \"%s\" says nothing of \"%s\"", yaml, error.message, sentence);
    }
}

static void assert_prints(const struct config *config, const char *line)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    if (strstr(text, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, text);
    }
    free(text);
}

static void test_one_redis_is_a_seed(void **state)
{
    (void)state;
    struct config *config = load_with("log: {}", no_environment);
    assert_int_equal(config->redis.addr_count, 1);
    assert_string_equal(config->redis.addrs[0], "localhost:6379");
    assert_int_equal(config->redis.tls, CONFIG_FALSE);
    assert_string_equal(config->redis.username, "");
    assert_prints(config, "addr: \"localhost:6379\"\n");
    config_free(config);
}

static void test_several_seeds_have_commas_between(void **state)
{
    (void)state;
    struct config *config = load_with("redis: {addr: \"a:1,[::1]:2,unix:/run/r.sock\"}", no_environment);
    assert_int_equal(config->redis.addr_count, 3);
    assert_string_equal(config->redis.addrs[0], "a:1");
    assert_string_equal(config->redis.addrs[1], "[::1]:2");
    assert_string_equal(config->redis.addrs[2], "unix:/run/r.sock");
    assert_prints(config, "addr: \"a:1,[::1]:2,unix:/run/r.sock\"\n");
    config_free(config);
}

static void test_the_environment_sets_all_of_it(void **state)
{
    (void)state;
    char *const environment[] = {"TALLY_REDIS_ADDR=a:1,b:2",
                                 "TALLY_REDIS_USERNAME=tally",
                                 "TALLY_REDIS_PASSWORD=secret",
                                 "TALLY_REDIS_TLS=true",
                                 "TALLY_REDIS_TLS_CA=/ca.pem",
                                 "TALLY_REDIS_TLS_CERT=/c.pem",
                                 "TALLY_REDIS_TLS_KEY=/k.pem",
                                 "TALLY_REDIS_TLS_SERVER_NAME=redis.example",
                                 NULL};
    struct config *config = load_with("redis: {addr: \"c:3\"}", environment);
    assert_int_equal(config->redis.addr_count, 2);
    assert_string_equal(config->redis.addrs[1], "b:2");
    assert_string_equal(config->redis.username, "tally");
    assert_int_equal(config->redis.tls, CONFIG_TRUE);
    assert_string_equal(config->redis.tls_ca, "/ca.pem");
    assert_string_equal(config->redis.tls_cert, "/c.pem");
    assert_string_equal(config->redis.tls_key, "/k.pem");
    assert_string_equal(config->redis.tls_server_name, "redis.example");
    config_free(config);
}

static void test_what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char rule[] = "redis.addr must be host:port or unix:/path, or several of them with commas between";
    assert_refused("redis: {addr: \"\"}", rule);
    assert_refused("redis: {addr: \"a:1,\"}", rule);
    assert_refused("redis: {addr: \"a:1, b:2\"}", rule);
    assert_refused("redis: {addr: \"unix:redis.sock\"}", rule);
    assert_refused("redis: {addr: \"unix:\"}", rule);
    assert_refused("redis: {addr: \"rediss://a:1\"}", rule);
    assert_refused("redis: {tls_server_name: \"a:1\"}", "redis.tls_server_name must be an address or a host name");
}

static void test_a_username_needs_a_password(void **state)
{
    (void)state;
    assert_refused("redis: {username: tally}", "redis.username needs redis.password");
    assert_fine("redis: {username: tally, password: x}");
}

static void test_keys_of_tls_need_tls(void **state)
{
    (void)state;
    assert_refused("redis: {tls_ca: /a.pem}", "redis.tls_ca needs redis.tls true");
    assert_refused("redis: {tls_cert: /a.pem, tls_key: /b.pem}", "redis.tls_cert needs redis.tls true");
    assert_refused("redis: {tls_key: /a.pem}", "redis.tls_key needs redis.tls true");
    assert_refused("redis: {tls_server_name: a, tls: false}", "redis.tls_server_name needs redis.tls true");
    assert_refused("redis: {tls: on}", "redis.tls must be one of false, true");
    assert_fine("redis: {tls: true, tls_ca: /a.pem, tls_server_name: 10.0.0.1}");
}

static void test_a_certificate_needs_its_key(void **state)
{
    (void)state;
    assert_refused("redis: {tls: true, tls_cert: /a.pem}", "redis.tls_cert and redis.tls_key must be set together");
    assert_refused("redis: {tls: true, tls_key: /a.pem}", "redis.tls_cert and redis.tls_key must be set together");
    assert_fine("redis: {tls: true, tls_cert: /a.pem, tls_key: /b.pem}");
}

static void test_a_unix_socket_has_no_tls(void **state)
{
    (void)state;
    assert_refused("redis: {tls: true, addr: \"a:1,unix:/r.sock\"}", "a Unix socket has no TLS");
    assert_fine("redis: {addr: \"unix:/r.sock\"}");
}

static void test_sentinels_are_a_list(void **state)
{
    (void)state;
    struct config *config =
        load_with("redis: {sentinel_addrs: [\"a:1\", \"b:2\"], sentinel_password: hidden}", no_environment);
    assert_int_equal(config->redis.sentinel_addr_count, 2);
    assert_string_equal(config->redis.sentinel_addrs[1], "b:2");
    assert_string_equal(config->redis.sentinel_master, "mymaster");
    assert_prints(config, "sentinel_addrs: [\"a:1\", \"b:2\"]\n");
    assert_prints(config, "sentinel_password: \"********\"\n");
    config_free(config);
}

static void test_no_sentinels_are_the_default(void **state)
{
    (void)state;
    struct config *config = load_with("log: {}", no_environment);
    assert_int_equal(config->redis.sentinel_addr_count, 0);
    assert_prints(config, "sentinel_addrs: []\n");
    config_free(config);
}

static void test_the_environment_sets_the_sentinels(void **state)
{
    (void)state;
    char *const environment[] = {"TALLY_REDIS_MODE=sentinel",
                                 "TALLY_REDIS_SENTINEL_MASTER=tally",
                                 "TALLY_REDIS_SENTINEL_ADDRS=a:1,b:2",
                                 "TALLY_REDIS_SENTINEL_USERNAME=who",
                                 "TALLY_REDIS_SENTINEL_PASSWORD=secret",
                                 NULL};
    struct config *config = load_with("redis: {}", environment);
    assert_int_equal(config->redis.mode, REDIS_MODE_SENTINEL);
    assert_string_equal(config->redis.sentinel_master, "tally");
    assert_string_equal(config->redis.sentinel_addrs[0], "a:1");
    assert_string_equal(config->redis.sentinel_username, "who");
    assert_string_equal(config->redis.sentinel_password, "secret");
    config_free(config);
}

static void test_sentinels_and_the_mode_go_together(void **state)
{
    (void)state;
    assert_refused("redis: {mode: sentinel}", "redis.mode sentinel needs redis.sentinel_addrs");
    assert_refused("redis: {mode: single, sentinel_addrs: [\"a:1\"]}", "redis.sentinel_addrs needs redis.mode auto");
    assert_refused("redis: {mode: cluster, sentinel_addrs: [\"a:1\"]}", "redis.sentinel_addrs needs redis.mode auto");
    assert_refused("redis: {sentinel_addrs: [\"a:1\"], sentinel_master: \"\"}",
                   "redis.sentinel_addrs needs redis.sentinel_master");
    assert_refused("redis: {sentinel_addrs: [\"unix:/s\"]}", "redis.sentinel_addrs must be");
    assert_refused("redis: {sentinel_password: x}", "redis.sentinel_password needs redis.sentinel_addrs");
    assert_refused("redis: {sentinel_addrs: [\"a:1\"], sentinel_username: x}",
                   "redis.sentinel_username needs redis.sentinel_password");
    assert_fine("redis: {mode: auto, sentinel_addrs: [\"a:1\"]}");
    assert_fine("redis: {mode: sentinel, sentinel_addrs: [\"a:1\"], sentinel_username: x, sentinel_password: y}");
}

static void test_replicas_are_awaited_for_less_than_an_attempt(void **state)
{
    (void)state;
    static const char rule[] = "redis.wait_timeout must be less than grpc.counter_service.attempt_timeout";
    assert_refused("redis: {wait_replicas: 1, wait_timeout: 600ms}", rule);
    assert_refused("{redis: {wait_replicas: 1}, grpc: {counter_service: {attempt_timeout: 100ms}}}", rule);
    assert_fine("redis: {wait_replicas: 1, wait_timeout: 599ms}");
    assert_fine("redis: {wait_timeout: 10s}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_redis_is_a_seed),
        cmocka_unit_test(test_several_seeds_have_commas_between),
        cmocka_unit_test(test_the_environment_sets_all_of_it),
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_a_username_needs_a_password),
        cmocka_unit_test(test_keys_of_tls_need_tls),
        cmocka_unit_test(test_a_certificate_needs_its_key),
        cmocka_unit_test(test_a_unix_socket_has_no_tls),
        cmocka_unit_test(test_sentinels_are_a_list),
        cmocka_unit_test(test_no_sentinels_are_the_default),
        cmocka_unit_test(test_the_environment_sets_the_sentinels),
        cmocka_unit_test(test_sentinels_and_the_mode_go_together),
        cmocka_unit_test(test_replicas_are_awaited_for_less_than_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
