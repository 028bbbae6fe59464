#include "counter-service/api/ranking_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fakes/wait_for.h"

static const int64_t ttl_us = 1000000;

static int start(void **state)
{
    *state = ranking_cache_create();
    return *state != NULL ? 0 : -1;
}

static int end(void **state)
{
    ranking_cache_free(*state);
    return 0;
}

/* bytes: of its order, as it says. */
static struct ranking_snapshot *snapshot_of(int64_t now_ms, size_t bytes)
{
    struct ranking_snapshot *snapshot = ranking_snapshot_create();
    assert_non_null(snapshot);
    snapshot->now_ms = now_ms;
    snapshot->order.bytes = bytes;
    return snapshot;
}

static unsigned holders_of(struct ranking_snapshot *snapshot)
{
    return atomic_load(&snapshot->holders);
}

/* What a waiter was told. */
struct told {
    struct ranking_waiter waiter;
    unsigned count;
    enum status status;
    int64_t now_ms;
};

static void on_done(struct ranking_waiter *waiter, const struct ranking_outcome *outcome)
{
    struct told *told = CONTAINER_OF(waiter, struct told, waiter);
    told->count++;
    told->status = outcome->status;
    told->now_ms = outcome->snapshot != NULL ? outcome->snapshot->now_ms : 0;
}

/* One that asks, at a time. */
struct asked {
    enum ranking_turn turn;
    struct ranking_cache_place *place;
    struct ranking_outcome outcome;
};

static struct asked ask(struct ranking_cache *cache, const char *key, int64_t now_us, struct told *told)
{
    struct asked asked = {.place = NULL};
    told->waiter.done = on_done;
    asked.turn = ranking_cache_ask(cache, text_of(key), now_us, INT64_MIN, &told->waiter, &asked.outcome, &asked.place);
    return asked;
}

static void keep(struct ranking_cache *cache, struct ranking_cache_place *place, int64_t now_ms, size_t bytes,
                 int64_t now_us)
{
    struct ranking_outcome outcome = {.status = STATUS_OK, .snapshot = snapshot_of(now_ms, bytes), .asked_us = now_us};
    ranking_cache_finish(cache, place, &outcome, ttl_us);
    ranking_snapshot_release(outcome.snapshot);
}

/* Asks, and reads if nobody has. Returns whether that was needed. */
static bool reads(struct ranking_cache *cache, const char *key, int64_t now_us, size_t bytes)
{
    struct told told = {.count = 0};
    struct asked asked = ask(cache, key, now_us, &told);
    if (asked.turn == RANKING_TURN_KEPT) {
        ranking_snapshot_release(asked.outcome.snapshot);
        return false;
    }
    assert_int_equal(asked.turn, RANKING_TURN_READS);
    assert_non_null(asked.place);
    keep(cache, asked.place, 1, bytes, now_us);
    return true;
}

static void test_a_snapshot_is_given_again_until_it_is_too_old(void **state)
{
    struct ranking_cache *cache = *state;
    struct told told = {.count = 0};
    struct asked asked = ask(cache, "a", 1000, &told);
    assert_int_equal(asked.turn, RANKING_TURN_READS);
    keep(cache, asked.place, 17, 100, 5000);
    asked = ask(cache, "a", 5000 + ttl_us - 1, &told);
    assert_int_equal(asked.turn, RANKING_TURN_KEPT);
    assert_true(asked.outcome.snapshot->now_ms == 17 && asked.outcome.asked_us == 5000);
    assert_int_equal(holders_of(asked.outcome.snapshot), 2);
    struct ranking_snapshot *held = asked.outcome.snapshot;
    asked = ask(cache, "a", 5000 + ttl_us, &told);
    assert_int_equal(asked.turn, RANKING_TURN_READS);
    assert_int_equal(holders_of(held), 1); /* it outlives its place */
    ranking_snapshot_release(held);
    keep(cache, asked.place, 18, 100, 5000 + ttl_us);
    assert_int_equal(told.count, 0);
}

static void test_rankings_do_not_share_snapshots(void **state)
{
    struct ranking_cache *cache = *state;
    assert_true(reads(cache, "a", 0, 100));
    assert_true(reads(cache, "b", 0, 100));
    assert_true(reads(cache, "aa", 0, 100));
    assert_false(reads(cache, "a", 0, 100));
}

