/* The aggregator on a real Redis: whatever happens, a ranking is the sum of the events. */
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

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Ahead of the clock, which would otherwise move the windows on. */
static int64_t start_ms(void)
{
    return clock_realtime_us() / 1000 + INT64_C(400) * DAY;
}

/* Few are hot. */
static int pick(struct prng *prng, int resource_max, bool even)
{
    const uint32_t max = (uint32_t)resource_max - 1;
    return (int)prng_up_to(prng, even ? max : prng_up_to(prng, prng_up_to(prng, max)));
}

/* Mostly seconds; now and then over the edge of a bucket, an hour, a day, some weeks. */
static int64_t pause(struct prng *prng)
{
    const uint32_t die = prng_up_to(prng, 999);
    const int64_t longest = die < 900   ? 2000
                            : die < 970 ? 2 * MINUTE
                            : die < 990 ? 90 * MINUTE
                            : die < 998 ? 2 * DAY
                                        : 40 * (int64_t)DAY;
    return (int64_t)(prng_next(prng) % (uint64_t)longest);
}

static size_t make_batch(struct prng *prng, struct ranking_event *out, int resource_max, bool even, uint32_t decrements)
{
    const size_t count = 1 + prng_up_to(prng, 39);
    for (size_t i = 0; i < count; i++) {
        const int64_t size = 1 + (int64_t)prng_up_to(prng, 5);
        out[i] = (struct ranking_event){.resource = pick(prng, resource_max, even),
                                        .delta = prng_up_to(prng, 99) < decrements ? -size : size};
    }
    return count;
}

static void run_schedule(struct store_fixture *store, uint64_t seed, bool even, uint32_t decrements)
{
    struct prng prng = {seed};
    struct ranking_fixture *fixture = ranking_fixture_open(store, 600, 40);
    struct aggregator_run *run = ranking_fixture_start(fixture);
    int64_t now_ms = start_ms();
    for (int i = 0; i < 1500; i++) {
        struct ranking_event batch[40];
        const size_t count = make_batch(&prng, batch, fixture->resource_max, even, decrements);
        now_ms += pause(&prng);
        ranking_fixture_write(fixture, now_ms, batch, count);
        for (uint32_t turns = prng_up_to(&prng, 3); turns > 0; turns--) {
            (void)aggregator_run_turn(run);
        }
        if (prng_up_to(&prng, 99) == 0) {
            ranking_fixture_kill(run);
            run = ranking_fixture_start(fixture);
        }
        if (i % 100 == 99) {
            ranking_fixture_settle(run);
            ranking_fixture_compare(fixture, run);
        }
    }
    ranking_fixture_kill(run);
    ranking_fixture_free(fixture);
}

static void test_rankings_equal_a_count_of_all_events(void **state)
{
    NEED_REDIS(state);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        REDIS_ASK(fixture->redis, "EVAL",
                  "for _, k in ipairs(redis.call('KEYS', 'tally:{p0}:*')) do redis.call('DEL', k) end", "0");
        run_schedule(fixture, seed, seed % 2 == 0, seed > 2 ? 50 : 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rankings_equal_a_count_of_all_events, store_fixture_setup,
                                        store_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
