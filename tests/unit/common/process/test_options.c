#include "common/process/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fakes/scripted_http.h"

enum { FILE_NAME_SIZE = 32 };

static const char *health_host(const struct config *config)
{
    return config->server.host;
}

static int health_port(const struct config *config)
{
    return config->server.port;
}

static const struct program program = {
    .name = "gateway",
    .help = "Usage: tally-gateway [--config FILE]\n",
    .version = "1.2.3",
    .health_path = "/health/ready",
    .health_host = health_host,
    .health_port = health_port,
};

struct ending {
    int code;
    char *out;
    char *err;
    struct config *config;
};

static struct ending handle(char *const *arguments)
{
    struct ending ending = {.config = NULL};
    size_t out_len;
    size_t err_len;
    char *argv[8] = {(char *)"build/bin/gateway"};
    int argc = 1;
    for (; *arguments != NULL; arguments++) {
        argv[argc++] = *arguments;
    }
    FILE *out = open_memstream(&ending.out, &out_len);
    FILE *err = open_memstream(&ending.err, &err_len);
    struct launch launch = {.config = NULL};
    ending.code = options_handle(&program, argc, argv, out, err, &launch);
    ending.config = launch.config;
    fclose(out);
    fclose(err);
    return ending;
}

/* The command line, without the program's name. */
#define HANDLE(...) handle((char *const[]){__VA_ARGS__, NULL})

static void assert_ending(struct ending ending, int code, const char *in_out, const char *in_err)
{
    assert_int_equal(ending.code, code);
    assert_non_null(strstr(ending.out, in_out));
    assert_non_null(strstr(ending.err, in_err));
    assert_int_equal(ending.code == OPTIONS_RUN, ending.config != NULL);
    assert_int_equal(in_err[0] == '\0', ending.err[0] == '\0');
    free(ending.out);
    free(ending.err);
    config_free(ending.config);
}

/* A file with that text; the name is written to path. */
static void write_file(char path[FILE_NAME_SIZE], const char *text)
{
    snprintf(path, FILE_NAME_SIZE, "/tmp/tally-options-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_without_options_the_program_runs_on_defaults(void **state)
{
    (void)state;
    char *const none[] = {NULL};
    struct ending ending = handle(none);
    assert_int_equal(ending.config->server.port, 8080);
    assert_ending(ending, OPTIONS_RUN, "", "");
}

static void test_config_names_the_file(void **state)
{
    (void)state;
    char path[FILE_NAME_SIZE];
    write_file(path, "server: {port: 81}\n");
    struct ending ending = HANDLE((char *)"--config", path);
    assert_int_equal(ending.config->server.port, 81);
    assert_ending(ending, OPTIONS_RUN, "", "");
    unlink(path);
}

static void test_a_bad_configuration_ends_with_1_and_its_reason(void **state)
{
    (void)state;
    char path[FILE_NAME_SIZE];
    write_file(path, "server: {port: x}\n");
    assert_ending(HANDLE((char *)"--config", path), 1, "", "gateway: /tmp/tally-options-");
    assert_ending(HANDLE((char *)"--check", (char *)"--config", path), 1, "", "server.port must be a whole number");
    unlink(path);
    assert_ending(HANDLE((char *)"--config=/nonexistent"), 1, "", "/nonexistent: No such file");
}

static void test_check_prints_what_is_in_effect(void **state)
{
    (void)state;
    char path[FILE_NAME_SIZE];
    write_file(path, "redis: {password: hunter2}\nserver: {port: 81}\n");
    struct ending ending = HANDLE((char *)"--config", path, (char *)"--check");
    assert_null(strstr(ending.out, "hunter2"));
    assert_ending(ending, 0, "  port: 81\n", "");
    unlink(path);
}

static int ask_health(const char *answer)
{
    char path[FILE_NAME_SIZE];
    char text[64];
    struct scripted_http *server = scripted_http_start(scripted_http_always, (void *)(uintptr_t)answer);
    assert_non_null(server);
    snprintf(text, sizeof(text), "server: {port: %d}\n", scripted_http_port(server));
    write_file(path, text);
    struct ending ending = HANDLE((char *)"--health", (char *)"--config", path);
    const int code = ending.code;
    assert_ending(ending, code, "", code == 0 ? "" : "status 503");
    scripted_http_stop(server);
    unlink(path);
    return code;
}

static void test_health_asks_the_running_program(void **state)
{
    (void)state;
    assert_int_equal(ask_health("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_int_equal(ask_health("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), 1);
}

static void test_version_and_help_need_no_configuration(void **state)
{
    (void)state;
    assert_ending(HANDLE((char *)"--version", (char *)"--config=/nonexistent"), 0, "gateway 1.2.3\n", "");
    assert_ending(HANDLE((char *)"--help"), 0, "Usage: tally-gateway [--config FILE]\n", "");
}

static void test_anything_else_ends_with_2(void **state)
{
    (void)state;
    assert_ending(HANDLE((char *)"--prot"), 2, "", "gateway: --prot: no such option");
    assert_ending(HANDLE((char *)"-xy"), 2, "", "gateway: -x: no such option");
    assert_ending(HANDLE((char *)"--check=yes"), 2, "", "gateway: --check=yes: no such option");
    assert_ending(HANDLE((char *)"--config"), 2, "", "gateway: --config needs a file");
    assert_ending(HANDLE((char *)"run"), 2, "", "gateway: run: no arguments");
    assert_ending(HANDLE((char *)"--check", (char *)"--health"), 2, "", "at a time");
}

/* Whoever runs this may have variables for other programs. */
static int clear_environment(void **state)
{
    (void)state;
    return clearenv();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_options_the_program_runs_on_defaults),
        cmocka_unit_test(test_config_names_the_file),
        cmocka_unit_test(test_a_bad_configuration_ends_with_1_and_its_reason),
        cmocka_unit_test(test_check_prints_what_is_in_effect),
        cmocka_unit_test(test_health_asks_the_running_program),
        cmocka_unit_test(test_version_and_help_need_no_configuration),
        cmocka_unit_test(test_anything_else_ends_with_2),
    };
    return cmocka_run_group_tests(tests, clear_environment, NULL);
}
