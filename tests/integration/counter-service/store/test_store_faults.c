/* The store while its Redis fails, refuses, or is not what it must be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_conn.h"
#include "tests/fakes/loopback.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/wait_for.h"

/* While its Redis is down a call is not even taken: nobody waits. */
static void assert_refused_at_once(struct store_fixture *fixture)
{
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call call = {.call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1}};
    assert_int_equal(pending_call_submit(fixture, &call), STATUS_REDIS_DOWN);
}

/* A connection of the test's own. */
static struct redis_conn *connect_to(struct redis_process *redis)
{
    const long port = strtol(strchr(redis_process_address(redis), ':') + 1, NULL, 10);
    struct redis_conn *conn = loopback_conn((int)port, 10000, NULL);
    assert_non_null(conn);
    return conn;
}

/* ---- refusals: Redis is there, and says no ---- */

static void test_nobody_notices_a_script_flush(void **state)
{
    NEED_REDIS(state);
    for (int i = 0; i < 50; i++) {
        if (i % 10 == 5) {
            assert_string_equal(REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH"), "OK");
        }
        assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    }
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 50);
    assert_int_equal(store_fixture_changes(fixture), 1);
}

/* Many calls of one pipeline, with reads between, of which every write is answered NOSCRIPT. */
static void test_a_pipeline_of_unknown_scripts_is_sent_again(void **state)
{
    NEED_REDIS(state);
    enum { CALLS = 60 };
    static struct pending_call calls[CALLS];
    static struct store_item items[CALLS];
    assert_string_equal(REDIS_ASK(fixture->redis, "SCRIPT", "FLUSH"), "OK");
    redis_process_pause(fixture->redis);
    for (int i = 0; i < CALLS; i++) {
        items[i] = store_item_of("a", "n", 1);
        calls[i] = (struct pending_call){
            .call = {.operation = i % 3 == 2 ? STORE_GET : STORE_INCREMENT, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &calls[i]), STATUS_OK);
    }
    redis_process_resume(fixture->redis);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(pending_call_wait(&calls[i]), STATUS_OK);
        assert_int_equal(items[i].status, STATUS_OK);
    }
    assert_int_equal(store_fixture_get(fixture, "a", "n"), CALLS / 3 * 2);
    assert_int_equal(store_fixture_changes(fixture), 1);
}

static void test_a_redis_busy_with_a_script_refuses_writes(void **state)
{
    NEED_REDIS(state);
    struct redis_reply reply;
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "busy-reply-threshold", "50");
    struct redis_conn *busy = connect_to(fixture->redis);
    redis_conn_begin(busy, TEXT("EVAL \"while true do end\" 0\r\n"), 500);
    assert_int_equal(redis_conn_next(busy, &reply), -1); /* it has no end */
    WAIT_FOR(strncmp(REDIS_ASK(fixture->redis, "PING"), "-BUSY", 5) == 0);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    assert_string_equal(REDIS_ASK(fixture->redis, "SCRIPT", "KILL"), "OK");
    WAIT_FOR(strcmp(REDIS_ASK(fixture->redis, "PING"), "PONG") == 0); /* the script ends a little later */
    redis_conn_close(busy);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
}

/* ---- a Redis that is not the right one ---- */

static void test_a_master_made_a_replica_is_noticed_while_idle(void **state)
{
    NEED_REDIS(state);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    REDIS_ASK(fixture->redis, "REPLICAOF", "127.0.0.1", "1");
    store_fixture_await_reason(fixture, "role is \"slave\"");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    REDIS_ASK(fixture->redis, "REPLICAOF", "NO", "ONE");
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2);
}

static void test_a_write_refused_by_a_replica_is_not_applied(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "REPLICAOF", "127.0.0.1", "1");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    store_fixture_await(fixture, false);
    REDIS_ASK(fixture->redis, "REPLICAOF", "NO", "ONE");
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 0);
}

static void test_a_master_made_a_replica_is_noticed_under_load_of_reads(void **state)
{
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "REPLICAOF", "127.0.0.1", "1");
    const int64_t start_us = clock_monotonic_us();
    enum status status = STATUS_OK;
    while (status == STATUS_OK && clock_monotonic_us() - start_us < WAIT_FOR_MAX_US) {
        struct store_item item = store_item_of("a", "n", 0);
        struct store_call call = {.operation = STORE_GET, .items = &item, .item_count = 1};
        status = store_fixture_run(fixture, &call);
    }
    assert_int_equal(status, STATUS_REDIS_DOWN);
}

