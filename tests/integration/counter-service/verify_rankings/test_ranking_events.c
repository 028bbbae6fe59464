/* counter-verify --rankings with a topic. */
#include "counter-service/verify_rankings/ranking_verify.h"

#include "tests/fakes/ranked_topic.h"

enum { CHUNK_EVENTS = 120 * 1000, CHUNK_TURNS_MAX = 1000 };

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

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_records_are_the_sums_of_the_events),     TEST(test_a_moment_may_be_within_an_entry),
        TEST(test_there_is_no_moment_within_a_chunk),      TEST(test_events_that_are_missing_on_the_topic_are_told),
        TEST(test_a_record_that_was_lost_is_told),         TEST(test_periods_that_lack_events_are_not_compared),
        TEST(test_events_that_are_not_published_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
