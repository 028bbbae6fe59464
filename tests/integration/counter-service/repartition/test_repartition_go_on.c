/* counter-verify --repartition goes on with what a run before has left, on a Redis Cluster of one node; and at another
 * Redis. The tests write what services and that run would have written. */
#include "counter-service/repartition/repartition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/repartition/repartition_mark.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/use_redis.h"

enum { RESOURCES = 100, FROM = 2, TO = 8, KEY_SIZE = 128 };
#define STORE "9f86d081884c7d659a2feaa0c55ad015"
#define STORE_FROM STORE "/2"
#define STORE_TO STORE "/8"

struct fixture {
    struct redis_process *redis; /* a Redis Cluster of its own */
    struct redis_process *other;
    char bus[16]; /* port of the first */
    struct config *config;
    struct verify_options options;
    char *text; /* what the last run printed */
    char mark[REPARTITION_MARK_SIZE];
    struct error error;
};

#define ASK(fixture, ...) REDIS_ASK((fixture)->redis, __VA_ARGS__)

/* ---- data ---- */

static void name_key(char out[KEY_SIZE], int number, int partitions)
{
    char resource[KEY_SIZE / 2];
    snprintf(resource, sizeof(resource), "article:%d", number);
    snprintf(out, KEY_SIZE, "tally:{p%d}:c:%s", redis_partition_of(text_of(resource), partitions), resource);
}

static void fill(struct fixture *fixture, int partitions)
{
    for (int i = 0; i < RESOURCES; i++) {
        char key[KEY_SIZE], value[16];
        name_key(key, i, partitions);
        snprintf(value, sizeof(value), "%d", i);
        ASK(fixture, "HSET", key, "like", value);
    }
}

static void check_data(struct redis_process *redis, int partitions)
{
    assert_string_equal(REDIS_ASK(redis, "GET", "tally:meta"), redis_meta_of(partitions).text);
    assert_string_equal(REDIS_ASK(redis, "GET", "tally:store"), STORE);
    for (int i = 0; i < RESOURCES; i++) {
        char key[KEY_SIZE], value[16];
        name_key(key, i, partitions);
        snprintf(value, sizeof(value), "%d", i);
        assert_string_equal(REDIS_ASK(redis, "HGET", key, "like"), value);
    }
}

static void put_marks(struct fixture *fixture, int first, int last, const char *mark)
{
    for (int i = first; i <= last; i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof(key), "tally:{p%d}:store", i);
        ASK(fixture, "SET", key, mark);
    }
}

/* As a run has left it that has counted something else, or before somebody has counted. */
static void begin_move(struct fixture *fixture)
{
    const struct repartition_mark mark = {.to = TO, .from = FROM, .store_id = STORE, .phase = REPARTITION_MOVE};
    repartition_mark_put(&mark, fixture->mark);
    ASK(fixture, "SET", "tally:meta", fixture->mark);
    ASK(fixture, "SET", "tally:store", fixture->mark);
    put_marks(fixture, 0, TO - 1, fixture->mark);
}

static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    snprintf(fixture->bus, sizeof(fixture->bus), "%d", redis_process_free_port());
    const char *const options[] = {"--cluster-enabled", "yes", "--cluster-port", fixture->bus, NULL};
    fixture->redis = redis_process_start(options);
    ASK(fixture, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (strstr(ASK(fixture, "CLUSTER", "INFO"), "cluster_state:ok") == NULL) {
        clock_sleep_ms(10);
    }
    fixture->config = config_load(NULL, &fixture->error);
    assert_non_null(fixture->config);
    use_redis(fixture->config, redis_process_address(fixture->redis));
    fixture->options = (struct verify_options){.task = VERIFY_REPARTITION, .partitions = TO};
    ASK(fixture, "SET", "tally:meta", redis_meta_of(FROM).text);
    ASK(fixture, "SET", "tally:store", STORE);
    put_marks(fixture, 0, FROM - 1, STORE);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture != NULL) {
        config_free(fixture->config);
        redis_process_end(fixture->redis);
        redis_process_end(fixture->other);
        free(fixture->text);
        free(fixture);
    }
    return 0;
}

/* ---- runs ---- */

static int run(struct fixture *fixture)
{
    size_t len;
    free(fixture->text);
    fixture->error.message[0] = '\0';
    FILE *out = open_memstream(&fixture->text, &len);
    assert_non_null(out);
    const int code = repartition_run(fixture->config, &fixture->options, out, &fixture->error);
    fclose(out);
    return code;
}

static void check_run(struct fixture *fixture)
{
    const int code = run(fixture);
    assert_string_equal(fixture->error.message, "");
    assert_int_equal(code, VERIFY_EQUAL);
}

