/* counter-verify on a real Redis and librdkafka's mock cluster. The tests carry the events from the one to the other,
 * as the relay would. */
#include "counter-service/verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/event/event_message.h"
#include "counter-service/outbox/outbox_follower.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/store_fixture.h"
#include "tests/fakes/use_redis.h"

enum { PARTITIONS = 3, LEASE_MS = 60 * 1000 };

struct fixture {
    struct store_fixture *store;
    struct kafka_fixture kafka;
    struct verify_options options;
    char snapshot[64];
    char *text; /* what the last run printed */
    struct error error;
};

/* ---- what a test needs ------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->store = store_fixture_create(redis_process_start(NULL));
    store_fixture_keep_events(fixture->store, 1000000, WHEN_FULL_DROP_OLDEST);
    store_fixture_open(fixture->store);
    store_fixture_await(fixture->store, true);
    kafka_fixture_start(&fixture->kafka, 1, PARTITIONS, NULL);
    use_redis(fixture->kafka.config, fixture->store->config.redis.addrs[0]);
    fixture->options = (struct verify_options){.shard = {0, 1}, .timeout_ms = 20000};
    snprintf(fixture->snapshot, sizeof(fixture->snapshot), "/tmp/tally-verify-%ld.snapshot", (long)getpid());
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture != NULL) {
        unlink(fixture->snapshot);
        kafka_fixture_stop(&fixture->kafka);
        store_fixture_free(fixture->store);
        free(fixture->text);
        free(fixture);
    }
    return 0;
}

static void increment(struct fixture *fixture, const char *resource_id, int64_t delta)
{
    store_fixture_increment_one(fixture->store, store_item_of(resource_id, "like", delta));
}

static void produce(struct fixture *fixture, struct event_writer *writer, const struct event *event)
{
    struct buffer value;
    buffer_init(&value);
    event_writer_put(writer, event, &value);
    const char *type = writer->format == EVENT_FORMAT_JSON ? "application/json" : "application/protobuf";
    kafka_fixture_produce(&fixture->kafka, event->resource_id.data[0] % PARTITIONS, event->resource_id,
                          (struct text){value.data, value.len}, "content-type", type);
    buffer_done(&value);
}

/* All events that wait, but for those of the resource `without`; each so many times. */
static void publish_some(struct fixture *fixture, enum event_format format, const char *without, int times)
{
    struct outbox_conn conn;
    struct outbox_follower follower;
    struct event_writer writer;
    struct redis_address address;
    struct event event;
    struct outbox_entry *entry;
    struct error error;
    bool restarted;
    assert_int_equal(redis_address_parse(fixture->store->config.redis.addrs[0], &address, &error), 0);
    assert_int_equal(outbox_conn_open(&conn, &address, &fixture->store->config, &error), 0);
    assert_int_equal(outbox_follower_init(&follower, 0, outbox_consumer_kafka, LEASE_MS, &error), 0);
    char store_id[STORE_ID_SIZE];
    snprintf(store_id, sizeof(store_id), "%s", REDIS_ASK(fixture->store->redis, "GET", "tally:store"));
    event_writer_init(&writer, format, store_id);
    do {
        assert_int_equal(outbox_follower_step(&follower, &conn, 10000, &restarted, &error), 0);
        while (outbox_follower_peek(&follower, &event, &entry)) {
            for (int i = 0; i < times && !text_equal(event.resource_id, text_of(without)); i++) {
                produce(fixture, &writer, &event);
            }
            outbox_follower_take(&follower);
            outbox_follower_event_done(&follower, entry);
        }
    } while (!follower.at_end);
    assert_int_equal(outbox_follower_step(&follower, &conn, 0, &restarted, &error), 0);
    outbox_follower_release(&follower, &conn);
    outbox_follower_done(&follower);
    outbox_conn_close(&conn);
    if (fixture->kafka.producer != NULL) {
        kafka_fixture_flush(&fixture->kafka);
    }
}

static void publish(struct fixture *fixture)
{
    publish_some(fixture, EVENT_FORMAT_JSON, "", 1);
}

