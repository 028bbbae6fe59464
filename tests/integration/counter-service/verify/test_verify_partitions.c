/* counter-verify where the counters are in several partitions of one Redis. There is no service: the tests write what
 * one would. */
#include "counter-service/verify/verify.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/commands/redis_keys.h"
#include "counter-service/event/event_message.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/verify/redis_readers.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/use_redis.h"

enum { PARTITIONS = 4, TOPIC_PARTITIONS = 3, TEXT_SIZE = 64 };
#define STORE "9f86d081884c7d659a2feaa0c55ad015"

struct fixture {
    struct redis_process *redis;
    struct kafka_fixture kafka;
    struct event_writer writer;
    struct verify_options options;
    char snapshot[TEXT_SIZE];
    int64_t numbers[PARTITIONS]; /* of the last event of each, which is its entry's too */
    char *text;                  /* what the last run printed */
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
    ASK(fixture, "SET", "tally:store", STORE);
    ASK(fixture, "SET", "tally:meta", redis_meta_of(PARTITIONS).text);
    kafka_fixture_start(&fixture->kafka, 1, TOPIC_PARTITIONS, NULL);
    struct config *config = fixture->kafka.config;
    use_redis(config, redis_process_address(fixture->redis));
    config->redis.partitions = PARTITIONS;
    event_writer_init(&fixture->writer, EVENT_FORMAT_JSON, STORE);
    fixture->options = (struct verify_options){.shard = {0, 1}, .timeout_ms = 5000};
    snprintf(fixture->snapshot, sizeof(fixture->snapshot), "/tmp/tally-partitions-%ld.snapshot", (long)getpid());
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture != NULL) {
        unlink(fixture->snapshot);
        kafka_fixture_stop(&fixture->kafka);
        redis_process_end(fixture->redis);
        free(fixture->text);
        free(fixture);
    }
    return 0;
}

static int partition_of(const char *resource_id)
{
    return redis_partition_of(text_of(resource_id), PARTITIONS);
}

/* "tally:{p<number>}:<rest>" */
static void name_key(char out[TEXT_SIZE], int partition, const char *rest)
{
    snprintf(out, TEXT_SIZE, "%s%s", redis_key_prefix_of(partition).data, rest);
}

/* Counter, outbox and number have it; the relay does not. */
static struct event count(struct fixture *fixture, const char *resource_id, int64_t delta)
{
    char key[TEXT_SIZE], number[TEXT_SIZE], id[TEXT_SIZE], text[TEXT_SIZE];
    const int partition = partition_of(resource_id);
    const int64_t place = ++fixture->numbers[partition];
    name_key(key, partition, "c:");
    snprintf(key + strlen(key), sizeof(key) - strlen(key), "%s", resource_id);
    snprintf(text, sizeof(text), "%" PRId64, delta);
    ASK(fixture, "HINCRBY", key, "like", text);
    const int64_t value = strtoll(ASK(fixture, "HGET", key, "like"), NULL, 10);
    snprintf(number, sizeof(number), "%" PRId64, place);
    snprintf(id, sizeof(id), "%" PRId64 "-0", 1000 * partition + place);
    name_key(key, partition, "events");
    ASK(fixture, "XADD", key, id, "n", number, "i", "x", "r", "x");
    name_key(key, partition, "outbox");
    ASK(fixture, "HSET", key, "n", number);
    return (struct event){
        .partition = (unsigned)partition,
        .entry = {(uint64_t)(1000 * partition + place), 0},
        .resource_id = text_of(resource_id),
        .counter_type = TEXT("like"),
        .delta = delta,
        .value = value,
        .has_value = true,
    };
}

/* As the relay of its partition: the event, if it is wanted, and its position. */
static void publish(struct fixture *fixture, const struct event *event, bool is_wanted)
{
    char key[TEXT_SIZE], position[TEXT_SIZE];
    if (is_wanted) {
        struct buffer value;
        buffer_init(&value);
        event_writer_put(&fixture->writer, event, &value);
        kafka_fixture_produce(&fixture->kafka, event->resource_id.data[1] % TOPIC_PARTITIONS, event->resource_id,
                              (struct text){value.data, value.len}, "content-type", "application/json");
        buffer_done(&value);
        kafka_fixture_flush(&fixture->kafka);
    }
    name_key(key, (int)event->partition, "pos:kafka");
    snprintf(position, sizeof(position), "%" PRIu64 "-0 %" PRId64, event->entry.ms, fixture->numbers[event->partition]);
    ASK(fixture, "SET", key, position);
}

static void increment(struct fixture *fixture, const char *resource_id, int64_t delta)
{
    const struct event event = count(fixture, resource_id, delta);
    publish(fixture, &event, true);
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
    assert_string_equal(strchr(fixture->text, '\n') + 1, rest);
    assert_int_equal(found, code);
}

static void check_failed(struct fixture *fixture, const char *piece)
{
    assert_int_equal(run(fixture), VERIFY_FAILED);
    if (strstr(fixture->error.message, piece) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", piece, fixture->error.message);
    }
}

