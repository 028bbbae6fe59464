/* redis.wait_replicas on a real master with a replica: what is acknowledged is at the replica too, and what is not may
 * be sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/metrics_text.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/wait_for.h"

enum { SHORT_MS = 50, LONG_MS = 20000 };

static const char session[] = "session-12345678";

static struct redis_process *replica; /* of the test under way */

static void open_store(struct store_fixture *fixture, int wait_replicas, int wait_timeout_ms)
{
    fixture->config.redis.wait_replicas = wait_replicas;
    fixture->config.redis.wait_timeout_ms = wait_timeout_ms;
    if (fixture->store == NULL) {
        store_fixture_open(fixture);
        store_fixture_await(fixture, true);
    } else {
        store_fixture_open_anew(fixture);
    }
    assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, session), STATUS_OK);
}

static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct redis_process *master = redis_process_start((const char *const[]){"--repl-diskless-sync-delay", "0", NULL});
    replica = redis_process_start(NULL);
    const char *port = strchr(redis_process_address(master), ':') + 1;
    assert_string_equal(REDIS_ASK(replica, "REPLICAOF", "127.0.0.1", port), "OK");
    WAIT_FOR(strcmp(REDIS_ASK(master, "WAIT", "1", "100"), "1") == 0);
    struct store_fixture *fixture = store_fixture_create(master);
    *state = fixture;
    open_store(fixture, 1, LONG_MS);
    return 0;
}

static int teardown(void **state)
{
    if (*state != NULL) {
        redis_process_resume(replica);
        redis_process_end(replica);
        store_fixture_free(*state);
    }
    return 0;
}

/* Counter a/n by 1, at the first lane's first place; sent again it is the same batch. */
static enum status add_one(struct store_fixture *fixture)
{
    struct store_item item = store_item_of("a", "n", 1);
    const enum status status = store_fixture_increment_in(fixture, store_session_of(session, 0, 1), &item, 1);
    return status == STATUS_OK ? item.status : status;
}

static long value_at_replica(void)
{
    return strtol(REDIS_ASK(replica, "HGET", "tally:{p0}:c:a", "n"), NULL, 10);
}

static double unreplicated(void)
{
    return metrics_text_value("tally_increments_unreplicated_total", 0);
}

static unsigned long waits(struct store_fixture *fixture)
{
    static const char field[] = "cmdstat_wait:calls=";
    const char *at = strstr(REDIS_ASK(fixture->redis, "INFO", "commandstats"), field);
    return at != NULL ? strtoul(at + strlen(field), NULL, 10) : 0;
}

static void reset_stats(struct store_fixture *fixture)
{
    assert_string_equal(REDIS_ASK(fixture->redis, "CONFIG", "RESETSTAT"), "OK");
}

/* Of the store, from Redis's side; also while it waits. */
static void cut_connections(struct store_fixture *fixture)
{
    assert_true(REDIS_ASK(fixture->redis, "CLIENT", "KILL", "TYPE", "normal")[0] != '-');
}

static void await_blocked(struct store_fixture *fixture)
{
    WAIT_FOR(strstr(REDIS_ASK(fixture->redis, "INFO", "clients"), "blocked_clients:1") != NULL);
}

static void test_what_is_acknowledged_is_at_the_replica(void **state)
{
    NEED_REDIS(state);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
        assert_int_equal(value_at_replica(), i + 1);
    }
    assert_true(unreplicated() == 0);
}

static void test_a_replica_that_stands_still_makes_it_unknown_and_a_replay_counts_once(void **state)
{
    NEED_REDIS(state);
    open_store(fixture, 1, SHORT_MS);
    const double before = unreplicated();
    redis_process_pause(replica);
    assert_int_equal(add_one(fixture), STATUS_NOT_REPLICATED);
    assert_int_equal(add_one(fixture), STATUS_NOT_REPLICATED);
    assert_true(unreplicated() == before + 2);
    redis_process_resume(replica);
    open_store(fixture, 1, LONG_MS);
    assert_int_equal(add_one(fixture), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    assert_int_equal(value_at_replica(), 1);
}

/* WAIT is for what the connection has done: a replay on another one has written nothing, and may not take that for
 * replicated. */
static void test_a_replay_on_another_connection_waits_too(void **state)
{
    NEED_REDIS(state);
    open_store(fixture, 1, SHORT_MS);
    redis_process_pause(replica);
    assert_int_equal(add_one(fixture), STATUS_NOT_REPLICATED);
    struct store_item keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_NOT_REPLICATED);
    const unsigned changes = store_fixture_changes(fixture);
    cut_connections(fixture);
    store_fixture_await_reconnect(fixture, changes);
    assert_int_equal(add_one(fixture), STATUS_NOT_REPLICATED);
    keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_NOT_REPLICATED);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    assert_int_equal(store_fixture_get(fixture, "b", "n"), 1);
}