static void test_who_asks_meanwhile_gets_the_same_snapshot(void **state)
{
    struct ranking_cache *cache = *state;
    struct told told[3] = {{.count = 0}};
    const struct asked first = ask(cache, "a", 0, &told[0]);
    assert_int_equal(ask(cache, "a", 0, &told[1]).turn, RANKING_TURN_WAITS);
    assert_int_equal(ask(cache, "a", 2 * ttl_us, &told[2]).turn, RANKING_TURN_WAITS);
    keep(cache, first.place, 17, 100, 0);
    assert_int_equal(told[0].count, 0);
    for (size_t i = 1; i < 3; i++) {
        assert_true(told[i].count == 1 && told[i].status == STATUS_OK && told[i].now_ms == 17);
    }
}

static void test_a_failure_is_told_to_all_who_wait_and_not_kept(void **state)
{
    struct ranking_cache *cache = *state;
    struct told told[2] = {{.count = 0}};
    const struct ranking_outcome failure = {.status = STATUS_REDIS_DOWN};
    const struct asked first = ask(cache, "a", 0, &told[0]);
    assert_int_equal(ask(cache, "a", 0, &told[1]).turn, RANKING_TURN_WAITS);
    ranking_cache_finish(cache, first.place, &failure, ttl_us);
    assert_true(told[1].count == 1 && told[1].status == STATUS_REDIS_DOWN);
    assert_true(reads(cache, "a", 0, 100));
}

static void test_the_least_recently_used_one_goes_when_places_are_used_up(void **state)
{
    struct ranking_cache *cache = *state;
    char key[16];
    for (int i = 0; i < RANKING_CACHE_PLACES; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_true(reads(cache, key, 0, 100));
    }
    assert_false(reads(cache, "0", 0, 100));
    assert_true(reads(cache, "new", 0, 100));
    assert_false(reads(cache, "0", 0, 100));
    assert_true(reads(cache, "1", 0, 100));
    assert_true(reads(cache, "2", 0, 100)); /* went for "1" */
    assert_false(reads(cache, "new", 0, 100));
}

static void test_snapshots_have_a_bound_in_bytes(void **state)
{
    struct ranking_cache *cache = *state;
    const size_t half = RANKING_CACHE_BYTES_MAX / 2 - sizeof(struct ranking_snapshot);
    assert_true(reads(cache, "a", 0, half));
    assert_true(reads(cache, "b", 0, half));
    assert_false(reads(cache, "a", 0, 1));
    assert_true(reads(cache, "c", 0, 1)); /* for it "b" goes */
    assert_false(reads(cache, "a", 0, 1));
    assert_true(reads(cache, "b", 0, 2 * half));
    assert_true(reads(cache, "a", 0, 1));
    assert_true(reads(cache, "c", 0, 1));
}

static void test_one_that_is_larger_than_all_is_told_and_not_kept(void **state)
{
    struct ranking_cache *cache = *state;
    struct told told[2] = {{.count = 0}};
    assert_true(reads(cache, "a", 0, 100));
    const struct asked first = ask(cache, "b", 0, &told[0]);
    assert_int_equal(ask(cache, "b", 0, &told[1]).turn, RANKING_TURN_WAITS);
    keep(cache, first.place, 17, RANKING_CACHE_BYTES_MAX, 0);
    assert_true(told[1].count == 1 && told[1].status == STATUS_OK && told[1].now_ms == 17);
    assert_true(reads(cache, "b", 0, RANKING_CACHE_BYTES_MAX));
    assert_false(reads(cache, "a", 0, 100));
}

static void test_while_all_places_are_in_flight_a_ranking_gets_none(void **state)
{
    struct ranking_cache *cache = *state;
    struct told told = {.count = 0};
    struct asked asked[RANKING_CACHE_PLACES];
    char key[16];
    for (int i = 0; i < RANKING_CACHE_PLACES; i++) {
        snprintf(key, sizeof(key), "%d", i);
        asked[i] = ask(cache, key, 0, &told);
        assert_non_null(asked[i].place);
    }
    const struct asked without = ask(cache, "new", 0, &told);
    assert_true(without.turn == RANKING_TURN_READS && without.place == NULL);
    for (int i = 0; i < RANKING_CACHE_PLACES; i++) {
        keep(cache, asked[i].place, 1, 100, 0);
    }
}

