/* counter-verify --repartition on a real Redis, without services: the tests write what these would. */
#include "counter-service/repartition/repartition.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/repartition/repartition_mark.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/use_redis.h"

enum { RESOURCES = 300, TEXT_SIZE = 128 };
#define STORE "9f86d081884c7d659a2feaa0c55ad015"

struct fixture {
    struct redis_process *redis;
    struct redis_process *other; /* for --to */
    struct config *config;
    struct verify_options options;
    char *text; /* what the last run printed */
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
    fixture->redis = redis_process_start(NULL);
    fixture->config = config_load(NULL, &fixture->error);
    assert_non_null(fixture->config);
    use_redis(fixture->config, redis_process_address(fixture->redis));
    fixture->options = (struct verify_options){.task = VERIFY_REPARTITION};
    ASK(fixture, "SET", "tally:meta", "layout=1 partitions=1");
    ASK(fixture, "SET", "tally:store", STORE);
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

/* ---- data ---- */

static void name_resource(char out[TEXT_SIZE], int number)
{
    snprintf(out, TEXT_SIZE, "article:%d", number);
}

static void name_key(char out[TEXT_SIZE], int number, int partitions, const char *start, const char *end)
{
    char resource[TEXT_SIZE / 2];
    snprintf(resource, sizeof(resource), "article:%d", number);
    const int partition = redis_partition_of(text_of(resource), partitions);
    snprintf(out, TEXT_SIZE, "tally:{p%d}:%s%s%s", partition, start, resource, end);
}

static void name_record(char out[TEXT_SIZE], int number, int partitions)
{
    char resource[TEXT_SIZE], start[16];
    name_resource(resource, number);
    snprintf(start, sizeof(start), "i:%zu:", strlen(resource));
    name_key(out, number, partitions, start, ":like:key:1");
}

/* Two counters a resource; every third one has a record. */
static void fill(struct fixture *fixture, int partitions)
{
    ASK(fixture, "SET", "tally:meta", redis_meta_of(partitions).text);
    for (int i = 0; i < RESOURCES; i++) {
        char key[TEXT_SIZE], value[TEXT_SIZE];
        name_key(key, i, partitions, "c:", "");
        snprintf(value, sizeof(value), "%d", i - 7);
        ASK(fixture, "HSET", key, "like", value, "view", "9007199254740993");
        if (i % 3 == 0) {
            name_record(key, i, partitions);
            ASK(fixture, "SET", key, value, "PX", i % 2 == 0 ? "3600000" : "7200000");
        }
    }
}

static void check_data(struct redis_process *redis, int partitions)
{
    assert_string_equal(REDIS_ASK(redis, "GET", "tally:meta"), redis_meta_of(partitions).text);
    assert_string_equal(REDIS_ASK(redis, "GET", "tally:store"), STORE);
    for (int i = 0; i < RESOURCES; i++) {
        char key[TEXT_SIZE], value[16], wanted[TEXT_SIZE];
        name_key(key, i, partitions, "c:", "");
        snprintf(value, sizeof(value), "%d", i - 7);
        snprintf(wanted, sizeof(wanted), "%s 9007199254740993", value);
        assert_string_equal(REDIS_ASK(redis, "HMGET", key, "like", "view"), wanted);
        if (i % 3 == 0) {
            name_record(key, i, partitions);
            assert_string_equal(REDIS_ASK(redis, "GET", key), value);
            const long ttl = strtol(REDIS_ASK(redis, "TTL", key), NULL, 10);
            assert_in_range(ttl, i % 2 == 0 ? 3000 : 6600, i % 2 == 0 ? 3600 : 7200);
        }
    }
}

static long count_keys(struct redis_process *redis, const char *pattern)
{
    return strtol(REDIS_ASK(redis, "EVAL", "return #redis.call('KEYS', ARGV[1])", "0", pattern), NULL, 10);
}

/* ---- runs ---- */

static int run(struct fixture *fixture, int partitions)
{
    size_t len;
    free(fixture->text);
    fixture->error.message[0] = '\0';
    fixture->options.partitions = partitions;
    FILE *out = open_memstream(&fixture->text, &len);
    assert_non_null(out);
    const int code = repartition_run(fixture->config, &fixture->options, out, &fixture->error);
    fclose(out);
    return code;
}

static void check_run(struct fixture *fixture, int partitions)
{
    const int code = run(fixture, partitions);
    assert_string_equal(fixture->error.message, "");
    assert_int_equal(code, VERIFY_EQUAL);
}

static void check_failed(struct fixture *fixture, int partitions, const char *piece)
{
    assert_int_equal(run(fixture, partitions), VERIFY_FAILED);
    if (strstr(fixture->error.message, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->error.message);
    }
}

static void check_told(const struct fixture *fixture, const char *piece)
{
    if (strstr(fixture->text, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->text);
    }
}

/* A run that is killed after some time. Returns whether it had ended before. */
static bool run_and_kill(struct fixture *fixture, int partitions, unsigned after_us)
{
    int status;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(run(fixture, partitions));
    }
    usleep(after_us);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == VERIFY_EQUAL;
}