/* How many changes of data Redis has counted. */
static unsigned long changes_of(struct store_fixture *fixture)
{
    static const char field[] = "rdb_changes_since_last_save:";
    const char *at = strstr(REDIS_ASK(fixture->redis, "INFO", "persistence"), field);
    assert_non_null(at);
    return strtoul(at + strlen(field), NULL, 10);
}

/* From Redis 7.2 on WAIT is for what the connection itself has written last, not for all that Redis had when it did
 * something: the replay, which may come by another connection, must be a write. */
static void test_a_replay_is_written(void **state)
{
    NEED_REDIS(state);
    struct store_item keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(add_one(fixture), STATUS_OK);
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_OK);
    const unsigned long before = changes_of(fixture);
    assert_int_equal(add_one(fixture), STATUS_OK);
    const unsigned long between = changes_of(fixture);
    assert_true(between > before);
    keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_OK);
    assert_true(keyed.replayed);
    assert_true(changes_of(fixture) > between);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    assert_int_equal(store_fixture_get(fixture, "b", "n"), 1);
    assert_true(strtol(REDIS_ASK(fixture->redis, "PTTL", "tally:{p0}:i:1:b:n:key"), NULL, 10) > 0);
}

/* It was applied; nobody knows whether the replicas have it. */
static void test_a_replay_that_cannot_be_written_is_unknown(void **state)
{
    NEED_REDIS(state);
    struct store_item keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(add_one(fixture), STATUS_OK);
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_OK);
    assert_string_equal(REDIS_ASK(fixture->redis, "ACL", "SETUSER", "default", "-hset", "-set"), "OK");
    assert_int_equal(add_one(fixture), STATUS_REPLY_LOST);
    keyed = store_item_keyed("b", "n", 1, "key");
    assert_int_equal(store_fixture_increment(fixture, &keyed, 1), STATUS_REPLY_LOST);
    assert_string_equal(REDIS_ASK(fixture->redis, "ACL", "SETUSER", "default", "+hset", "+set"), "OK");
    assert_int_equal(add_one(fixture), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
    assert_int_equal(store_fixture_get(fixture, "b", "n"), 1);
}

static void test_a_connection_lost_before_the_reply_to_wait_makes_it_unknown(void **state)
{
    NEED_REDIS(state);
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call call = {.call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1}};
    const unsigned changes = store_fixture_changes(fixture);
    redis_process_pause(replica);
    assert_int_equal(pending_call_submit(fixture, &call), STATUS_OK);
    await_blocked(fixture);
    cut_connections(fixture);
    assert_int_equal(pending_call_wait(&call), STATUS_NOT_REPLICATED);
    store_fixture_await_reconnect(fixture, changes);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
}

/* Nor does one whose results were read and that waits, if the master is gone. */
static void test_a_master_that_dies_meanwhile_makes_it_unknown(void **state)
{
    NEED_REDIS(state);
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call call = {.call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1}};
    redis_process_pause(replica);
    assert_int_equal(pending_call_submit(fixture, &call), STATUS_OK);
    await_blocked(fixture);
    redis_process_kill(fixture->redis);
    assert_int_equal(pending_call_wait(&call), STATUS_NOT_REPLICATED);
}

static void test_reads_of_the_same_pipeline_do_not_wait(void **state)
{
    NEED_REDIS(state);
    static struct pending_call calls[3];
    static struct store_item items[3];
    redis_process_pause(replica);
    redis_process_pause(fixture->redis);
    for (int i = 0; i < 3; i++) { /* the first one is alone in its pipeline */
        items[i] = store_item_of("a", "n", 1);
        calls[i] = (struct pending_call){
            .call = {.operation = i == 1 ? STORE_INCREMENT : STORE_GET, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &calls[i]), STATUS_OK);
        if (i == 0) {
            store_fixture_await_taken(fixture);
        }
    }
    redis_process_resume(fixture->redis);
    assert_int_equal(pending_call_wait(&calls[0]), STATUS_OK);
    assert_int_equal(pending_call_wait(&calls[2]), STATUS_OK);
    assert_int_equal(items[2].value, 1);
    assert_int_equal(sem_trywait(&calls[1].done), -1);
    redis_process_resume(replica);
    assert_int_equal(pending_call_wait(&calls[1]), STATUS_OK);
}