static int run(struct fixture *fixture)
{
    size_t len;
    free(fixture->text);
    fixture->error.message[0] = '\0';
    FILE *out = open_memstream(&fixture->text, &len);
    assert_non_null(out);
    const int code = verify_run(fixture->kafka.config, &fixture->options, out, &fixture->error);
    fclose(out);
    return code;
}

/* rest: all that is printed behind the first line. */
static void check(struct fixture *fixture, int code, const char *rest)
{
    const int found = run(fixture);
    assert_string_equal(fixture->error.message, "");
    const char *line_end = strchr(fixture->text, '\n');
    assert_non_null(line_end);
    assert_int_equal(strncmp(fixture->text, "store ", 6), 0);
    assert_string_equal(line_end + 1, rest);
    assert_int_equal(found, code);
}

static void check_failed(struct fixture *fixture, const char *piece)
{
    assert_int_equal(run(fixture), VERIFY_FAILED);
    if (strstr(fixture->error.message, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->error.message);
    }
}

/* ---- what is compared -------------------------------------------------------------------------------------------- */

static void test_a_store_that_was_never_written_is_equal(void **state)
{
    NEED_FIXTURE(state);
    check(fixture, VERIFY_EQUAL, "0 events, 0 repetitions, 0 counters\nequal\n");
}

static void test_what_was_published_is_equal_in_both_formats(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 5);
    increment(fixture, "b \xC3\xA9", -2);
    publish(fixture);
    increment(fixture, "a", INT64_C(9007199254740993));
    publish_some(fixture, EVENT_FORMAT_PROTOBUF, "", 1);
    check(fixture, VERIFY_EQUAL, "3 events, 0 repetitions, 2 counters\nequal\n");
}

static void test_many_counters_in_many_steps_of_the_scan(void **state)
{
    NEED_FIXTURE(state);
    enum { COUNT = 3000, BATCH = 1000 };
    static char names[COUNT][16];
    static struct store_item items[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "%c%d", 'a' + i % 26, i);
        items[i] = store_item_of(names[i], "like", i + 1);
    }
    for (int i = 0; i < COUNT; i += BATCH) {
        assert_int_equal(store_fixture_increment(fixture->store, items + i, BATCH), STATUS_OK);
    }
    publish(fixture);
    check(fixture, VERIFY_EQUAL, "3000 events, 0 repetitions, 3000 counters\nequal\n");
}

static void test_repetitions_are_counted_and_change_nothing(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 5);
    increment(fixture, "b", 5);
    publish_some(fixture, EVENT_FORMAT_JSON, "", 3);
    check(fixture, VERIFY_EQUAL, "2 events, 4 repetitions, 2 counters\nequal\n");
}

static void test_every_difference_is_told(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 41);
    increment(fixture, "b", 2);
    increment(fixture, "c", 3);
    increment(fixture, "d", 1);
    publish_some(fixture, EVENT_FORMAT_JSON, "b", 1);
    REDIS_ASK(fixture->store->redis, "HINCRBY", "tally:{p0}:c:a", "like", "1");
    REDIS_ASK(fixture->store->redis, "DEL", "tally:{p0}:c:c");
    REDIS_ASK(fixture->store->redis, "HSET", "tally:{p0}:c:d", "like", "one");
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    static const char *const lines[] = {
        "\na like: events say 41, redis has 42\n",  "\nb like: events say 0, redis has 2\n",
        "\nc like: events say 3, redis has none\n", "\nd like: redis has no number: \"one\"\n",
        "\n3 events, 0 repetitions, 4 counters\n",  "\n4 differences\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(fixture->text, lines[i]));
    }
}

static void test_a_key_that_holds_no_counters_is_a_difference(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 1);
    publish(fixture);
    REDIS_ASK(fixture->store->redis, "SET", "tally:{p0}:c:a", "x");
    REDIS_ASK(fixture->store->redis, "SET", "tally:{p0}:c:", "x");
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_non_null(strstr(fixture->text, "\na: redis has no counters under its key: WRONGTYPE"));
    assert_non_null(strstr(fixture->text, "\n1 difference\n"));
}

