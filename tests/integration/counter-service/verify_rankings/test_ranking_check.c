/* counter-verify --rankings and --rebuild-rankings on a real Redis, with an aggregator that is driven turn by turn. */
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
#include "counter-service/repair/ranking_rebuild.h"
#include "counter-service/verify_rankings/ranking_verify.h"
#include "tests/fakes/ranking_fixture.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, RESOURCES = 300, KEEP = 40, BATCH = 20 };

struct setting {
    struct ranking_fixture *rankings;
    struct aggregator_run *run;
    struct prng prng;
    struct verify_options options;
    char *text; /* what the last run printed */
    int code;
    struct error error;
};

/* ---- what a test needs ------------------------------------------------------------------------------------------- */

/* The middle of an hour, ahead of the clock, which would otherwise move the windows on. */
static int64_t start_ms(void)
{
    const int64_t ahead_ms = clock_realtime_us() / 1000 + INT64_C(400) * DAY;
    return ahead_ms - ahead_ms % HOUR + 30 * (int64_t)MINUTE;
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
        const int64_t now_ms = setting->rankings->now_ms;
        ranking_fixture_write(setting->rankings, now_ms + step_ms, batch, BATCH);
    }
}

static void begin(struct setting *setting, struct store_fixture *store)
{
    *setting = (struct setting){.prng = {7}, .options = {.shard = {0, 1}, .timeout_ms = 5000}};
    setting->rankings = ranking_fixture_open(store, RESOURCES, KEEP);
    setting->rankings->now_ms = start_ms();
    setting->run = ranking_fixture_start(setting->rankings);
    write_batches(setting, 100, MINUTE);
    ranking_fixture_settle(setting->run);
    ranking_fixture_compare(setting->rankings, setting->run);
}

static void end(struct setting *setting)
{
    ranking_fixture_kill(setting->run);
    ranking_fixture_free(setting->rankings);
    free(setting->text);
}

typedef int (*verify_task_fn)(const struct config *config, const struct verify_options *options, FILE *out,
                              struct error *error);

static void run_task(struct setting *setting, verify_task_fn task)
{
    size_t len;
    free(setting->text);
    setting->error.message[0] = '\0';
    FILE *out = open_memstream(&setting->text, &len);
    assert_non_null(out);
    setting->code = task(&setting->rankings->config, &setting->options, out, &setting->error);
    fclose(out);
}

static void check_equal(struct setting *setting)
{
    run_task(setting, ranking_verify_run);
    assert_string_equal(setting->error.message, "");
    if (setting->code != VERIFY_EQUAL) {
        fail_msg("%s", setting->text);
    }
    assert_non_null(strstr(setting->text, "\nequal\n"));
}

/* piece: of what is printed. count: of differences; 0: any. */
static void check_tells(struct setting *setting, const char *piece, int count)
{
    char end_piece[32];
    run_task(setting, ranking_verify_run);
    assert_string_equal(setting->error.message, "");
    assert_int_equal(setting->code, VERIFY_DIFFERENT);
    if (strstr(setting->text, piece) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", piece, setting->text);
    }
    snprintf(end_piece, sizeof(end_piece), "\n%d difference%s\n", count, count == 1 ? "" : "s");
    if (count > 0 && strstr(setting->text, end_piece) == NULL) {
        fail_msg("%d differences are expected in:\n%s", count, setting->text);
    }
}

/* "like day 2026-11-28", and the key of its top. */
struct named_top {
    char name[64];
    char key[64];
};

static struct named_top top_of(const struct setting *setting, const char *window, bool is_former)
{
    struct named_top top = {.name = ""};
    RANKED_EACH (&setting->run->state, ranked) {
        if (strcmp(ranked->window.name, window) == 0) {
            char key[RANKING_KEY_SIZE];
            char period[RANKING_PERIOD_SIZE];
            const int64_t number = ranked->board.period - (is_former ? 1 : 0);
            const struct text text =
                ranking_top_key(key, ranked->counter_type, &ranked->window, ranking_slot(&ranked->window, number));
            ranking_period_name(&ranked->window, number, period);
            snprintf(top.name, sizeof(top.name), "like %s%s%s", window, period[0] == '\0' ? "" : " ", period);
            snprintf(top.key, sizeof(top.key), "tally:{p0}:%.*s", (int)text.len, text.data);
        }
    }
    assert_true(top.key[0] != '\0');
    return top;
}

#define ASK(setting, ...) REDIS_ASK((setting)->rankings->store->redis, __VA_ARGS__)

/* The place's resource; to be freed. */
static char *member_of(struct setting *setting, const char *key, const char *place)
{
    char *member = strdup(ASK(setting, "ZRANGE", key, place, place));
    assert_true(member != NULL && member[0] == 'r');
    return member;
}

/* ---- what is right ----------------------------------------------------------------------------------------------- */