/* r0 to r9 are in all partitions: each has at least one. */
static const char *const resources[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"};
enum { RESOURCES = sizeof(resources) / sizeof(resources[0]) };

static const char *resource_in(int partition)
{
    for (int i = 0; i < RESOURCES; i++) {
        if (partition_of(resources[i]) == partition) {
            return resources[i];
        }
    }
    fail_msg("no resource is in partition %d", partition);
    return NULL;
}

static void increment_all(struct fixture *fixture)
{
    for (int i = 0; i < RESOURCES; i++) {
        increment(fixture, resources[i], i + 1);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void test_the_counters_of_all_partitions_are_compared(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    increment_all(fixture);
    check(fixture, VERIFY_EQUAL, "20 events, 0 repetitions, 10 counters\nequal\n");
}

static void test_a_difference_in_any_partition_is_told(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        char key[TEXT_SIZE], line[TEXT_SIZE];
        const char *resource_id = resource_in(partition);
        name_key(key, partition, "c:");
        snprintf(key + strlen(key), sizeof(key) - strlen(key), "%s", resource_id);
        ASK(fixture, "HINCRBY", key, "like", "1");
        assert_int_equal(run(fixture), VERIFY_DIFFERENT);
        snprintf(line, sizeof(line), "\n%s like: events say ", resource_id);
        assert_non_null(strstr(fixture->text, line));
        assert_non_null(strstr(fixture->text, "\n1 difference\n"));
        ASK(fixture, "HINCRBY", key, "like", "-1");
    }
}

/* A partition's cuts are its own: entries of another one may be far ahead of them. */
static void test_a_partition_that_is_behind_hides_no_missing_event(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    const struct event event = count(fixture, resource_in(0), 1);
    publish(fixture, &event, false);
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_non_null(strstr(fixture->text, "\n1 difference\n"));
}

static void test_writes_that_one_partition_has_lost_are_a_difference(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    struct event event = count(fixture, resource_in(0), 1);
    publish(fixture, &event, true);
    event.entry.ms += 5;
    event.value++;
    publish(fixture, &event, true);
    char key[TEXT_SIZE];
    name_key(key, 0, "pos:kafka");
    ASK(fixture, "SET", key, "1-0 1");
    ASK(fixture, "DEL", "tally:{p0}:events");
    ASK(fixture, "XADD", "tally:{p0}:events", "1-0", "n", "1", "i", "x", "r", "x");
    assert_int_equal(run(fixture), VERIFY_DIFFERENT);
    assert_non_null(strstr(fixture->text, " on the topic that Redis does not know: it has lost writes\n"));
}

static void test_events_that_wait_in_any_partition_cannot_be_compared(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    fixture->options.timeout_ms = 3000;
    (void)count(fixture, resource_in(2), 1);
    check_failed(fixture, "1 event waits in Redis (partition 2), and none was published for 3s: ");
}

static void test_an_outbox_of_any_partition_may_be_damaged(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    ASK(fixture, "DEL", "tally:{p3}:events");
    check_failed(fixture, "Redis has no key tally:{p3}:events, though the outbox had ");
}

static void test_a_snapshot_has_all_partitions(void **state)
{
    NEED_FIXTURE(state);
    increment_all(fixture);
    fixture->options.write_snapshot = fixture->snapshot;
    assert_int_equal(run(fixture), VERIFY_EQUAL);
    fixture->options.write_snapshot = NULL;
    fixture->options.snapshot = fixture->snapshot;
    increment_all(fixture);
    check(fixture, VERIFY_EQUAL, "10 events, 0 repetitions, 10 counters\nequal\n");
}

static void test_a_counter_in_a_partition_that_is_not_its_own_is_counted(void **state)
{
    NEED_FIXTURE(state);
    const char *resource_id = resource_in(1);
    increment(fixture, resource_id, 5);
    for (int partition = 0; partition < PARTITIONS + 2; partition++) {
        char key[TEXT_SIZE];
        name_key(key, partition, "c:");
        snprintf(key + strlen(key), sizeof(key) - strlen(key), "%s", resource_id);
        ASK(fixture, "HSET", key, "like", "5");
    }
    ASK(fixture, "HSET", "tally:{p01}:c:r1", "like", "5"); /* Tally does not write its numbers so */
    ASK(fixture, "HSET", "tally:{p1}:d:r1", "like", "5");
    check(fixture, VERIFY_EQUAL,
          "1 event, 0 repetitions, 1 counter\n3 keys of Redis are in partitions that their resources are not in\n"
          "equal\n");
}

static void test_there_is_one_connection_to_one_redis(void **state)
{
    NEED_FIXTURE(state);
    struct redis_readers readers;
    struct error error;
    assert_int_equal(redis_readers_open(&readers, fixture->kafka.config, &error), 0);
    assert_int_equal(readers.count, PARTITIONS);
    assert_int_equal(readers.link_count, 1);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_ptr_equal(readers.all[i].conn, readers.links[0].conn);
        assert_int_equal(readers.all[i].partition, i);
        assert_ptr_equal(redis_readers_of(&readers, text_of(resource_in(i))), &readers.all[i]);
    }
    assert_string_equal(readers.store_id, STORE);
    redis_readers_close(&readers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_counters_of_all_partitions_are_compared),
        TEST(test_a_difference_in_any_partition_is_told),
        TEST(test_a_partition_that_is_behind_hides_no_missing_event),
        TEST(test_writes_that_one_partition_has_lost_are_a_difference),
        TEST(test_events_that_wait_in_any_partition_cannot_be_compared),
        TEST(test_an_outbox_of_any_partition_may_be_damaged),
        TEST(test_a_snapshot_has_all_partitions),
        TEST(test_a_counter_in_a_partition_that_is_not_its_own_is_counted),
        TEST(test_there_is_one_connection_to_one_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
