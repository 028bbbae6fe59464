/* What was written is on the disk of a Redis, by what that Redis keeps there. Replicas: tests/e2e/test_repartition.py.
 */
#include "counter-service/repartition/repartition_settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/use_redis.h"

struct fixture {
    struct redis_process *redis; /* a Redis Cluster of its own */
    char bus[16];                /* port of that */
    struct config *config;
    struct repartition_site site;
    char *text; /* what was reported */
    volatile sig_atomic_t interrupted;
    struct error error;
};

#define ASK(fixture, ...) REDIS_ASK((fixture)->redis, __VA_ARGS__)

static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    snprintf(fixture->bus, sizeof(fixture->bus), "%d", redis_process_free_port());
    const char *const options[] = {"--cluster-enabled", "yes", "--cluster-port", fixture->bus, "--dbfilename",
                                   "appendonlydir",     NULL};
    fixture->redis = redis_process_start(options);
    ASK(fixture, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (strstr(ASK(fixture, "CLUSTER", "INFO"), "cluster_state:ok") == NULL) {
        clock_sleep_ms(10);
    }
    fixture->config = config_load(NULL, &fixture->error);
    assert_non_null(fixture->config);
    use_redis(fixture->config, redis_process_address(fixture->redis));
    assert_int_equal(
        repartition_site_open(&fixture->site, fixture->config, fixture->config->redis.addrs, 1, &fixture->error), 0);
    ASK(fixture, "SET", "a", "1");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture != NULL) {
        repartition_site_close(&fixture->site);
        config_free(fixture->config);
        redis_process_end(fixture->redis);
        free(fixture->text);
        free(fixture);
    }
    return 0;
}

static int settle(struct fixture *fixture)
{
    size_t len;
    free(fixture->text);
    fixture->error.message[0] = '\0';
    struct report report = {.out = open_memstream(&fixture->text, &len)};
    assert_non_null(report.out);
    const int result = repartition_settle(&fixture->site, &fixture->interrupted, &report, &fixture->error);
    fclose(report.out);
    return result;
}

static void check_settled(struct fixture *fixture)
{
    const int result = settle(fixture);
    assert_string_equal(fixture->error.message, "");
    assert_int_equal(result, 0);
    assert_string_equal(fixture->text, "");
}

static void check_failed(struct fixture *fixture, const char *piece)
{
    assert_int_equal(settle(fixture), -1);
    if (strstr(fixture->error.message, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->error.message);
    }
}

static bool is_told(struct fixture *fixture, const char *line)
{
    return strstr(ASK(fixture, "INFO", "persistence"), line) != NULL;
}

/* What it saved once it would load at a later start. */
static void test_a_redis_that_keeps_nothing_gets_no_file(void **state)
{
    NEED_FIXTURE(state);
    check_settled(fixture);
    assert_true(is_told(fixture, "rdb_last_bgsave_time_sec:-1"));
}

static void test_a_redis_that_saves_now_and_then_saves_now(void **state)
{
    NEED_FIXTURE(state);
    ASK(fixture, "CONFIG", "SET", "save", "3600 1");
    assert_false(is_told(fixture, "rdb_changes_since_last_save:0"));
    check_settled(fixture);
    assert_true(is_told(fixture, "rdb_changes_since_last_save:0"));
}

/* That has begun before the write. */
static void test_a_save_that_is_under_way_is_not_the_one(void **state)
{
    NEED_FIXTURE(state);
    ASK(fixture, "CONFIG", "SET", "save", "3600 1", "rdb-key-save-delay", "700000");
    ASK(fixture, "BGSAVE");
    assert_true(is_told(fixture, "rdb_bgsave_in_progress:1"));
    ASK(fixture, "SET", "b", "2");
    check_settled(fixture);
    assert_true(is_told(fixture, "rdb_changes_since_last_save:0"));
}

static void test_a_save_that_fails_is_told(void **state)
{
    NEED_FIXTURE(state);
    ASK(fixture, "CONFIG", "SET", "save", "3600 1");
    ASK(fixture, "CONFIG", "SET", "appendonly", "yes"); /* makes a folder of the name that the file has */
    while (!is_told(fixture, "aof_rewrite_in_progress:0")) {
        clock_sleep_ms(10);
    }
    ASK(fixture, "CONFIG", "SET", "appendonly", "no");
    check_failed(fixture, "could not save its data (BGSAVE)");
}

static void test_an_append_only_file_is_synced_meanwhile(void **state)
{
    NEED_FIXTURE(state);
    ASK(fixture, "CONFIG", "SET", "appendonly", "yes", "appendfsync", "everysec");
    const int64_t begun_us = clock_monotonic_us();
    ASK(fixture, "SET", "b", "2");
    check_settled(fixture);
    assert_true(clock_monotonic_us() - begun_us >= 2500 * 1000);
    assert_true(is_told(fixture, "aof_pending_bio_fsync:0"));
}

static void test_an_interrupt_ends_it(void **state)
{
    NEED_FIXTURE(state);
    fixture->interrupted = 1;
    check_failed(fixture, "interrupted");
}

static void test_a_redis_that_was_started_again_is_not_asked(void **state)
{
    NEED_FIXTURE(state);
    redis_process_kill(fixture->redis);
    redis_process_restart(fixture->redis);
    check_failed(fixture, "connection to Redis lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_redis_that_keeps_nothing_gets_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_redis_that_saves_now_and_then_saves_now, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_save_that_is_under_way_is_not_the_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_save_that_fails_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_append_only_file_is_synced_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_interrupt_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_redis_that_was_started_again_is_not_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