static void start_other(struct fixture *fixture)
{
    fixture->other = redis_process_start(NULL);
    fixture->options.to = redis_process_address(fixture->other);
}

/* ---- tests ---- */

static void test_the_data_go_from_one_number_to_another(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    static const int steps[] = {4, 64, 1, 1024, 3};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        check_run(fixture, steps[i]);
        check_data(fixture->redis, steps[i]);
        assert_int_equal(count_keys(fixture->redis, "tally:*"), 2 + RESOURCES + RESOURCES / 3);
    }
    check_run(fixture, 3);
    check_told(fixture, "done before: 3 partitions");
}

static void test_a_run_that_is_killed_anywhere_is_gone_on_with(void **state)
{
    enum { ROUNDS = 12 };
    static const int steps[] = {4, 64, 7, 1};
    struct prng prng;
    NEED_FIXTURE(state);
    fill(fixture, 1);
    prng_init(&prng);
    for (int round = 0; round < ROUNDS; round++) {
        const int partitions = steps[round % 4];
        int kills = 0;
        while (kills < 8 && !run_and_kill(fixture, partitions, 300 + (unsigned)(prng_next(&prng) % 15000))) {
            kills++;
        }
        check_run(fixture, partitions);
        check_data(fixture->redis, partitions);
    }
}

static void test_another_redis_gets_all_and_the_first_one_keeps_it(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 4);
    start_other(fixture);
    check_run(fixture, 64);
    check_data(fixture->other, 64);
    assert_int_equal(count_keys(fixture->redis, "tally:{p*}:c:*"), RESOURCES);
    assert_non_null(strstr(ASK(fixture, "GET", "tally:meta"), " phase=moved "));
    check_run(fixture, 64);
    check_told(fixture, "done before: 64 partitions");
    /* What was counted there since is not touched by a run that comes late. */
    REDIS_ASK(fixture->other, "HINCRBY", "tally:{p0}:c:new", "like", "1");
    check_run(fixture, 64);
    assert_string_equal(REDIS_ASK(fixture->other, "HGET", "tally:{p0}:c:new", "like"), "1");
}

static void test_a_copy_that_is_killed_anywhere_is_gone_on_with(void **state)
{
    struct prng prng;
    NEED_FIXTURE(state);
    fill(fixture, 1);
    start_other(fixture);
    prng_init(&prng);
    for (int i = 0; i < 25; i++) {
        (void)run_and_kill(fixture, 8, 300 + (unsigned)(prng_next(&prng) % 15000));
    }
    check_run(fixture, 8);
    check_data(fixture->other, 8);
}

static void test_a_target_with_data_is_left_alone(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    start_other(fixture);
    REDIS_ASK(fixture->other, "HSET", "tally:{p0}:c:a", "like", "1");
    check_failed(fixture, 8, "it has counters of Tally");
    check_data(fixture->redis, 1);
    REDIS_ASK(fixture->other, "SET", "tally:meta", "layout=1 partitions=8");
    check_failed(fixture, 8, "the Redis of --to holds data of its own");
    fixture->options.to = redis_process_address(fixture->redis);
    check_failed(fixture, 8, "the Redis of --to holds data of its own");
    check_failed(fixture, 1, "the Redis of --to holds data of its own");
    check_data(fixture->redis, 1);
}

static void test_one_repartition_is_ended_before_another_begins(void **state)
{
    struct repartition_mark mark = {.to = 4, .from = 1, .store_id = STORE};
    char text[REPARTITION_MARK_SIZE];
    NEED_FIXTURE(state);
    fill(fixture, 1);
    repartition_mark_put(&mark, text);
    ASK(fixture, "SET", "tally:meta", text);
    ASK(fixture, "SET", "tally:store", text);
    check_failed(fixture, 8, "a repartition to 4 partitions in place has begun: end it first, by --repartition 4");
    check_run(fixture, 4);
    check_data(fixture->redis, 4);
}