static void test_rankings_that_are_kept_are_equal(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    check_equal(&setting);
    assert_non_null(strstr(setting.text, ", 1 ranking, 7 windows\n"));
    assert_non_null(strstr(setting.text, "\nthe sums are not compared with events: kafka.brokers is empty\n"));
    setting.options.shard = (struct shard){1, 3};
    check_equal(&setting);
    end(&setting);
}

static void test_events_that_wait_make_no_difference(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    write_batches(&setting, 30, 100);
    check_equal(&setting);
    for (int i = 0; i < 5; i++) {
        write_batches(&setting, 10, 10 * MINUTE);
        (void)aggregator_run_turn(setting.run);
        check_equal(&setting);
    }
    end(&setting);
}

/* Nobody knows what they were. */
static void test_events_that_are_missing_leave_no_comparison(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    const struct ranking_event lost = {.resource = 1, .delta = 1};
    begin(&setting, fixture);
    ranking_fixture_drop(setting.rankings, setting.rankings->now_ms + 1, &lost, 1);
    write_batches(&setting, 1, 100);
    setting.options.timeout_ms = 200;
    run_task(&setting, ranking_verify_run);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_non_null(strstr(setting.error.message, "21 events wait to be ranked, and "));
    ranking_fixture_settle(setting.run);
    check_equal(&setting);
    end(&setting);
}

static void *keep_on(void *arg)
{
    struct setting *setting = arg;
    for (int i = 0; i < 400; i++) {
        write_batches(setting, 2, 20 * 1000);
        (void)aggregator_run_turn(setting->run);
        setting->run->upkeep_us = 0;
    }
    return NULL;
}

static void test_it_is_exact_while_events_go_on(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    pthread_t thread;
    begin(&setting, fixture);
    assert_int_equal(pthread_create(&thread, NULL, keep_on, &setting), 0);
    for (int i = 0; i < 8; i++) {
        check_equal(&setting);
    }
    pthread_join(thread, NULL);
    check_equal(&setting);
    end(&setting);
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

static void test_a_damaged_score_is_told(void **state)
{
    NEED_REDIS(state);
    static const char *const windows[] = {"hour", "day", "week", "month", "all", "1h", "24h"};
    struct setting setting;
    begin(&setting, fixture);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        char piece[256];
        const struct named_top top = top_of(&setting, windows[i], false);
        char *member = member_of(&setting, top.key, "3");
        const long long score = strtoll(ASK(&setting, "ZSCORE", top.key, member), NULL, 10);
        ASK(&setting, "ZINCRBY", top.key, "-1", member);
        snprintf(piece, sizeof(piece), "%s %s: has a place with %lld, should have one with %lld\n", member, top.name,
                 -score + 1, -score);
        check_tells(&setting, piece, 1);
        ASK(&setting, "ZINCRBY", top.key, "1", member);
        free(member);
    }
    check_equal(&setting);
    end(&setting);
}

static void test_a_member_that_is_missing_or_strange_is_told(void **state)
{
    NEED_REDIS(state);
    static const char *const windows[] = {"hour", "all", "1h"};
    struct setting setting;
    begin(&setting, fixture);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        char piece[256];
        const bool is_former = strcmp(windows[i], "hour") == 0;
        const struct named_top top = top_of(&setting, windows[i], is_former);
        char *member = member_of(&setting, top.key, "0");
        char *score = strdup(ASK(&setting, "ZSCORE", top.key, member));
        ASK(&setting, "ZREM", top.key, member);
        ASK(&setting, "ZADD", top.key, "-7", "stranger");
        snprintf(piece, sizeof(piece), "%s %s: has no place, should have one with %s\n", member, top.name, score + 1);
        check_tells(&setting, piece, 2);
        snprintf(piece, sizeof(piece), "stranger %s: has a place with 7, should have none with 0\n", top.name);
        check_tells(&setting, piece, 2);
        ASK(&setting, "ZREM", top.key, "stranger");
        ASK(&setting, "ZADD", top.key, score, member);
        free(member);
        free(score);
    }
    check_equal(&setting);
    end(&setting);
}

static void test_a_record_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    const struct named_top top = top_of(&setting, "day", false);
    char *member = member_of(&setting, top.key, "0");
    ASK(&setting, "HSET", "tally:{p0}:r:like", member, "x");
    check_tells(&setting, " like: has a record that is none\n", 1);
    ASK(&setting, "HDEL", "tally:{p0}:r:like", member);
    check_tells(&setting, " like 24h: its record has 0, its buckets have ", 0);
    check_tells(&setting, top.name, 0);
    free(member);
    end(&setting);
}

static void test_a_bucket_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    char key[64] = "";
    begin(&setting, fixture);
    RANKED_EACH (&setting.run->state, ranked) {
        if (strcmp(ranked->window.name, "1h") == 0) {
            snprintf(key, sizeof(key), "tally:{p0}:r:like:60m:b%" PRId64, ranked->board.newest);
        }
    }
    ASK(&setting, "HSET", key, "stranger", "3");
    check_tells(&setting, "stranger like 1h: its record has 0, its buckets have 3\n", 1);
    ASK(&setting, "HSET", key, "stranger", "x");
    check_tells(&setting, "stranger like 1h: a bucket has no number\n", 1);
    ASK(&setting, "HDEL", key, "stranger");
    check_equal(&setting);
    end(&setting);
}

