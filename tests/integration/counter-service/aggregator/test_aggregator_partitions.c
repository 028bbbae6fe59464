/* The aggregator on many partitions: the rankings of each are the sum of its events, whatever happens to others. */
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
#include "tests/fakes/ranking_fixture.h"
#include "tests/fakes/wait_for.h"

enum { PARTITIONS = 4, RESOURCES = 300, KEEP = 20, BATCH_MAX = 40, MINUTE = 60 * 1000 };

struct setting {
    struct topology *topology;
    struct config config;
    struct ranking_fixture *fixtures[PARTITIONS];
    struct aggregator_all *all;
};

static void start_all(struct setting *setting)
{
    setting->all = malloc(sizeof(*setting->all));
    assert_non_null(setting->all);
    aggregator_all_init(setting->all, &setting->fixtures[0]->config, setting->topology);
    setting->all->set.start_us = 1;
}

static void kill_all(struct setting *setting)
{
    aggregator_all_done(setting->all);
    free(setting->all);
}

static void start(struct setting *setting, struct store_fixture *store)
{
    struct error error;
    *setting = (struct setting){.config = store->config};
    setting->fixtures[0] = ranking_fixture_open(store, RESOURCES, KEEP);
    for (int i = 1; i < PARTITIONS; i++) {
        setting->fixtures[i] = ranking_fixture_open_partition(store, i, RESOURCES, KEEP);
    }
    setting->config.redis.partitions = PARTITIONS;
    setting->topology = topology_create(&setting->config, &error);
    assert_non_null(setting->topology);
    start_all(setting);
}

static void stop(struct setting *setting)
{
    kill_all(setting);
    topology_free(setting->topology);
    for (int i = 0; i < PARTITIONS; i++) {
        ranking_fixture_free(setting->fixtures[i]);
    }
}

static void turn(struct setting *setting)
{
    const int pause_ms = aggregator_all_turn(setting->all);
    for (size_t i = 0; i < setting->all->set.count; i++) {
        setting->all->runs[i].gather_us = 0;
    }
    if (pause_ms > 0) {
        clock_sleep_ms(1);
    }
}

static bool has_counted_all(const struct setting *setting, int partition)
{
    if (setting->all->set.count == 0) {
        return false;
    }
    const struct aggregator_run *run = &setting->all->runs[partition];
    const struct ranking_fixture *fixture = setting->fixtures[partition];
    return run->follower->owns && !run->must_load && run->state.at.number == fixture->number &&
           aggregator_run_incomplete(run) == 0;
}

static bool have_all_counted(const struct setting *setting)
{
    for (int i = 0; i < PARTITIONS; i++) {
        if (!has_counted_all(setting, i)) {
            return false;
        }
    }
    return true;
}

static void settle(struct setting *setting)
{
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    while (!have_all_counted(setting)) {
        if (clock_monotonic_us() > give_up_us) {
            struct aggregator_state state;
            aggregator_all_state(setting->all, &state);
            fail_msg("not counted: %s", state.trouble);
        }
        turn(setting);
    }
}

static bool is_told_of(struct setting *setting, const char *trouble)
{
    struct aggregator_state state;
    turn(setting);
    aggregator_all_state(setting->all, &state);
    return strstr(state.trouble, trouble) != NULL;
}

static void compare(struct setting *setting)
{
    for (int i = 0; i < PARTITIONS; i++) {
        ranking_fixture_compare(setting->fixtures[i], &setting->all->runs[i]);
    }
}

static void write_some(struct ranking_fixture *fixture, struct prng *prng, int64_t ms)
{
    struct ranking_event batch[BATCH_MAX];
    const size_t count = 1 + prng_up_to(prng, BATCH_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        const int64_t size = 1 + (int64_t)prng_up_to(prng, 5);
        batch[i] = (struct ranking_event){.resource = (int)prng_up_to(prng, RESOURCES - 1),
                                          .delta = prng_up_to(prng, 9) == 0 ? -size : size};
    }
    ranking_fixture_write(fixture, ms, batch, count);
}

/* An expired lease is not waited for. */
static void free_leases(struct store_fixture *store)
{
    REDIS_ASK(store->redis, "DEL", "tally:{p0}:lease:rankings", "tally:{p1}:lease:rankings",
              "tally:{p2}:lease:rankings", "tally:{p3}:lease:rankings");
}