static void test_what_tally_cannot_have_written_is_counted(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 1);
    publish(fixture);
    REDIS_ASK(fixture->store->redis, "HSET", "tally:{p0}:c:x{y", "like", "1");
    REDIS_ASK(fixture->store->redis, "HSET", "tally:{p0}:c:a", "Bad Type", "1");
    REDIS_ASK(fixture->store->redis, "HSET", "tally:{p0}:c:a", "Worse Type", "1");
    check(fixture, VERIFY_EQUAL,
          "1 event, 0 repetitions, 1 counter\n"
          "1 key of Redis has a resource_id that Tally does not take\n"
          "2 fields of Redis are no counter_types that Tally takes\nequal\n");
}

static long long calls_of_exec(struct fixture *fixture)
{
    const char *line = strstr(REDIS_ASK(fixture->store->redis, "INFO", "commandstats"), "cmdstat_exec:calls=");
    return line == NULL ? 0 : strtoll(strchr(line, '=') + 1, NULL, 10);
}

/* Eight hashes of 500 fields: two go into a step. */
static void test_large_hashes_are_read_a_few_at_a_time(void **state)
{
    NEED_FIXTURE(state);
    static const char script[] = "for i = 0, 3999 do redis.call('HSET', 'tally:{p0}:c:r' .. i % 8, 't' .. i, 0) end";
    REDIS_ASK(fixture->store->redis, "EVAL", script, "0");
    const long long before = calls_of_exec(fixture);
    check(fixture, VERIFY_EQUAL, "0 events, 0 repetitions, 4000 counters\nequal\n");
    assert_true(calls_of_exec(fixture) - before >= 4);
}

static void test_missing_events_are_told(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 1);
    publish_some(fixture, EVENT_FORMAT_JSON, "a", 1);
    increment(fixture, "a", 1);
    publish(fixture);
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_non_null(strstr(fixture->text, "\na like: events missing before "));
    assert_non_null(strstr(fixture->text, "-0 (value 2, expected 1)\n"));
    assert_non_null(strstr(fixture->text, "\na like: events say 1, redis has 2\n2 differences\n"));
}

static void test_messages_of_others_are_counted(void **state)
{
    NEED_FIXTURE(state);
    struct event_writer other;
    const struct event event = {.entry = {1, 1}, .resource_id = {"a", 1}, .counter_type = {"like", 4}, .delta = 1};
    increment(fixture, "a", 5);
    publish(fixture);
    kafka_fixture_produce(&fixture->kafka, 0, TEXT("key"), TEXT("{}"), NULL, NULL);
    kafka_fixture_produce(&fixture->kafka, 1, TEXT("key"), TEXT("{}"), "ce_type", "org.example.other");
    kafka_fixture_produce(&fixture->kafka, 2, TEXT("key"), (struct text){NULL, 0}, "content-type", "text/plain");
    event_writer_init(&other, EVENT_FORMAT_JSON, "00000000000000000000000000000000");
    produce(fixture, &other, &event);
    kafka_fixture_flush(&fixture->kafka);
    check(fixture, VERIFY_EQUAL,
          "1 event, 0 repetitions, 1 counter\n1 event is another store's\n"
          "3 messages are no events\nequal\n");
}

static void test_shards_are_all_counters_together(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 1);
    increment(fixture, "b", 1);
    increment(fixture, "c", 1);
    publish_some(fixture, EVENT_FORMAT_JSON, "c", 1);
    int different = 0;
    for (unsigned i = 0; i < 2; i++) {
        fixture->options.shard = (struct shard){i, 2};
        const int code = run(fixture);
        assert_int_not_equal(code, VERIFY_FAILED);
        different += code == VERIFY_DIFFERENT;
    }
    assert_int_equal(different, 1);
}

/* As a Redis does that is restored from a dump of its second second: the topic has more than it. */
static void lose_writes(struct fixture *fixture)
{
    struct redis_process *redis = fixture->store->redis;
    REDIS_ASK(redis, "HSET", "tally:{p0}:c:a", "like", "2");
    REDIS_ASK(redis, "HSET", "tally:{p0}:outbox", "n", "2");
    REDIS_ASK(redis, "DEL", "tally:{p0}:events");
    REDIS_ASK(redis, "XADD", "tally:{p0}:events", "1-1", "n", "1", "i", "x", "r", "x");
    REDIS_ASK(redis, "SET", "tally:{p0}:pos:kafka", "1-1 2");
}

