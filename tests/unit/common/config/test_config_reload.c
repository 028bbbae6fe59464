/* Nothing is started here: the log writes to stderr, which the test reads. */
#include "common/config/config_reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log/log.h"

enum { PATH_SIZE = 32, LOG_SIZE = 4096 };

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

struct reload {
    char path[PATH_SIZE];
    struct config *running;
    char log[LOG_SIZE];
};

static void start(struct reload *reload, const char *text)
{
    struct error error = {.message = ""};
    *reload = (struct reload){.log = ""};
    snprintf(reload->path, sizeof(reload->path), "/tmp/tally-reload-XXXXXX");
    close(mkstemp(reload->path));
    write_file(reload->path, text);
    reload->running = config_load(reload->path, &error);
    assert_string_equal(error.message, "");
    log_set_level(reload->running->log.level);
}

static void end(struct reload *reload)
{
    unlink(reload->path);
    config_free(reload->running);
}

/* Reads the file again, with that text; reload->log has what was logged then. */
static void read_again(struct reload *reload, const char *text)
{
    const int saved = dup(STDERR_FILENO);
    const int captured = memfd_create("log", MFD_CLOEXEC);
    write_file(reload->path, text);
    dup2(captured, STDERR_FILENO);
    config_reload(reload->running, reload->path, "test");
    dup2(saved, STDERR_FILENO);
    close(saved);
    const ssize_t len = pread(captured, reload->log, LOG_SIZE - 1, 0);
    assert_true(len >= 0);
    reload->log[len] = '\0';
    close(captured);
}

static void assert_logged(const struct reload *reload, const char *part)
{
    if (strstr(reload->log, part) == NULL) {
        fail_msg("no %s in: %s", part, reload->log);
    }
}

static void test_the_level_is_applied_and_told_by_the_lower_of_both(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "log: {level: error}\n");
    read_again(&reload, "log: {level: debug}\n");
    assert_int_equal(log_level(), LOG_LEVEL_DEBUG);
    assert_logged(&reload, "configuration read again");
    assert_null(strstr(reload.log, "restart"));
    read_again(&reload, "log: {level: error}\n");
    assert_int_equal(log_level(), LOG_LEVEL_ERROR);
    assert_logged(&reload, "configuration read again");
    read_again(&reload, "log: {level: error}\n");
    assert_string_equal(reload.log, "");
    end(&reload);
}

static void test_other_keys_are_named_and_not_shown(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "log: {level: info}\n");
    read_again(&reload, "server: {port: 81, cors_origins: ['*']}\nredis: {password: hunter2, addr: 'localhost:6379'}\n"
                        "idempotency: {ttl: 8h}\nlog: {format: console}\n");
    assert_logged(&reload, "changed keys take effect at a restart");
    assert_logged(&reload, "server.port server.cors_origins redis.password idempotency.ttl log.format");
    assert_null(strstr(reload.log, "hunter2"));
    assert_null(strstr(reload.log, "redis.addr"));
    end(&reload);
}

static void test_lists_are_compared_item_by_item(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "server: {cors_origins: ['http://a', 'http://b']}\n");
    read_again(&reload, "server: {cors_origins: ['http://a', 'http://b']}\n");
    assert_null(strstr(reload.log, "restart"));
    read_again(&reload, "server: {cors_origins: ['http://a', 'http://c']}\n");
    assert_logged(&reload, "server.cors_origins");
    read_again(&reload, "server: {cors_origins: ['http://a']}\n");
    assert_logged(&reload, "server.cors_origins");
    end(&reload);
}

static void test_a_changed_ranking_is_named(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "rankings: [{counter_type: like, windows: [day, all], rolling: [1h]}]\n");
    read_again(&reload, "rankings: [{counter_type: like, windows: [all, day], rolling: [1h], keep: 10000}]\n");
    assert_null(strstr(reload.log, "restart"));
    static const char *const changes[] = {
        "[{counter_type: view, windows: [day, all], rolling: [1h]}]",
        "[{counter_type: like, windows: [day], rolling: [1h]}]",
        "[{counter_type: like, windows: [day, all], rolling: [2h]}]",
        "[{counter_type: like, windows: [day, all]}]",
        "[{counter_type: like, windows: [day, all], rolling: [1h], keep: 10}]",
        "[{counter_type: like, windows: [day, all], rolling: [1h], utc_offset: '+01:00'}]",
        "[{counter_type: like, windows: [day, all], rolling: [1h], cache_ttl: 2s}]",
        "[]",
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "rankings: %s\n", changes[i]);
        read_again(&reload, text);
        assert_logged(&reload, "keys=rankings count=1");
    }
    end(&reload);
}

static void test_a_bad_file_changes_nothing(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "log: {level: warn}\n");
    read_again(&reload, "log: {level: debug}\nserver: {port: many}\n");
    assert_int_equal(log_level(), LOG_LEVEL_WARN);
    assert_logged(&reload, "server.port must be a whole number");
    unlink(reload.path);
    config_reload(reload.running, reload.path, "test");
    assert_int_equal(log_level(), LOG_LEVEL_WARN);
    end(&reload);
}

static void test_without_a_file_the_defaults_and_the_environment_are_read(void **state)
{
    (void)state;
    struct reload reload;
    start(&reload, "log: {level: warn}\n");
    setenv("TALLY_LOG_LEVEL", "error", 1);
    config_reload(reload.running, NULL, "test");
    unsetenv("TALLY_LOG_LEVEL");
    assert_int_equal(log_level(), LOG_LEVEL_ERROR);
    end(&reload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_level_is_applied_and_told_by_the_lower_of_both),
        cmocka_unit_test(test_other_keys_are_named_and_not_shown),
        cmocka_unit_test(test_lists_are_compared_item_by_item),
        cmocka_unit_test(test_a_changed_ranking_is_named),
        cmocka_unit_test(test_a_bad_file_changes_nothing),
        cmocka_unit_test(test_without_a_file_the_defaults_and_the_environment_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
