/* counter-verify --rebuild-rankings with a topic. */
#include "counter-service/repair/ranking_rebuild.h"

#include <inttypes.h>
#include <pthread.h>

#include "counter-service/repair/ranking_repair.h"
#include "tests/fakes/ranked_topic.h"
#include "tests/fakes/ranking_edit.h"

static void *rebuild(void *arg)
{
    run_tool(arg, ranking_rebuild_run);
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
