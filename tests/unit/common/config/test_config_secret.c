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

enum { NAME_SIZE = 32, VARIABLE_SIZE = 96, SECRET_FILE_BYTES_MAX = 4096 };

/* A file with these bytes; its name is written to path. */
static void write_file(char path[NAME_SIZE], const char *bytes, size_t len)
{
    snprintf(path, NAME_SIZE, "/tmp/tally-secret-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static struct config *load(const char *first, const char *second, struct error *error)
{
    char *const environment[] = {(char *)first, (char *)second, NULL};
    return config_load_text("test", "redis: {password: from-the-file}\n", 33, environment, error);
}

static void assert_password(const char *bytes, size_t len, const char *expected)
{
    char path[NAME_SIZE];
    char variable[VARIABLE_SIZE];
    struct error error = {.message = ""};
    write_file(path, bytes, len);
    snprintf(variable, sizeof(variable), "TALLY_REDIS_PASSWORD_FILE=%s", path);
    struct config *config = load(variable, NULL, &error);
    assert_string_equal(error.message, "");
    assert_string_equal(config->redis.password, expected);
    config_free(config);
    unlink(path);
}

static void test_the_secret_is_what_the_file_has_less_one_newline(void **state)
{
    (void)state;
    assert_password("hunter2", 7, "hunter2");
    assert_password("hunter2\n", 8, "hunter2");
    assert_password("hunter2\r\n", 9, "hunter2");
    assert_password(" a b ", 5, " a b ");
}

static void assert_refused(const char *bytes, size_t len, const char *reason)
{
    char path[NAME_SIZE];
    char variable[VARIABLE_SIZE];
    char expected[256];
    struct error error = {.message = ""};
    write_file(path, bytes, len);
    snprintf(variable, sizeof(variable), "TALLY_REDIS_PASSWORD_FILE=%s", path);
    assert_null(load(variable, NULL, &error));
    unlink(path);
    snprintf(expected, sizeof(expected), "environment: TALLY_REDIS_PASSWORD_FILE (redis.password) %s: %s", path,
             reason);
    assert_string_equal(error.message, expected);
}

static void test_a_file_that_holds_no_secret_is_refused_and_not_repeated(void **state)
{
    (void)state;
    static const char text_rule[] = "must be at most 512 bytes of UTF-8 without control characters";
    static char long_text[SECRET_FILE_BYTES_MAX + 1];
    memset(long_text, 'x', sizeof(long_text));
    assert_refused("", 0, "is empty");
    assert_refused("\n", 1, "is empty");
    assert_refused("\r\n", 2, "is empty");
    assert_refused("hunter\0002", 8, "holds a NUL byte");
    assert_refused("\0\n", 2, "holds a NUL byte");
    assert_refused("hunter2\n\n", 9, text_rule);
    assert_refused("hunter2\r", 8, text_rule);
    assert_refused(long_text, SECRET_FILE_BYTES_MAX, text_rule);
    assert_refused(long_text, SECRET_FILE_BYTES_MAX + 1, "longer than 4 KiB");
}

static void test_a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct error error;
    assert_null(load("TALLY_CONSUL_TOKEN_FILE=/nonexistent/token", NULL, &error));
    assert_string_equal(error.message, "environment: TALLY_CONSUL_TOKEN_FILE (consul.token) /nonexistent/token: "
                                       "No such file or directory");
    assert_null(load("TALLY_CONSUL_TOKEN_FILE=/", NULL, &error));
    assert_string_equal(error.message, "environment: TALLY_CONSUL_TOKEN_FILE (consul.token) /: Is a directory");
    assert_null(load("TALLY_CONSUL_TOKEN_FILE=", NULL, &error));
    assert_string_equal(error.message, "environment: TALLY_CONSUL_TOKEN_FILE (consul.token) must name a file");
}

static void assert_both_refused(const char *first, const char *second)
{
    struct error error;
    assert_null(load(first, second, &error));
    assert_string_equal(error.message, "environment: TALLY_REDIS_PASSWORD_FILE (redis.password) must not be set beside "
                                       "TALLY_REDIS_PASSWORD");
}

static void test_the_secret_and_its_file_at_once_are_refused(void **state)
{
    (void)state;
    assert_both_refused("TALLY_REDIS_PASSWORD=hunter2", "TALLY_REDIS_PASSWORD_FILE=/dev/null");
    assert_both_refused("TALLY_REDIS_PASSWORD_FILE=/dev/null", "TALLY_REDIS_PASSWORD=");
}

static void test_only_secrets_are_read_from_files(void **state)
{
    (void)state;
    struct error error;
    assert_null(load("TALLY_REDIS_ADDR_FILE=/etc/hostname", NULL, &error));
    assert_string_equal(error.message, "environment: TALLY_REDIS_ADDR_FILE is not the variable of any key");
    assert_null(load("TALLY__FILE=/etc/hostname", NULL, &error));
    assert_string_equal(error.message, "environment: TALLY__FILE is not the variable of any key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_secret_is_what_the_file_has_less_one_newline),
        cmocka_unit_test(test_a_file_that_holds_no_secret_is_refused_and_not_repeated),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(test_the_secret_and_its_file_at_once_are_refused),
        cmocka_unit_test(test_only_secrets_are_read_from_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