static void test_those_who_wait_have_a_bound(void **state)
{
    struct ranking_cache *cache = *state;
    static struct told told[RANKING_CACHE_WAITERS_MAX + 2];
    const struct asked first = ask(cache, "a", 0, &told[0]);
    for (int i = 1; i <= RANKING_CACHE_WAITERS_MAX; i++) {
        assert_int_equal(ask(cache, "a", 0, &told[i]).turn, RANKING_TURN_WAITS);
    }
    assert_int_equal(ask(cache, "a", 0, &told[RANKING_CACHE_WAITERS_MAX + 1]).turn, RANKING_TURN_SHED);
    keep(cache, first.place, 1, 100, 0);
    for (int i = 1; i <= RANKING_CACHE_WAITERS_MAX; i++) {
        assert_int_equal(told[i].count, 1);
    }
    assert_int_equal(told[RANKING_CACHE_WAITERS_MAX + 1].count, 0);
}

/* ---- threads ---- */

enum { THREADS = 8, ROUNDS = 2000 };

struct caller {
    pthread_t thread;
    struct ranking_cache *cache;
    atomic_uint *reading; /* how many read now */
    unsigned answered;
    atomic_uint told;
};

struct waiting_caller {
    struct ranking_waiter waiter;
    struct caller *caller;
};

static void on_told(struct ranking_waiter *waiter, const struct ranking_outcome *outcome)
{
    struct waiting_caller *waiting = CONTAINER_OF(waiter, struct waiting_caller, waiter);
    (void)outcome;
    atomic_fetch_add(&waiting->caller->told, 1);
}

static void finish_read(struct caller *caller, struct ranking_cache_place *place, int round)
{
    if (atomic_fetch_add(caller->reading, 1) != 0) {
        abort();
    }
    struct ranking_outcome outcome = {.status = round % 3 == 0 ? STATUS_REDIS_DOWN : STATUS_OK, .asked_us = round};
    if (outcome.status == STATUS_OK) {
        outcome.snapshot = ranking_snapshot_create();
    }
    atomic_fetch_sub(caller->reading, 1);
    ranking_cache_finish(caller->cache, place, &outcome, 2);
    ranking_snapshot_release(outcome.snapshot);
}

static void *ask_often(void *data)
{
    struct caller *caller = data;
    struct waiting_caller *waiting = calloc(ROUNDS, sizeof(*waiting));
    for (int round = 0; round < ROUNDS; round++) {
        struct ranking_outcome outcome;
        struct ranking_cache_place *place = NULL;
        waiting[round] = (struct waiting_caller){.waiter.done = on_told, .caller = caller};
        switch (ranking_cache_ask(caller->cache, TEXT("same"), round, INT64_MIN, &waiting[round].waiter, &outcome,
                                  &place)) {
        case RANKING_TURN_KEPT:
            ranking_snapshot_release(outcome.snapshot);
            caller->answered++;
            break;
        case RANKING_TURN_READS:
            finish_read(caller, place, round);
            caller->answered++;
            break;
        case RANKING_TURN_SHED: /* the one that reads stood still, and the others asked on */
            caller->answered++;
            break;
        case RANKING_TURN_WAITS:
            break;
        }
    }
    while (caller->answered + atomic_load(&caller->told) < ROUNDS) {
        sched_yield();
    }
    free(waiting);
    return NULL;
}

static void test_of_many_threads_one_reads(void **state)
{
    atomic_uint reading = 0;
    struct caller callers[THREADS] = {{.cache = NULL}};
    for (size_t i = 0; i < THREADS; i++) {
        callers[i].cache = *state;
        callers[i].reading = &reading;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, ask_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].answered + callers[i].told, ROUNDS);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_snapshot_is_given_again_until_it_is_too_old),
        TEST(test_rankings_do_not_share_snapshots),
        TEST(test_who_asks_meanwhile_gets_the_same_snapshot),
        TEST(test_a_failure_is_told_to_all_who_wait_and_not_kept),
        TEST(test_the_least_recently_used_one_goes_when_places_are_used_up),
        TEST(test_snapshots_have_a_bound_in_bytes),
        TEST(test_one_that_is_larger_than_all_is_told_and_not_kept),
        TEST(test_while_all_places_are_in_flight_a_ranking_gets_none),
        TEST(test_those_who_wait_have_a_bound),
        TEST(test_of_many_threads_one_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