static void test_the_rankings_of_each_partition_equal_a_count_of_its_events(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    struct prng prng = {11};
    start(&setting, fixture);
    int64_t now_ms = ranking_fixture_start_ms();
    for (int i = 1; i <= 600; i++) {
        now_ms += (int64_t)prng_up_to(&prng, i % 50 == 0 ? 90 * MINUTE : 2000);
        write_some(setting.fixtures[prng_up_to(&prng, PARTITIONS - 1)], &prng, now_ms);
        for (uint32_t turns = prng_up_to(&prng, 2); turns > 0; turns--) {
            turn(&setting);
        }
        if (i % 150 == 0) {
            kill_all(&setting); /* it had begun anything */
            free_leases(fixture);
            start_all(&setting);
        }
        if (i % 100 == 0) {
            settle(&setting);
            compare(&setting);
        }
    }
    struct aggregator_state told;
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    do {
        assert_true(clock_monotonic_us() < give_up_us);
        turn(&setting);
        aggregator_all_state(setting.all, &told);
    } while (told.waiting > 0); /* the positions are told Redis with the next steps */
    assert_int_equal(told.led, PARTITIONS);
    assert_string_equal(told.trouble, "");
    stop(&setting);
}

/* One connection serves all of them: what is refused, since somebody else has written, is one partition's. */
static void test_somebody_who_writes_the_rankings_of_one_partition_holds_up_no_other(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    struct prng prng = {12};
    start(&setting, fixture);
    int64_t now_ms = ranking_fixture_start_ms();
    for (int i = 0; i < PARTITIONS; i++) {
        write_some(setting.fixtures[i], &prng, now_ms);
    }
    settle(&setting);
    for (int round = 0; round < 30; round++) {
        now_ms += 100;
        for (int i = 0; i < PARTITIONS; i++) {
            write_some(setting.fixtures[i], &prng, now_ms);
        }
        REDIS_ASK(fixture->redis, "HSET", "tally:{p1}:rankings", "v", "somebody:1");
        const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
        while (!has_counted_all(&setting, 0) || !has_counted_all(&setting, 2) || !has_counted_all(&setting, 3)) {
            assert_true(clock_monotonic_us() < give_up_us);
            turn(&setting);
        }
    }
    settle(&setting);
    compare(&setting);
    stop(&setting);
}

static void test_a_damaged_partition_holds_up_no_other(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    struct prng prng = {13};
    start(&setting, fixture);
    const int64_t now_ms = ranking_fixture_start_ms();
    REDIS_ASK(fixture->redis, "DEL", "tally:{p2}:rankings");
    REDIS_ASK(fixture->redis, "SET", "tally:{p2}:rankings", "no hash");
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < PARTITIONS; i++) {
            write_some(setting.fixtures[i], &prng, now_ms + round);
        }
        const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
        do {
            assert_true(clock_monotonic_us() < give_up_us);
            turn(&setting);
        } while (!has_counted_all(&setting, 0) || !has_counted_all(&setting, 1) || !has_counted_all(&setting, 3));
    }
    WAIT_FOR(is_told_of(&setting, "(in 1 of 4 partitions)")); /* its lease may be the last one to be taken */
    ranking_fixture_compare(setting.fixtures[0], &setting.all->runs[0]);
    ranking_fixture_compare(setting.fixtures[3], &setting.all->runs[3]);
    stop(&setting);
}

static void test_memory_is_that_of_one_partition(void **state)
{
    NEED_REDIS(state);
    struct setting setting;
    size_t records = 0;
    size_t rows = 0;
    start(&setting, fixture);
    for (int i = 0; i < PARTITIONS; i++) {
        ranking_fixture_write_one(setting.fixtures[i], ranking_fixture_start_ms(), 1, 1);
    }
    settle(&setting);
    for (int i = 0; i < PARTITIONS; i++) {
        records += setting.all->runs[i].cache.capacity;
        rows += setting.all->runs[i].chunk.rows_max;
    }
    assert_int_equal(records, RECORD_CACHE_MAX);
    assert_int_equal(rows, RANKING_ROWS_MAX);
    stop(&setting);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_rankings_of_each_partition_equal_a_count_of_its_events),
        TEST(test_somebody_who_writes_the_rankings_of_one_partition_holds_up_no_other),
        TEST(test_a_damaged_partition_holds_up_no_other),
        TEST(test_memory_is_that_of_one_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