static void check_failed(struct fixture *fixture, const char *piece)
{
    assert_int_equal(run(fixture), VERIFY_FAILED);
    if (strstr(fixture->error.message, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->error.message);
    }
}

static bool is_told(const struct fixture *fixture, const char *piece)
{
    return strstr(fixture->text, piece) != NULL;
}

/* ---- within the Cluster ---- */

static void test_where_a_partition_serves_again_all_is_counted_anew(void **state)
{
    NEED_FIXTURE(state);
    static const char *const let_in[] = {STORE_FROM, STORE};
    for (size_t i = 0; i < 2; i++) {
        ASK(fixture, "FLUSHALL");
        fill(fixture, FROM);
        begin_move(fixture);
        put_marks(fixture, FROM - 1, FROM - 1, let_in[i]);
        check_run(fixture);
        assert_true(is_told(fixture, "100 counters of 100 resources"));
        check_data(fixture->redis, TO);
    }
}

static void test_where_the_store_serves_again_all_is_counted_anew(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    begin_move(fixture);
    ASK(fixture, "SET", "tally:store", STORE);
    check_run(fixture);
    check_data(fixture->redis, TO);
}

/* Also if it ends half-way. */
static void test_what_serves_again_is_remembered_until_all_is_counted(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    begin_move(fixture);
    put_marks(fixture, 0, 0, STORE_FROM);
    ASK(fixture, "XADD", "tally:{p0}:events", "1000-5", "n", "1", "i", "x", "r", "x");
    ASK(fixture, "HSET", "tally:{p0}:outbox", "n", "1");
    check_failed(fixture, "1 event waits in the outbox");
    assert_true(is_told(fixture, "nothing was moved, and the services go on"));
    check_data(fixture->redis, FROM);
    fixture->options.drops_events = true;
    check_run(fixture);
    check_data(fixture->redis, TO);
}

/* Then the counts before are all that tells of it: what is moved is not where it would be counted. */
static void test_where_something_is_moved_the_counts_before_hold(void **state)
{
    char here[KEY_SIZE], there[KEY_SIZE];
    int number = 0;
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    do {
        number++;
        name_key(here, number, FROM);
        name_key(there, number, TO);
    } while (strcmp(here, there) == 0);
    ASK(fixture, "HSET", there, "like", "1000");
    ASK(fixture, "DEL", here);
    begin_move(fixture);
    put_marks(fixture, 0, 0, STORE_FROM);
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_true(is_told(fixture, "before 0 of 0 resources"));
    assert_string_equal(ASK(fixture, "GET", "tally:meta"), fixture->mark);
    assert_string_equal(ASK(fixture, "GET", "tally:{p0}:store"), fixture->mark);
    assert_string_equal(ASK(fixture, "HGET", there, "like"), "1000");
}

static void test_a_run_that_goes_on_tells_and_waits_before_it_moves(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    begin_move(fixture);
    ASK(fixture, "DEL", "tally:{p3}:store", "tally:store");
    ASK(fixture, "SET", "tally:{p1}:lease:kafka", "x", "PX", "60000");
    check_failed(fixture, "somebody follows the outbox of partition 1");
    assert_true(is_told(fixture, "not done: run the same again"));
    assert_string_equal(ASK(fixture, "GET", "tally:meta"), fixture->mark);
    assert_string_equal(ASK(fixture, "GET", "tally:{p3}:store"), fixture->mark);
    assert_string_equal(ASK(fixture, "GET", "tally:store"), fixture->mark);
    ASK(fixture, "SET", "tally:meta", redis_meta_of(FROM).text);
    ASK(fixture, "SET", "tally:store", STORE);
    check_data(fixture->redis, FROM);
}

/* Services may have counted since, and their events are there. */
static void test_where_only_the_switch_is_missing_it_is_all_that_is_done(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, TO);
    begin_move(fixture);
    put_marks(fixture, 0, TO - 1, STORE_TO);
    ASK(fixture, "SET", "tally:store", STORE);
    ASK(fixture, "XADD", "tally:{p7}:events", "1000-5", "n", "1", "i", "x", "r", "x");
    check_run(fixture);
    assert_true(is_told(fixture, "done: 8 partitions"));
    check_data(fixture->redis, TO);
    assert_string_equal(ASK(fixture, "XLEN", "tally:{p7}:events"), "1");
    assert_string_equal(ASK(fixture, "GET", "tally:{p7}:store"), STORE_TO);
}

/* ---- at another Redis ---- */