static struct store_fixture *open_with(const char *const *options)
{
    if (!redis_process_available()) {
        return NULL;
    }
    return store_fixture_create(redis_process_start(options));
}

static void test_a_wrong_password_is_told_and_not_shown(void **state)
{
    *state = open_with((const char *const[]){"--requirepass", "right", NULL});
    NEED_REDIS(state);
    free(fixture->config.redis.password);
    fixture->config.redis.password = strdup("wrong-secret");
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "AUTH: WRONGPASS");
    char reason[512];
    assert_false(store_is_serving(fixture->store, reason, sizeof(reason)));
    assert_null(strstr(reason, "wrong-secret"));
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    assert_int_equal(store_fixture_changes(fixture), 0);
}

static void test_a_missing_password_is_told(void **state)
{
    *state = open_with((const char *const[]){"--requirepass", "right", NULL});
    NEED_REDIS(state);
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "NOAUTH");
}

static void test_the_right_password_will_do(void **state)
{
    *state = open_with((const char *const[]){"--requirepass", "right", NULL});
    NEED_REDIS(state);
    free(fixture->config.redis.password);
    fixture->config.redis.password = strdup("right");
    fixture->config.redis.db = 3;
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
}

static void test_a_database_that_is_not_there_is_told(void **state)
{
    *state = open_with((const char *const[]){"--databases", "2", NULL});
    NEED_REDIS(state);
    fixture->config.redis.db = 2;
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "SELECT");
}

static void test_an_evicting_policy_is_refused_until_it_is_mended(void **state)
{
    *state = open_with((const char *const[]){"--maxmemory-policy", "volatile-ttl", NULL});
    NEED_REDIS(state);
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "volatile-ttl");
    assert_string_equal(REDIS_ASK(fixture->redis, "EXISTS", "tally:meta"), "0");
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    store_fixture_await(fixture, true);
}

static void test_data_of_another_layout_is_refused(void **state)
{
    *state = open_with(NULL);
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "SET", "tally:meta", "layout=1 partitions=16");
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "\"layout=1 partitions=16\"");
    store_fixture_await_reason(fixture, "\"layout=1 partitions=1\"");
    REDIS_ASK(fixture->redis, "DEL", "tally:meta");
    store_fixture_await(fixture, true);
    assert_string_equal(REDIS_ASK(fixture->redis, "GET", "tally:meta"), "layout=1 partitions=1");
}

static void test_a_redis_with_too_many_clients_is_waited_for(void **state)
{
    *state = open_with(NULL);
    NEED_REDIS(state);
    REDIS_ASK(fixture->redis, "CONFIG", "SET", "maxclients", "1");
    struct redis_conn *other = connect_to(fixture->redis);
    struct redis_reply reply;
    redis_conn_begin(other, TEXT("PING\r\n"), 10000);
    assert_int_equal(redis_conn_next(other, &reply), 0);
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "max number of clients");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    redis_conn_close(other);
    store_fixture_await(fixture, true);
}

/* ---- a Redis that goes away ---- */

static void test_a_cut_connection_is_made_again(void **state)
{
    NEED_REDIS(state);
    for (int i = 0; i < 3; i++) {
        const unsigned changes = store_fixture_changes(fixture);
        REDIS_ASK(fixture->redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        /* The idle connection is seen to be dead before anything is sent: not applied, and never unknown. */
        const enum status status = store_fixture_try(fixture, "a");
        assert_true(status == STATUS_REDIS_DOWN || status == STATUS_OK);
        store_fixture_await_reconnect(fixture, changes);
    }
    const int64_t before = store_fixture_get(fixture, "a", "n");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), before + 1);
}

static void test_redis_killed_and_restarted_is_found_again(void **state)
{
    *state = open_with((const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
    NEED_REDIS(state);
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    redis_process_kill(fixture->redis);
    store_fixture_await(fixture, false);
    assert_refused_at_once(fixture);
    redis_process_restart(fixture->redis);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 2);
}

static void test_redis_that_comes_later_is_found(void **state)
{
    if (redis_process_available()) {
        *state = store_fixture_create(redis_process_prepare(NULL));
    }
    NEED_REDIS(state);
    store_fixture_open(fixture);
    store_fixture_await_reason(fixture, "Connection refused");
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_REDIS_DOWN);
    redis_process_restart(fixture->redis);
    store_fixture_await(fixture, true);
    assert_int_equal(store_fixture_try(fixture, "a"), STATUS_OK);
}

