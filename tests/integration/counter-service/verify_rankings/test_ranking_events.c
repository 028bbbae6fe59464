/* counter-verify --rankings with a topic: a real Redis, librdkafka's mock cluster, and an aggregator that is driven
 * turn by turn. The tests carry the events from the outbox to the topic, as the relay would. */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/prng.h"
#include "counter-service/event/event_message.h"
#include "counter-service/repair/ranking_rebuild.h"
#include "counter-service/repair/ranking_repair.h"
#include "counter-service/verify_rankings/ranking_verify.h"
#include "tests/fakes/kafka_fixture.h"
#include "tests/fakes/ranking_edit.h"
#include "tests/fakes/ranking_fixture.h"
#include "tests/fakes/use_redis.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { PARTITIONS = 3, RESOURCES = 700, KEEP = 40, BATCH = 20, LEASE_MS = 60 * 1000 };
enum { CHUNK_EVENTS = 120 * 1000, CHUNK_TURNS_MAX = 1000 };

struct setting {
    struct ranking_fixture *rankings;
    struct aggregator_run *run;
    struct kafka_fixture kafka;
    struct outbox_conn conn; /* the relay's */
    struct outbox_follower follower;
    struct event_writer writer;
    struct prng prng;
    struct verify_options options;
    char *text; /* what the last run printed */
    int code;
    struct error error;
};

/* ---- what a test needs ------------------------------------------------------------------------------------------- */

static void produce(struct setting *setting, const struct event *event)
{
    struct buffer value;
    buffer_init(&value);
    event_writer_put(&setting->writer, event, &value);
    kafka_fixture_produce(&setting->kafka, event->resource_id.data[event->resource_id.len - 1] % PARTITIONS,
                          event->resource_id, (struct text){value.data, value.len}, "content-type", "application/json");
    buffer_done(&value);
}

/* All events that wait, but for those of the resource `without`; each so many times. */
static void publish(struct setting *setting, const char *without, int times)
{
    struct event event;
    struct outbox_entry *entry;
    bool restarted;
    do {
        assert_int_equal(outbox_follower_step(&setting->follower, &setting->conn, 10000, &restarted, &setting->error),
                         0);
        while (outbox_follower_peek(&setting->follower, &event, &entry)) {
            for (int i = 0; i < times && !text_equal(event.resource_id, text_of(without)); i++) {
                produce(setting, &event);
            }
            outbox_follower_take(&setting->follower);
        }
        outbox_follower_all_done(&setting->follower);
        if (setting->kafka.producer != NULL) {
            kafka_fixture_flush(&setting->kafka);
        }
    } while (!setting->follower.at_end);
    assert_int_equal(outbox_follower_step(&setting->follower, &setting->conn, 0, &restarted, &setting->error), 0);
}

static void open_topic(struct setting *setting)
{
    struct redis_address address;
    struct config *config;
    kafka_fixture_start(&setting->kafka, 1, PARTITIONS, NULL);
    config = setting->kafka.config;
    use_redis(config, setting->rankings->config.redis.addrs[0]);
    config->redis.timeout_ms = 10000; /* on a machine that has other things to do */
    config->rankings = setting->rankings->config.rankings;
    config->ranking_count = 1;
    assert_int_equal(redis_address_parse(config->redis.addrs[0], &address, &setting->error), 0);
    assert_int_equal(outbox_conn_open(&setting->conn, &address, config, &setting->error), 0);
    assert_int_equal(outbox_follower_init(&setting->follower, 0, outbox_consumer_kafka, LEASE_MS, &setting->error), 0);
    event_writer_init(&setting->writer, EVENT_FORMAT_JSON, setting->conn.store_id);
}

static void write_batches(struct setting *setting, int count, int64_t step_ms)
{
    for (int i = 0; i < count; i++) {
        struct ranking_event batch[BATCH];
        for (int k = 0; k < BATCH; k++) {
            const int64_t size = 1 + (int64_t)prng_up_to(&setting->prng, 5);
            batch[k] = (struct ranking_event){.resource = (int)prng_up_to(&setting->prng, RESOURCES - 1),
                                              .delta = prng_up_to(&setting->prng, 9) == 0 ? -size : size};
        }
        ranking_fixture_write(setting->rankings, setting->rankings->now_ms + step_ms, batch, BATCH);
    }
}

/* Two hours and some minutes have events, from the middle of an hour on, ahead of the clock. */
static void begin(struct setting *setting, struct store_fixture *store)
{
    const int64_t ahead_ms = clock_realtime_us() / 1000 + INT64_C(400) * DAY;
    *setting = (struct setting){.prng = {9}, .options = {.shard = {0, 1}, .timeout_ms = 5000}};
    setting->rankings = ranking_fixture_open(store, RESOURCES, KEEP);
    setting->rankings->now_ms = ahead_ms - ahead_ms % HOUR + 30 * (int64_t)MINUTE;
    open_topic(setting);
    publish(setting, "", 1); /* nothing; from now on the outbox is kept for the relay */
    setting->run = ranking_fixture_start(setting->rankings);
    write_batches(setting, 100, MINUTE);
    ranking_fixture_settle(setting->run);
}