static void test_a_source_is_closed_when_the_target_keeps_all(void **state)
{
    static const char *const options[] = {"--dbfilename", "appendonlydir", NULL};
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    fixture->other = redis_process_start(options);
    fixture->options.to = redis_process_address(fixture->other);
    REDIS_ASK(fixture->other, "CONFIG", "SET", "appendonly", "yes"); /* makes a folder of the name that the file has */
    while (strstr(REDIS_ASK(fixture->other, "INFO", "persistence"), "aof_rewrite_in_progress:0") == NULL) {
        clock_sleep_ms(10);
    }
    REDIS_ASK(fixture->other, "CONFIG", "SET", "appendonly", "no");
    REDIS_ASK(fixture->other, "CONFIG", "SET", "save", "3600 1");
    check_failed(fixture, "could not save its data (BGSAVE)");
    assert_non_null(strstr(ASK(fixture, "GET", "tally:meta"), " phase=move "));
    assert_non_null(strstr(REDIS_ASK(fixture->other, "GET", "tally:meta"), " phase=check "));
    REDIS_ASK(fixture->other, "CONFIG", "SET", "save", "");
    REDIS_ASK(fixture->other, "CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
    check_run(fixture);
    assert_non_null(strstr(ASK(fixture, "GET", "tally:meta"), " phase=moved "));
    check_data(fixture->other, TO);
    /* As if it had ended before the source was closed. */
    put_marks(fixture, 0, TO - 1, "x");
    begin_move(fixture);
    const char *from = strstr(fixture->mark, "how=place");
    assert_non_null(from);
    char mark[REPARTITION_MARK_SIZE];
    snprintf(mark, sizeof(mark), "%.*show=copy%s", (int)(from - fixture->mark), fixture->mark, from + 9);
    ASK(fixture, "SET", "tally:meta", mark);
    REDIS_ASK(fixture->other, "CONFIG", "SET", "save", "3600 1");
    check_failed(fixture, "could not save its data (BGSAVE)");
    assert_string_equal(ASK(fixture, "GET", "tally:meta"), mark);
    REDIS_ASK(fixture->other, "CONFIG", "SET", "save", "");
    check_run(fixture);
    assert_true(is_told(fixture, "done before: 8 partitions"));
    assert_non_null(strstr(ASK(fixture, "GET", "tally:meta"), " phase=moved "));
    check_data(fixture->other, TO);
}

static void test_a_source_that_serves_again_is_counted_anew(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    fixture->other = redis_process_start(NULL);
    fixture->options.to = redis_process_address(fixture->other);
    begin_move(fixture);
    struct repartition_mark mark = {
        .to = TO, .from = FROM, .store_id = STORE, .is_copy = true, .phase = REPARTITION_MOVE};
    repartition_mark_put(&mark, fixture->mark);
    ASK(fixture, "SET", "tally:meta", fixture->mark);
    put_marks(fixture, 0, 0, STORE_FROM);
    /* What was copied before. */
    mark.phase = REPARTITION_CHECK;
    repartition_mark_put(&mark, fixture->mark);
    REDIS_ASK(fixture->other, "SET", "tally:meta", fixture->mark);
    char key[KEY_SIZE];
    name_key(key, 5, TO);
    REDIS_ASK(fixture->other, "HSET", key, "like", "4");
    ASK(fixture, "SET", "tally:{p1}:lease:kafka", "x", "PX", "3000");
    check_run(fixture);
    assert_true(is_told(fixture, "100 counters of 100 resources"));
    check_data(fixture->other, TO);
}

/* One Redis knows its replicas without a cluster. */
static void test_a_target_with_a_replica(void **state)
{
    char host[64], port[16];
    NEED_FIXTURE(state);
    fill(fixture, FROM);
    fixture->other = redis_process_start(NULL);
    fixture->options.to = redis_process_address(fixture->other);
    snprintf(host, sizeof(host), "%s", fixture->options.to);
    char *colon = strrchr(host, ':');
    assert_non_null(colon);
    snprintf(port, sizeof(port), "%s", colon + 1);
    *colon = '\0';
    const char *const options[] = {"--replicaof", host, port, NULL};
    struct redis_process *replica = redis_process_start(options);
    while (strstr(REDIS_ASK(replica, "INFO", "replication"), "master_link_status:up") == NULL) {
        clock_sleep_ms(10);
    }
    check_run(fixture);
    assert_false(is_told(fixture, "could not be checked"));
    assert_non_null(strstr(REDIS_ASK(fixture->other, "INFO", "commandstats"), "cmdstat_wait:"));
    check_data(replica, TO);
    redis_process_end(replica);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_a_partition_serves_again_all_is_counted_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_the_store_serves_again_all_is_counted_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_serves_again_is_remembered_until_all_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_something_is_moved_the_counts_before_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_that_goes_on_tells_and_waits_before_it_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_only_the_switch_is_missing_it_is_all_that_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_source_is_closed_when_the_target_keeps_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_source_that_serves_again_is_counted_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_target_with_a_replica, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