static void test_pipelines_of_reads_have_no_wait(void **state)
{
    NEED_REDIS(state);
    reset_stats(fixture);
    redis_process_pause(replica);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
    }
    assert_int_equal(store_fixture_session(fixture, STORE_KEEP_SESSION, session), STATUS_OK);
    assert_int_equal(waits(fixture), 0);
}

static void test_what_redis_refused_is_not_unknown(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(store_fixture_increment_one(fixture, store_item_of("full", "n", INT64_MAX)).status, STATUS_OK);
    open_store(fixture, 1, SHORT_MS);
    const double before = unreplicated();
    redis_process_pause(replica);
    struct store_item refused[] = {store_item_of("full", "n", 1), store_item_of("full", "n", 2)};
    assert_int_equal(store_fixture_increment(fixture, refused, 2), STATUS_OK);
    assert_int_equal(refused[0].status, STATUS_OVERFLOW);
    assert_int_equal(refused[1].status, STATUS_OVERFLOW);
    assert_true(refused[0].is_decided);
    assert_true(unreplicated() == before);
    struct store_item mixed[] = {store_item_of("a", "n", 1), store_item_of("full", "n", 1), store_item_of("b", "n", 1)};
    assert_int_equal(store_fixture_increment(fixture, mixed, 3), STATUS_OK);
    assert_int_equal(mixed[0].status, STATUS_NOT_REPLICATED);
    assert_false(mixed[0].is_decided);
    assert_int_equal(mixed[1].status, STATUS_OVERFLOW);
    assert_int_equal(mixed[2].status, STATUS_NOT_REPLICATED);
    assert_true(unreplicated() == before + 2);
}

static void test_a_script_that_redis_forgot_waits_too(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    open_store(fixture, 1, SHORT_MS);
    redis_process_pause(replica);
    REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_NOT_REPLICATED);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2);
}

static void test_a_pipeline_has_one_wait_however_many_calls_it_has(void **state)
{
    NEED_REDIS(state);
    enum { CALLS = 50 };
    static struct pending_call calls[CALLS];
    static struct store_item items[CALLS];
    reset_stats(fixture);
    redis_process_pause(fixture->redis);
    for (int i = 0; i < CALLS; i++) {
        items[i] = store_item_of("a", "n", 1);
        calls[i] = (struct pending_call){.call = {.operation = STORE_INCREMENT, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &calls[i]), STATUS_OK);
        if (i == 0) {
            store_fixture_await_taken(fixture);
        }
    }
    redis_process_resume(fixture->redis);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(pending_call_wait(&calls[i]), STATUS_OK);
    }
    assert_int_equal(waits(fixture), 2); /* of the first call, and of all others */
    assert_int_equal(store_fixture_get(fixture, "a", "n"), CALLS);
}

static void test_a_user_who_may_not_wait_gets_nothing_acknowledged(void **state)
{
    NEED_REDIS(state);
    assert_string_equal(REDIS_ASK(fixture->redis, "ACL", "SETUSER", "default", "-wait"), "OK");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_NOT_REPLICATED);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
}

static void test_more_replicas_than_there_are_acknowledge_nothing(void **state)
{
    NEED_REDIS(state);
    open_store(fixture, 2, SHORT_MS);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_NOT_REPLICATED);
}

static void test_nobody_waits_by_itself(void **state)
{
    NEED_REDIS(state);
    open_store(fixture, 0, SHORT_MS);
    reset_stats(fixture);
    redis_process_pause(replica);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(waits(fixture), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_acknowledged_is_at_the_replica),
        TEST(test_a_replica_that_stands_still_makes_it_unknown_and_a_replay_counts_once),
        TEST(test_a_replay_on_another_connection_waits_too),
        TEST(test_a_replay_is_written),
        TEST(test_a_replay_that_cannot_be_written_is_unknown),
        TEST(test_a_connection_lost_before_the_reply_to_wait_makes_it_unknown),
        TEST(test_a_master_that_dies_meanwhile_makes_it_unknown),
        TEST(test_reads_of_the_same_pipeline_do_not_wait),
        TEST(test_pipelines_of_reads_have_no_wait),
        TEST(test_what_redis_refused_is_not_unknown),
        TEST(test_a_script_that_redis_forgot_waits_too),
        TEST(test_a_pipeline_has_one_wait_however_many_calls_it_has),
        TEST(test_a_user_who_may_not_wait_gets_nothing_acknowledged),
        TEST(test_more_replicas_than_there_are_acknowledge_nothing),
        TEST(test_nobody_waits_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