static void test_writes_that_redis_has_lost_are_a_difference(void **state)
{
    NEED_FIXTURE(state);
    for (int i = 0; i < 5; i++) {
        increment(fixture, "a", 1);
    }
    publish(fixture);
    lose_writes(fixture);
    fixture->options.write_snapshot = fixture->snapshot;
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_non_null(strstr(fixture->text, "\n5 events up to entry "));
    assert_non_null(strstr(fixture->text, " are on the topic that Redis does not know: it has lost writes\n"));
    assert_non_null(strstr(fixture->text, "\nno snapshot is written\n"));
    assert_int_equal(access(fixture->snapshot, F_OK), -1);
}

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

static void test_a_snapshot_takes_the_place_of_events_that_are_not_there(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 5);
    increment(fixture, "b", 7);
    publish_some(fixture, EVENT_FORMAT_JSON, "b", 1);
    increment(fixture, "a", 1); /* its event comes behind the snapshot's offsets */
    fixture->options.write_snapshot = fixture->snapshot;
    fixture->options.timeout_ms = 3000;
    check_failed(fixture, "1 event waits in Redis, and none was published for 3s");
    publish(fixture);
    increment(fixture, "a", 1);
    increment(fixture, "b", 1);
    increment(fixture, "c", 1);
    publish(fixture);
    fixture->options = (struct verify_options){.shard = {0, 1}, .timeout_ms = 20000, .snapshot = fixture->snapshot};
    check(fixture, VERIFY_EQUAL, "3 events, 0 repetitions, 3 counters\n1 event is in the snapshot\nequal\n");
}

static void test_a_snapshot_does_not_hide_what_happens_later(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 5);
    publish(fixture);
    fixture->options.write_snapshot = fixture->snapshot;
    assert_int_equal(run(fixture), VERIFY_EQUAL);
    fixture->options.write_snapshot = NULL;
    fixture->options.snapshot = fixture->snapshot;
    increment(fixture, "a", 1);
    publish_some(fixture, EVENT_FORMAT_JSON, "a", 1);
    check(fixture, VERIFY_DIFFERENT,
          "0 events, 0 repetitions, 1 counter\na like: events say 5, redis has 6\n1 difference\n");
}

/* ---- what cannot be compared ------------------------------------------------------------------------------------- */

static void test_events_that_wait_cannot_be_compared(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 1);
    increment(fixture, "a", 1);
    fixture->options.timeout_ms = 3000;
    check_failed(fixture, "2 events wait in Redis, and none was published for 3s: counter-service's /health");
}

static void test_an_outbox_whose_stream_was_deleted_cannot_be_compared(void **state)
{
    NEED_FIXTURE(state);
    struct redis_process *redis = fixture->store->redis;
    increment(fixture, "a", 1);
    publish(fixture);
    REDIS_ASK(redis, "DEL", "tally:{p0}:events");
    check_failed(fixture, "Redis has no key tally:{p0}:events, though the outbox had 1 event: it was deleted");
    REDIS_ASK(redis, "XADD", "tally:{p0}:events", "1-1", "n", "1", "i", "x", "r", "x");
    check_failed(fixture, " (tally:{p0}:pos:kafka), and tally:{p0}:events has only come to 1-1: ");
}

static void test_a_relay_without_a_position_is_told(void **state)
{
    NEED_FIXTURE(state);
    struct redis_process *redis = fixture->store->redis;
    increment(fixture, "a", 1);
    publish(fixture);
    REDIS_ASK(redis, "DEL", "tally:{p0}:pos:kafka");
    REDIS_ASK(redis, "HSET", "tally:{p0}:outbox", "t", "1");
    fixture->options.timeout_ms = 3000;
    check_failed(fixture, "no event waits in Redis, but the relay has not come to the last entry, in 3s: "
                          "it is at 0-0 (key pos:kafka; 0-0 where it is missing)");
}