static void end(struct setting *setting)
{
    setting->kafka.config->rankings = NULL;
    setting->kafka.config->ranking_count = 0;
    outbox_follower_done(&setting->follower);
    outbox_conn_close(&setting->conn);
    kafka_fixture_stop(&setting->kafka);
    ranking_fixture_kill(setting->run);
    ranking_fixture_free(setting->rankings);
    free(setting->text);
}

static void run(struct setting *setting)
{
    size_t len;
    free(setting->text);
    setting->error.message[0] = '\0';
    FILE *out = open_memstream(&setting->text, &len);
    assert_non_null(out);
    setting->code = ranking_verify_run(setting->kafka.config, &setting->options, out, &setting->error);
    fclose(out);
}

static void check(struct setting *setting, int code, const char *piece)
{
    run(setting);
    assert_string_equal(setting->error.message, "");
    if (setting->code != code || strstr(setting->text, piece) == NULL) {
        fail_msg("exit %d; \"%s\" is expected in:\n%s", setting->code, piece, setting->text);
    }
}

#define ASK(setting, ...) REDIS_ASK((setting)->rankings->store->redis, __VA_ARGS__)

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void test_records_are_the_sums_of_the_events(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    check(&setting, VERIFY_EQUAL, "\n2000 events, 0 repetitions, 0 later\nequal\n");
    write_batches(&setting, 50, 3 * MINUTE);
    publish(&setting, "", 2);
    check(&setting, VERIFY_EQUAL, "\n2000 events, 1000 repetitions, 1000 later\nequal\n");
    ranking_fixture_settle(setting.run);
    check(&setting, VERIFY_EQUAL, "\n3000 events, 1000 repetitions, 0 later\nequal\n");
    end(&setting);
}

/* Of more events than a chunk takes: it ends within an entry. */
static void write_more_than_a_chunk(struct setting *setting)
{
    struct ranking_event batch[RESOURCES];
    for (int i = 0; i < RESOURCES; i++) {
        batch[i] = (struct ranking_event){.resource = i, .delta = 1 + i % 3};
    }
    for (int i = 0; i < CHUNK_EVENTS / RESOURCES + 2; i++) {
        ranking_fixture_write(setting->rankings, setting->rankings->now_ms + 1, batch, RESOURCES);
    }
}

static void count_a_chunk(struct setting *setting)
{
    const uint64_t before = setting->run->state.at.number;
    for (int i = 0; i < CHUNK_TURNS_MAX && setting->run->state.at.number == before; i++) {
        (void)ranking_fixture_turn(setting->run);
    }
    assert_true(setting->run->state.at.number > before);
}

static void test_a_moment_may_be_within_an_entry(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    const uint64_t before = setting.run->state.at.number;
    write_more_than_a_chunk(&setting);
    publish(&setting, "", 1);
    count_a_chunk(&setting);
    assert_int_not_equal((setting.run->state.at.number - before) % RESOURCES, 0);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    end(&setting);
}

static void test_there_is_no_moment_within_a_chunk(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    write_batches(&setting, 50, 1);
    publish(&setting, "", 1);
    setting.run->rows_max = RESOURCES / 4;
    for (int i = 0; i < CHUNK_TURNS_MAX && setting.run->state.part.lanes == 0; i++) {
        (void)ranking_fixture_turn(setting.run);
    }
    assert_true(setting.run->state.part.lanes > 0);
    setting.options.timeout_ms = 50;
    run(&setting);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_non_null(strstr(setting.error.message, "no moment in 50ms"));
    count_a_chunk(&setting);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    end(&setting);
}

static void test_events_that_are_missing_on_the_topic_are_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    const struct ranking_event last = {.resource = 5, .delta = 1000};
    begin(&setting, fixture);
    ranking_fixture_write(setting.rankings, setting.rankings->now_ms, &last, 1);
    ranking_fixture_settle(setting.run);
    publish(&setting, "r5", 1);
    check(&setting, VERIFY_DIFFERENT, "\nr5 like 1h: events say 0, its record has ");
    assert_non_null(strstr(setting.text, "\nr5 like hour "));
    assert_non_null(strstr(setting.text, "\nr5 like month "));
    assert_null(strstr(setting.text, "\nr6 "));
    end(&setting);
}