static void test_a_counter_that_was_changed_is_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    char piece[64];
    begin(&setting, fixture);
    const struct named_top top = top_of(&setting, "all", false);
    char *member = member_of(&setting, top.key, "0");
    char key[64];
    snprintf(key, sizeof(key), "tally:{p0}:c:%s", member);
    ASK(&setting, "HINCRBY", key, "like", "1");
    snprintf(piece, sizeof(piece), "%s like all: has a place with ", member);
    check_tells(&setting, piece, 1);
    ASK(&setting, "DEL", key);
    check_tells(&setting, "should have none with 0\n", 1);
    free(member);
    end(&setting);
}

static void test_what_cannot_be_compared_is_told(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    setting.rankings->ranking.rolling[0] = (struct ranking_rolling){"2h", 2 * HOUR};
    run_task(&setting, ranking_verify_run);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_string_equal(setting.error.message,
                        "the rankings in Redis lack like 2h: counter-service runs with another configuration");
    ASK(&setting, "DEL", "tally:{p0}:rankings");
    run_task(&setting, ranking_verify_run);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_non_null(strstr(setting.error.message, "Redis has no rankings: "));
    end(&setting);
}

/* ---- rebuilding -------------------------------------------------------------------------------------------------- */

static void *rebuild(void *arg)
{
    run_task(arg, ranking_rebuild_run);
    return NULL;
}

/* writes: events go on meanwhile. */
static void rebuild_with(struct setting *setting, bool writes)
{
    pthread_t thread;
    setting->code = -1;
    assert_int_equal(pthread_create(&thread, NULL, rebuild, setting), 0);
    for (int i = 0; pthread_tryjoin_np(thread, NULL) != 0; i++) {
        assert_true(i < 20000);
        if (writes) {
            write_batches(setting, 1, 100);
        }
        (void)aggregator_run_turn(setting->run);
        clock_sleep_ms(1);
    }
    assert_string_equal(setting->error.message, "");
    assert_int_equal(setting->code, VERIFY_EQUAL);
    assert_non_null(strstr(setting->text, "7 of 7 windows are filled\nrebuilt\n"));
}

static void damage_all_tops(struct setting *setting)
{
    static const char *const windows[] = {"hour", "day", "week", "month", "all", "1h", "24h"};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        const struct named_top top = top_of(setting, windows[i], false);
        ASK(setting, "ZADD", top.key, "-1000000", "stranger");
        ASK(setting, "ZPOPMIN", top.key, "3");
    }
}

static void check_rebuild(struct store_fixture *fixture, bool writes)
{
    struct setting setting;
    begin(&setting, fixture);
    damage_all_tops(&setting);
    run_task(&setting, ranking_verify_run);
    assert_int_equal(setting.code, VERIFY_DIFFERENT);
    rebuild_with(&setting, writes);
    check_equal(&setting);
    ranking_fixture_settle(setting.run);
    ranking_fixture_compare(setting.rankings, setting.run);
    check_equal(&setting);
    end(&setting);
}

static void test_rebuilding_mends_every_order_while_events_go_on(void **state)
{
    NEED_REDIS(state);
    check_rebuild(fixture, true);
}

/* The leader has nothing to write, and sees the marks all the same. */
static void test_rebuilding_mends_every_order_without_events(void **state)
{
    NEED_REDIS(state);
    check_rebuild(fixture, false);
}

static void test_rebuilding_needs_a_leader(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    begin(&setting, fixture);
    setting.options.timeout_ms = 300;
    run_task(&setting, ranking_rebuild_run);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_string_equal(
        setting.error.message,
        "7 windows are still to be filled, and there is no progress: counter-service's /health says why");
    ASK(&setting, "DEL", "tally:{p0}:lease:rankings");
    run_task(&setting, ranking_rebuild_run);
    assert_int_equal(setting.code, VERIFY_FAILED);
    assert_non_null(strstr(setting.error.message, "nobody keeps the rankings: "));
    end(&setting);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rankings_that_are_kept_are_equal),
        TEST(test_events_that_wait_make_no_difference),
        TEST(test_events_that_are_missing_leave_no_comparison),
        TEST(test_it_is_exact_while_events_go_on),
        TEST(test_a_damaged_score_is_told),
        TEST(test_a_member_that_is_missing_or_strange_is_told),
        TEST(test_a_record_that_was_changed_is_told),
        TEST(test_a_bucket_that_was_changed_is_told),
        TEST(test_a_counter_that_was_changed_is_told),
        TEST(test_what_cannot_be_compared_is_told),
        TEST(test_rebuilding_mends_every_order_while_events_go_on),
        TEST(test_rebuilding_mends_every_order_without_events),
        TEST(test_rebuilding_needs_a_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