static void test_a_topic_that_was_made_anew_needs_another_snapshot(void **state)
{
    NEED_FIXTURE(state);
    increment(fixture, "a", 5);
    publish(fixture);
    FILE *file = fopen(fixture->snapshot, "w");
    assert_non_null(file);
    fprintf(file, "tally-snapshot\t1\t%s\t" KAFKA_FIXTURE_TOPIC "\t0\t1\npartition\t0\t17\nend\t0\n",
            REDIS_ASK(fixture->store->redis, "GET", "tally:store"));
    fclose(file);
    fixture->options.snapshot = fixture->snapshot;
    check_failed(fixture, "partition 0 of the topic ends with offset 0, and the snapshot's is 17");
}

static void test_a_topic_without_its_beginning_needs_a_snapshot(void **state)
{
    NEED_FIXTURE(state);
    enum { MESSAGES = 100, MESSAGE_LEN = 100 * 1000 };
    static char filler[MESSAGE_LEN];
    memset(filler, 'x', sizeof(filler));
    fixture->options.write_snapshot = fixture->snapshot;
    assert_int_equal(run(fixture), VERIFY_EQUAL);
    fixture->options.write_snapshot = NULL;
    /* The mock cluster keeps 5 MB a partition. */
    for (int i = 0; i < MESSAGES; i++) {
        kafka_fixture_produce(&fixture->kafka, 1, TEXT("key"), (struct text){filler, sizeof(filler)}, NULL, NULL);
    }
    kafka_fixture_flush(&fixture->kafka);
    check_failed(fixture, "events were deleted (retention); only a snapshot (--write-snapshot) can be compared with");
    fixture->options.snapshot = fixture->snapshot;
    check_failed(fixture, "events were deleted (retention); only a newer snapshot can be compared with");
    fixture->options.write_snapshot = fixture->snapshot;
    check_failed(fixture, "events were deleted (retention); only a newer snapshot can be compared with");
    fixture->options.write_snapshot = NULL;
    check(fixture, VERIFY_EQUAL, "0 events, 0 repetitions, 0 counters\nequal\n");
}

static void test_a_redis_or_a_kafka_that_is_not_there_is_said(void **state)
{
    NEED_FIXTURE(state);
    kafka_fixture_set_down(&fixture->kafka, 1);
    fixture->options.timeout_ms = 3000;
    check_failed(fixture,
                 "no broker of kafka.brokers answers whether topic events is there: no broker can be reached: ");
    REDIS_ASK(fixture->store->redis, "DEL", "tally:store");
    check_failed(fixture, "Redis has no key tally:store");
    redis_process_kill(fixture->store->redis);
    check_failed(fixture, "cannot connect to Redis");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_store_that_was_never_written_is_equal),
        TEST(test_what_was_published_is_equal_in_both_formats),
        TEST(test_many_counters_in_many_steps_of_the_scan),
        TEST(test_repetitions_are_counted_and_change_nothing),
        TEST(test_every_difference_is_told),
        TEST(test_a_key_that_holds_no_counters_is_a_difference),
        TEST(test_what_tally_cannot_have_written_is_counted),
        TEST(test_large_hashes_are_read_a_few_at_a_time),
        TEST(test_missing_events_are_told),
        TEST(test_messages_of_others_are_counted),
        TEST(test_shards_are_all_counters_together),
        TEST(test_writes_that_redis_has_lost_are_a_difference),
        TEST(test_a_snapshot_takes_the_place_of_events_that_are_not_there),
        TEST(test_a_snapshot_does_not_hide_what_happens_later),
        TEST(test_events_that_wait_cannot_be_compared),
        TEST(test_an_outbox_whose_stream_was_deleted_cannot_be_compared),
        TEST(test_a_relay_without_a_position_is_told),
        TEST(test_a_topic_that_was_made_anew_needs_another_snapshot),
        TEST(test_a_topic_without_its_beginning_needs_a_snapshot),
        TEST(test_a_redis_or_a_kafka_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