static void test_a_record_that_was_lost_is_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    const struct ranking_event last = {.resource = 5, .delta = 1000};
    begin(&setting, fixture);
    ranking_fixture_write(setting.rankings, setting.rankings->now_ms, &last, 1);
    ranking_fixture_settle(setting.run);
    publish(&setting, "", 1);
    ASK(&setting, "HDEL", "tally:{p0}:r:like", "r5");
    check(&setting, VERIFY_DIFFERENT, "\nr5 like 24h: events say ");
    assert_non_null(strstr(setting.text, ", it has no record\n"));
    end(&setting);
}

static void test_periods_that_lack_events_are_not_compared(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    const struct ranking_event lost = {.resource = 1, .delta = 1};
    begin(&setting, fixture);
    ranking_fixture_drop(setting.rankings, setting.rankings->now_ms + 1, &lost, 1);
    write_batches(&setting, 1, 100);
    ranking_fixture_settle(setting.run);
    publish(&setting, "", 1);
    check(&setting, VERIFY_EQUAL, "\nlike 24h is not compared with the events: it lacks the first ones\n");
    assert_non_null(strstr(setting.text, "\nlike hour "));
    write_batches(&setting, 4, 50 * MINUTE);
    ranking_fixture_settle(setting.run);
    publish(&setting, "", 1);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    assert_null(strstr(setting.text, "\nlike hour "));
    assert_null(strstr(setting.text, "\nlike 1h is not compared "));
    end(&setting);
}

static void test_events_that_are_not_published_are_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    setting.options.timeout_ms = 300;
    run(&setting);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_non_null(strstr(setting.error.message, "2000 events wait in Redis, and none was published for 300ms"));
    end(&setting);
}

/* ---- mending ----------------------------------------------------------------------------------------------------- */

static void *rebuild(void *arg)
{
    struct setting *setting = arg;
    size_t len;
    free(setting->text);
    setting->error.message[0] = '\0';
    FILE *out = open_memstream(&setting->text, &len);
    assert_non_null(out);
    setting->code = ranking_rebuild_run(setting->kafka.config, &setting->options, out, &setting->error);
    fclose(out);
    return NULL;
}

/* step_ms: between two events; 0: none are written. */
static void rebuild_with(struct setting *setting, int64_t step_ms)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, rebuild, setting), 0);
    for (int i = 0; pthread_tryjoin_np(thread, NULL) != 0; i++) {
        assert_true(i < 20000);
        if (step_ms > 0) {
            write_batches(setting, 1, step_ms);
            publish(setting, "", 1);
        }
        (void)ranking_fixture_turn(setting->run);
        clock_sleep_ms(1);
    }
    assert_string_equal(setting->error.message, "");
    assert_int_equal(setting->code, VERIFY_EQUAL);
}

/* Records: lost, none, another's, too old; buckets: changed, lost. */
static void damage(struct setting *setting)
{
    char bucket[64] = "";
    char lost_bucket[64] = "";
    RANKED_EACH (&setting->run->state, ranked) {
        if (strcmp(ranked->window.name, "1h") == 0) {
            snprintf(bucket, sizeof(bucket), "tally:{p0}:r:like:60m:b%" PRId64, ranked->board.newest);
            snprintf(lost_bucket, sizeof(lost_bucket), "tally:{p0}:r:like:60m:b%" PRId64, ranked->board.newest - 3);
        }
    }
    ASK(setting, "HSET", bucket, "r7", "999");
    ASK(setting, "HSET", bucket, "r8", "-5");
    ASK(setting, "DEL", lost_bucket);
    ASK(setting, "HDEL", "tally:{p0}:r:like", "r5", "r4", "r3", "r2", "r1");
    ASK(setting, "HSET", "tally:{p0}:r:like", "r6", "x");
    ASK(setting, "EVAL",
        "for i = 20, 80 do local record = redis.call('HGET', 'tally:{p0}:r:like', 'r' .. i + 100)"
        " if record then redis.call('HSET', 'tally:{p0}:r:like', 'r' .. i, record) end end",
        "0");
}

static void check_mending(struct store_fixture *fixture, int64_t step_ms)
{
    struct setting setting;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    damage(&setting);
    run(&setting);
    assert_int_equal(setting.code, VERIFY_DIFFERENT);
    rebuild_with(&setting, step_ms);
    if (step_ms > 0) {
        rebuild_with(&setting, step_ms); /* of those that got a record meanwhile */
    }
    ranking_fixture_settle(setting.run);
    publish(&setting, "", 1);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    ranking_fixture_compare(setting.rankings, setting.run);
    end(&setting);
}

static void test_sums_are_mended_by_the_events(void **state)
{
    NEED_REDIS(state);
    check_mending(fixture, 0);
}

static void test_sums_are_mended_while_events_go_on(void **state)
{
    NEED_REDIS(state);
    check_mending(fixture, 50);
}