static void test_events_that_wait_are_not_lost_unasked(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    ASK(fixture, "XADD", "tally:{p0}:events", "1000-5", "n", "1", "i", "x", "r", "x");
    ASK(fixture, "HSET", "tally:{p0}:outbox", "n", "3");
    ASK(fixture, "SET", "tally:{p0}:pos:kafka", "900-1 1");
    check_failed(fixture, 4, "3 events wait in the outbox");
    check_data(fixture->redis, 1);
    fixture->options.drops_events = true;
    check_run(fixture, 4);
    check_data(fixture->redis, 4);
    /* An id never comes again, and the relay is where the outbox begins. */
    for (int i = 0; i < 4; i++) {
        char key[TEXT_SIZE];
        snprintf(key, sizeof(key), "tally:{p%d}:events", i);
        assert_string_equal(ASK(fixture, "XLEN", key), "0");
        assert_non_null(strstr(ASK(fixture, "XINFO", "STREAM", key), "last-generated-id 1000-5"));
        snprintf(key, sizeof(key), "tally:{p%d}:pos:kafka", i);
        assert_string_equal(ASK(fixture, "GET", key), "1000-5 0");
        snprintf(key, sizeof(key), "tally:{p%d}:outbox", i);
        assert_string_equal(ASK(fixture, "EXISTS", key), "0");
    }
    check_run(fixture, 2);
    assert_string_equal(ASK(fixture, "EXISTS", "tally:{p2}:events", "tally:{p3}:pos:kafka"), "0");
    assert_string_equal(ASK(fixture, "GET", "tally:{p1}:pos:kafka"), "1000-5 0");
}

static void test_sessions_and_rankings_are_dropped(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    ASK(fixture, "EVAL", "for i = 1, 20 do redis.call('HSET', 'tally:{p0}:s:' .. i, 'o', 1) end", "0");
    ASK(fixture, "HSET", "tally:{p0}:rankings", "v", "1");
    ASK(fixture, "HSET", "tally:{p0}:r:like", "a", "1");
    /* A refusal that is many answers' first: the others must not be taken for those to what comes next. */
    ASK(fixture, "ACL", "SETUSER", "default", "-unlink");
    check_failed(fixture, 4, "Redis refuses UNLINK: NOPERM");
    check_told(fixture, "nothing was moved, and the services go on");
    check_data(fixture->redis, 1);
    ASK(fixture, "ACL", "SETUSER", "default", "+unlink");
    check_run(fixture, 4);
    check_told(fixture, "20 sessions ended");
    check_data(fixture->redis, 4);
    assert_int_equal(count_keys(fixture->redis, "tally:*"), 2 + RESOURCES + RESOURCES / 3);
}

/* Nobody reads them, and they must not come in where somebody would. */
static void test_counters_in_a_wrong_partition(void **state)
{
    char key[TEXT_SIZE];
    NEED_FIXTURE(state);
    fill(fixture, 1);
    ASK(fixture, "HSET", "tally:{p77}:c:stray", "like", "1");
    name_key(key, 5, 4, "c:", "");
    assert_string_not_equal(key, "tally:{p0}:c:article:5");
    ASK(fixture, "HSET", key, "like", "99");
    check_failed(fixture, 4, "is in a partition that its resource is not in now, and would be in then");
    check_told(fixture, "nothing was moved, and the services go on");
    ASK(fixture, "DEL", key);
    check_data(fixture->redis, 1);
    check_run(fixture, 4);
    check_told(fixture, "1 key is in a partition that its resource is not in");
    check_data(fixture->redis, 4);
    assert_string_equal(ASK(fixture, "HGET", "tally:{p77}:c:stray", "like"), "1");
}

static void test_damaged_keys_come_along(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    ASK(fixture, "SET", "tally:{p0}:c:damaged", "text");
    ASK(fixture, "HSET", "tally:{p0}:c:odd", "like", "no number");
    ASK(fixture, "LPUSH", "tally:{p0}:i:3:odd:like:k", "1");
    ASK(fixture, "SET", "tally:{p0}:i:no record", "1");
    check_run(fixture, 64);
    check_data(fixture->redis, 64);
    char key[TEXT_SIZE];
    snprintf(key, sizeof(key), "tally:{p%d}:c:damaged", redis_partition_of(TEXT("damaged"), 64));
    assert_string_equal(ASK(fixture, "GET", key), "text");
    snprintf(key, sizeof(key), "tally:{p%d}:c:odd", redis_partition_of(TEXT("odd"), 64));
    assert_string_equal(ASK(fixture, "HGET", key, "like"), "no number");
    assert_string_equal(ASK(fixture, "GET", "tally:{p0}:i:no record"), "1");
}

