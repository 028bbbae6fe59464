/* `tracing:`: a URL, headers that are secret, and a ratio. */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config/config_units.h"

static struct config *load(const char *yaml, char *variable, struct error *error)
{
    char *const environment[] = {variable, NULL};
    return config_load_text("test.yaml", yaml, strlen(yaml), environment, error);
}

static struct config *load_fine(const char *yaml, char *variable)
{
    struct error error = {.message = ""};
    struct config *config = load(yaml, variable, &error);
    assert_string_equal(error.message, "");
    assert_non_null(config);
    return config;
}

static void assert_refused(const char *yaml, char *variable, const char *message)
{
    struct error error = {.message = ""};
    assert_null(load(yaml, variable, &error));
    assert_string_equal(error.message, message);
}

static void test_it_is_off_by_itself(void **state)
{
    (void)state;
    struct config *config = load_fine("", NULL);
    assert_string_equal(config->tracing.endpoint, "");
    assert_int_equal(config->tracing.header_count, 0);
    assert_int_equal(config->tracing.sample_ratio_ppb, CONFIG_RATIO_ONE / 100);
    config_free(config);
}

static void test_a_file_sets_every_key(void **state)
{
    (void)state;
    struct config *config = load_fine("tracing:\n"
                                      "  endpoint: https://otlp.example.com/base\n"
                                      "  headers: ['Authorization: Bearer a,b', 'X-Tenant: me']\n"
                                      "  sample_ratio: 0.5\n",
                                      NULL);
    assert_string_equal(config->tracing.endpoint, "https://otlp.example.com/base");
    assert_int_equal(config->tracing.header_count, 2);
    assert_string_equal(config->tracing.headers[0], "Authorization: Bearer a,b");
    assert_string_equal(config->tracing.headers[1], "X-Tenant: me");
    assert_int_equal(config->tracing.sample_ratio_ppb, CONFIG_RATIO_ONE / 2);
    config_free(config);
}

static void test_the_environment_wins(void **state)
{
    (void)state;
    struct config *config = load_fine("tracing: {sample_ratio: 0.5}", "TALLY_TRACING_SAMPLE_RATIO=1");
    assert_int_equal(config->tracing.sample_ratio_ppb, CONFIG_RATIO_ONE);
    config_free(config);
    config = load_fine("", "TALLY_TRACING_HEADERS=A: 1,B: 2");
    assert_int_equal(config->tracing.header_count, 2);
    assert_string_equal(config->tracing.headers[1], "B: 2");
    config_free(config);
}

static void test_headers_are_read_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/tally-headers-XXXXXX";
    char variable[64];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "X-Key: hunter2\n", 15), 15);
    close(fd);
    snprintf(variable, sizeof(variable), "TALLY_TRACING_HEADERS_FILE=%s", path);
    struct config *config = load_fine("", variable);
    unlink(path);
    assert_int_equal(config->tracing.header_count, 1);
    assert_string_equal(config->tracing.headers[0], "X-Key: hunter2");
    config_free(config);
}

static void test_headers_are_not_printed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct config *config = load_fine("tracing: {headers: ['X-Key: hunter2'], sample_ratio: 0.25}", NULL);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    assert_non_null(strstr(
        text, "tracing:\n  endpoint: \"\"\n  headers: [\"********\"]\n  sample_ratio: 0.25\n  max_per_second: 1000\n"));
    assert_null(strstr(text, "hunter2"));
    free(text);
    config_free(config);
}

static void test_what_breaks_a_rule_is_told_with_key_and_rule(void **state)
{
    (void)state;
    assert_refused("tracing: {endpoint: 'localhost:4318'}", NULL,
                   "test.yaml: tracing.endpoint must be a URL like http://127.0.0.1:4318, without user, ? and #, not "
                   "\"localhost:4318\"");
    assert_refused("", "TALLY_TRACING_ENDPOINT=grpc://a",
                   "environment: TALLY_TRACING_ENDPOINT (tracing.endpoint) must be a URL like http://127.0.0.1:4318, "
                   "without user, ? and #, not \"grpc://a\"");
    assert_refused("tracing: {sample_ratio: 1.01}", NULL,
                   "test.yaml: tracing.sample_ratio must be a decimal number from 0 to 1 (like 0.01, with at most nine "
                   "digits), not \"1.01\"");
    assert_refused("tracing: {sample_ratio: 1%}", NULL,
                   "test.yaml: tracing.sample_ratio must be a decimal number from 0 to 1 (like 0.01, with at most nine "
                   "digits), not \"1%\"");
    /* No value of a secret is repeated. */
    assert_refused("tracing: {headers: ['hunter2']}", NULL,
                   "test.yaml: tracing.headers must be a list of \"Name: value\", with no name that says how a body is "
                   "sent (Content-Type, ...)");
    assert_refused("tracing: {headers: ['Content-Type: text/plain']}", NULL,
                   "test.yaml: tracing.headers must be a list of \"Name: value\", with no name that says how a body is "
                   "sent (Content-Type, ...)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_off_by_itself),
        cmocka_unit_test(test_a_file_sets_every_key),
        cmocka_unit_test(test_the_environment_wins),
        cmocka_unit_test(test_headers_are_read_from_a_file),
        cmocka_unit_test(test_headers_are_not_printed),
        cmocka_unit_test(test_what_breaks_a_rule_is_told_with_key_and_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