static void test_a_stuck_redis_is_down_after_its_time(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {store_item_of("a", "n", 1), store_item_of("a", "n", 1), store_item_of("a", "n", 0)};
    struct pending_call first = {.call = {.operation = STORE_INCREMENT, .items = &items[0], .item_count = 1}};
    struct pending_call queued = {.call = {.operation = STORE_INCREMENT, .items = &items[1], .item_count = 1}};
    struct pending_call read = {.call = {.operation = STORE_GET, .items = &items[2], .item_count = 1}};
    first.call.deadline_us = clock_monotonic_us() + 2000000;
    redis_process_pause(fixture->redis);
    const int64_t start_us = clock_monotonic_us();
    assert_int_equal(pending_call_submit(fixture, &first), STATUS_OK);
    store_fixture_await_taken(fixture);
    assert_int_equal(pending_call_submit(fixture, &queued), STATUS_OK);
    assert_int_equal(pending_call_submit(fixture, &read), STATUS_OK);
    /* Sent and not answered; the others never left, and need not wait for the reconnect. */
    assert_int_equal(pending_call_wait(&first), STATUS_REPLY_LOST);
    assert_int_equal(pending_call_wait(&queued), STATUS_REDIS_DOWN);
    assert_int_equal(pending_call_wait(&read), STATUS_REDIS_DOWN);
    assert_in_range(clock_monotonic_us() - start_us, 2900000, WAIT_FOR_MAX_US);
    store_fixture_await_reason(fixture, "no reply from Redis within 3000 ms");
    assert_refused_at_once(fixture);
    usleep(500000);
    assert_refused_at_once(fixture);
    redis_process_resume(fixture->redis);
    store_fixture_await(fixture, true);
    /* The first one had reached Redis, which ran it afterwards: that is what unknown says. */
    assert_int_equal(store_fixture_get(fixture, "a", "n"), 1);
}

static void test_a_short_pause_costs_nothing(void **state)
{
    NEED_REDIS(state);
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call call = {.call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1}};
    redis_process_pause(fixture->redis);
    assert_int_equal(pending_call_submit(fixture, &call), STATUS_OK);
    usleep(300000);
    redis_process_resume(fixture->redis);
    assert_int_equal(pending_call_wait(&call), STATUS_OK);
    assert_int_equal(item.value, 1);
    assert_int_equal(store_fixture_changes(fixture), 1);
}

/* ---- bounds and the end ---- */

static void test_a_full_queue_sheds_at_once(void **state)
{
    NEED_REDIS(state);
    fixture->config.counter_service.queue = 3;
    fixture->config.redis.timeout_ms = 10000;
    store_fixture_open_anew(fixture);
    enum { CALLS = 5 };
    struct store_item items[CALLS];
    struct pending_call calls[CALLS];
    redis_process_pause(fixture->redis);
    for (int i = 0; i < CALLS; i++) {
        items[i] = store_item_of("a", "n", 1);
        calls[i] = (struct pending_call){.call = {.operation = STORE_INCREMENT, .items = &items[i], .item_count = 1}};
        assert_int_equal(pending_call_submit(fixture, &calls[i]), i < CALLS - 1 ? STATUS_OK : STATUS_SHED);
        if (i == 0) {
            store_fixture_await_taken(fixture); /* and waits for Redis */
        }
    }
    redis_process_resume(fixture->redis);
    for (int i = 0; i < CALLS - 1; i++) {
        assert_int_equal(pending_call_wait(&calls[i]), STATUS_OK);
    }
    assert_int_equal(store_fixture_get(fixture, "a", "n"), CALLS - 1);
}

static void *resume_while_the_store_ends(void *arg)
{
    /* First thing, the store takes its metrics away. */
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    while (metrics_text_value("tally_store_queue_length", -1) >= 0 && clock_monotonic_us() < give_up_us) {
        usleep(1000);
    }
    usleep(200000);
    redis_process_resume(arg);
    return NULL;
}