/* As a Redis that lost a write, or somebody who wrote in spite of the mark, would leave them. */
static void test_counters_that_are_not_the_same_stop_the_switch(void **state)
{
    struct repartition_mark mark = {.to = 4, .from = 1, .store_id = STORE, .phase = REPARTITION_MOVE};
    char text[REPARTITION_MARK_SIZE], key[TEXT_SIZE];
    NEED_FIXTURE(state);
    fill(fixture, 1);
    repartition_mark_put(&mark, text);
    ASK(fixture, "SET", "tally:meta", text);
    ASK(fixture, "SET", "tally:store", text);
    assert_int_equal(run(fixture, 4), VERIFY_DIFFERENT);
    check_told(fixture, "the counters differ: before 0 of 0 resources, check 0000000000000000, now 600 of 300");
    assert_string_equal(ASK(fixture, "GET", "tally:meta"), text);
    /* A counter in both partitions. */
    name_key(key, 5, 4, "c:", "");
    assert_string_not_equal(key, "tally:{p0}:c:article:5");
    ASK(fixture, "HSET", "tally:{p0}:c:article:5", "like", "1");
    check_failed(fixture, 4, "somebody has written meanwhile");
    ASK(fixture, "DEL", "tally:{p0}:c:article:5");
    /* The same in both is one that was copied, and not deleted yet. */
    ASK(fixture, "COPY", key, "tally:{p0}:c:article:5");
    assert_int_equal(run(fixture, 4), VERIFY_DIFFERENT);
    assert_string_equal(ASK(fixture, "EXISTS", "tally:{p0}:c:article:5"), "0");
    assert_string_equal(ASK(fixture, "HGET", key, "like"), "-2");
}

static void test_whoever_follows_the_outbox_stops_it(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    ASK(fixture, "SET", "tally:{p0}:lease:kafka", "x", "PX", "60000");
    check_failed(fixture, 4, "somebody follows the outbox of partition 0");
    check_told(fixture, "nothing was moved, and the services go on");
    check_data(fixture->redis, 1);
    ASK(fixture, "PEXPIRE", "tally:{p0}:lease:kafka", "1000");
    check_run(fixture, 4);
    check_data(fixture->redis, 4);
}

static void test_without_the_right_to_cut_connections_it_waits(void **state)
{
    NEED_FIXTURE(state);
    fill(fixture, 1);
    fixture->config->counter_service.max_deadline_ms = 100;
    ASK(fixture, "ACL", "SETUSER", "default", "-client|kill", "-client|list");
    check_run(fixture, 4);
    check_told(fixture, "Redis lets nobody cut connections");
    check_data(fixture->redis, 4);
}

static void test_clients_with_a_name_keep_their_connections(void **state)
{
    NEED_FIXTURE(state);
    struct redis_address address;
    struct redis_conn *conns[2]; /* one with a name */
    struct buffer requests;
    struct redis_reply reply;
    fill(fixture, 1);
    assert_int_equal(redis_address_parse(redis_process_address(fixture->redis), &address, &fixture->error), 0);
    buffer_init(&requests);
    redis_command_words(&requests, TEXT("CLIENT"), TEXT("SETNAME"), TEXT("somebody"));
    for (int i = 0; i < 2; i++) {
        conns[i] = redis_login(&address, fixture->config, NULL, &fixture->error);
        assert_non_null(conns[i]);
    }
    assert_int_equal(redis_command_begin(conns[0], &requests, 5000, &fixture->error), 0);
    assert_int_equal(redis_command_expect(conns[0], "CLIENT", &reply, &fixture->error), 0);
    check_run(fixture, 4);
    assert_true(redis_conn_is_idle(conns[0]));
    assert_false(redis_conn_is_idle(conns[1]));
    buffer_done(&requests);
    redis_conn_close(conns[0]);
    redis_conn_close(conns[1]);
}

static void test_where_sentinels_are_named_nothing_is_done(void **state)
{
    NEED_FIXTURE(state);
    char *addrs[] = {"127.0.0.1:1"};
    fill(fixture, 1);
    fixture->config->redis.sentinel_addrs = addrs;
    fixture->config->redis.sentinel_addr_count = 1;
    check_failed(fixture, 4, "with redis.sentinel_addrs nothing is repartitioned");
    fixture->config->redis.sentinel_addrs = NULL;
    fixture->config->redis.sentinel_addr_count = 0;
    check_data(fixture->redis, 1);
}

static void test_a_redis_without_data_is_refused(void **state)
{
    NEED_FIXTURE(state);
    ASK(fixture, "DEL", "tally:meta");
    check_failed(fixture, 4, "Redis has no key tally:meta");
    assert_string_equal(ASK(fixture, "EXISTS", "tally:meta"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_data_go_from_one_number_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_that_is_killed_anywhere_is_gone_on_with, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_redis_gets_all_and_the_first_one_keeps_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_that_is_killed_anywhere_is_gone_on_with, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_target_with_data_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_repartition_is_ended_before_another_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_that_wait_are_not_lost_unasked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sessions_and_rankings_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counters_in_a_wrong_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_keys_come_along, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counters_that_are_not_the_same_stop_the_switch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whoever_follows_the_outbox_stops_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_the_right_to_cut_connections_it_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_with_a_name_keep_their_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_sentinels_are_named_nothing_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_redis_without_data_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