static void test_sums_are_mended_while_buckets_and_periods_go_on(void **state)
{
    NEED_REDIS(state);
    check_mending(fixture, 20 * 1000);
}

/* Records are lost, and the next events make new ones: the tops follow these. */
static void lose_records(struct setting *setting)
{
    ASK(setting, "EVAL", "for i = 0, 99 do redis.call('HDEL', 'tally:{p0}:r:like', 'r' .. i) end", "0");
    write_batches(setting, 20, 100);
    ranking_fixture_settle(setting->run);
    publish(setting, "", 1);
    run(setting);
    assert_int_equal(setting->code, VERIFY_DIFFERENT);
}

/* Mends the sums, and leaves it at that: no top is made anew. */
static void mend(struct setting *setting)
{
    struct redis_readers readers = {.count = 0};
    const struct report report = {.out = stdout};
    assert_int_equal(redis_readers_open(&readers, setting->kafka.config, &setting->error), 0);
    if (ranking_repair_run(setting->kafka.config, &setting->options, &readers, &report, &setting->error) != 0) {
        fail_msg("%s", setting->error.message);
    }
    redis_readers_close(&readers);
}

static void *write_versions(void *arg)
{
    enum { WRITES = 2000 };
    struct setting *setting = arg;
    for (int i = 0; i < WRITES; i++) {
        char version[32];
        snprintf(version, sizeof(version), "other:%d", i);
        ASK(setting, "HSET", "tally:{p0}:rankings", "v", version);
    }
    return NULL;
}

/* So often that it is written between each two steps of the tool. */
static void test_sums_are_mended_after_the_state_was_written_again_and_again(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    pthread_t writer;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    damage(&setting);
    assert_int_equal(pthread_create(&writer, NULL, write_versions, &setting), 0);
    mend(&setting);
    assert_int_equal(pthread_join(writer, NULL), 0);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    end(&setting);
}

/* The leader is refused, loads what it finds, and goes on. */
static void go_on(struct setting *setting)
{
    const struct aggregator_run *leader = setting->run;
    bool was_refused = false;
    write_batches(setting, 20, 100);
    for (int i = 0; i < 5000 && (!was_refused || leader->conn == NULL || leader->must_load); i++) {
        (void)ranking_fixture_turn(setting->run);
        was_refused |= leader->conn == NULL;
        clock_sleep_ms(1);
    }
    assert_true(was_refused);
    ranking_fixture_settle(setting->run);
    publish(setting, "", 1);
}

static void test_mended_resources_get_their_places(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    lose_records(&setting);
    mend(&setting);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    go_on(&setting);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    ranking_fixture_compare(setting.rankings, setting.run);
    end(&setting);
}

/* A board whose period has only begun: nobody is in its top, and it has no string. */
static void test_mended_resources_get_their_places_in_an_empty_top(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    struct ranking_edit edit;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    ranking_edit_begin(&edit, setting.rankings->conn.redis, setting.run, "day", false);
    ASK(&setting, "DEL", edit.key);
    edit.top.generation++;
    edit.top.length = 0;
    edit.top.members = 0;
    ranking_edit_save_field(&edit);
    ASK(&setting, "DEL", "tally:{p0}:r:like");
    mend(&setting);
    check(&setting, VERIFY_EQUAL, "\nequal\n");
    ranking_edit_done(&edit);
    end(&setting);
}

static void test_a_damaged_top_is_left_alone(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    struct ranking_edit edit;
    begin(&setting, fixture);
    publish(&setting, "", 1);
    lose_records(&setting);
    ranking_edit_begin(&edit, setting.rankings->conn.redis, setting.run, "day", false);
    ASK(&setting, "DEL", edit.key);
    mend(&setting);
    check(&setting, VERIFY_DIFFERENT, ": its string has 0 bytes, should have ");
    assert_non_null(strstr(setting.text, "\n1 difference\n"));
    assert_string_equal(ASK(&setting, "EXISTS", edit.key), "0");
    ranking_edit_done(&edit);
    end(&setting);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_records_are_the_sums_of_the_events),
        TEST(test_a_moment_may_be_within_an_entry),
        TEST(test_there_is_no_moment_within_a_chunk),
        TEST(test_events_that_are_missing_on_the_topic_are_told),
        TEST(test_a_record_that_was_lost_is_told),
        TEST(test_periods_that_lack_events_are_not_compared),
        TEST(test_events_that_are_not_published_are_told),
        TEST(test_sums_are_mended_by_the_events),
        TEST(test_sums_are_mended_while_events_go_on),
        TEST(test_sums_are_mended_while_buckets_and_periods_go_on),
        TEST(test_sums_are_mended_after_the_state_was_written_again_and_again),
        TEST(test_mended_resources_get_their_places),
        TEST(test_mended_resources_get_their_places_in_an_empty_top),
        TEST(test_a_damaged_top_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