static void test_calls_still_queued_at_the_end_are_not_applied(void **state)
{
    NEED_REDIS(state);
    struct store_item items[] = {store_item_of("a", "n", 1), store_item_of("a", "n", 1)};
    struct pending_call first = {.call = {.operation = STORE_INCREMENT, .items = &items[0], .item_count = 1}};
    struct pending_call queued = {.call = {.operation = STORE_INCREMENT, .items = &items[1], .item_count = 1}};
    fixture->config.redis.timeout_ms = 10000;
    store_fixture_open_anew(fixture);
    redis_process_pause(fixture->redis);
    assert_int_equal(pending_call_submit(fixture, &first), STATUS_OK);
    store_fixture_await_taken(fixture);
    assert_int_equal(pending_call_submit(fixture, &queued), STATUS_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, resume_while_the_store_ends, fixture->redis), 0);
    store_free(fixture->store);
    fixture->store = NULL;
    pthread_join(thread, NULL);
    assert_int_equal(pending_call_wait(&first), STATUS_OK);
    assert_int_equal(pending_call_wait(&queued), STATUS_DRAINING);
    assert_string_equal(REDIS_ASK(fixture->redis, "HGET", "tally:{p0}:c:a", "n"), "1");
}

static void test_a_stuck_redis_does_not_hold_up_the_end(void **state)
{
    NEED_REDIS(state);
    struct store_item item = store_item_of("a", "n", 1);
    struct pending_call call = {.call = {.operation = STORE_INCREMENT, .items = &item, .item_count = 1}};
    redis_process_pause(fixture->redis);
    assert_int_equal(pending_call_submit(fixture, &call), STATUS_OK);
    store_fixture_await_taken(fixture);
    const int64_t start_us = clock_monotonic_us();
    store_free(fixture->store);
    fixture->store = NULL;
    assert_true(clock_monotonic_us() - start_us < WAIT_FOR_MAX_US);
    assert_int_equal(pending_call_wait(&call), STATUS_REPLY_LOST);
}

static void test_a_store_without_redis_ends_at_once(void **state)
{
    if (redis_process_available()) {
        *state = store_fixture_create(redis_process_prepare(NULL));
    }
    NEED_REDIS(state);
    store_fixture_open(fixture);
    usleep(1500000); /* into the longest backoff */
    const int64_t start_us = clock_monotonic_us();
    store_free(fixture->store);
    fixture->store = NULL;
    assert_true(clock_monotonic_us() - start_us < WAIT_FOR_MAX_US);
}

static int no_setup(void **state)
{
    *state = NULL;
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
#define OWN_REDIS_TEST(function) cmocka_unit_test_setup_teardown(function, no_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_notices_a_script_flush),
        TEST(test_a_pipeline_of_unknown_scripts_is_sent_again),
        TEST(test_a_redis_busy_with_a_script_refuses_writes),
        TEST(test_a_master_made_a_replica_is_noticed_while_idle),
        TEST(test_a_write_refused_by_a_replica_is_not_applied),
        TEST(test_a_master_made_a_replica_is_noticed_under_load_of_reads),
        OWN_REDIS_TEST(test_a_wrong_password_is_told_and_not_shown),
        OWN_REDIS_TEST(test_a_missing_password_is_told),
        OWN_REDIS_TEST(test_the_right_password_will_do),
        OWN_REDIS_TEST(test_a_database_that_is_not_there_is_told),
        OWN_REDIS_TEST(test_an_evicting_policy_is_refused_until_it_is_mended),
        OWN_REDIS_TEST(test_data_of_another_layout_is_refused),
        OWN_REDIS_TEST(test_a_redis_with_too_many_clients_is_waited_for),
        TEST(test_a_cut_connection_is_made_again),
        OWN_REDIS_TEST(test_redis_killed_and_restarted_is_found_again),
        OWN_REDIS_TEST(test_redis_that_comes_later_is_found),
        TEST(test_a_stuck_redis_is_down_after_its_time),
        TEST(test_a_short_pause_costs_nothing),
        TEST(test_a_full_queue_sheds_at_once),
        TEST(test_calls_still_queued_at_the_end_are_not_applied),
        TEST(test_a_stuck_redis_does_not_hold_up_the_end),
        OWN_REDIS_TEST(test_a_store_without_redis_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
