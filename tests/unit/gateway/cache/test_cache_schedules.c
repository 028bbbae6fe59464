/* Random schedules of reads and writes on their way, answered in any order, against a model of what was true when. */
#include "gateway/cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/prng.h"

enum {
    LIFETIME_US = 1000,
    KEYS = 2,
    OUT_MAX = 8,
    WAITERS_MAX = 8,
    STEPS = 400 * 1000,
    HISTORY = 1024, /* changes that are remembered: more than fit into a lifetime */
};

enum kind { FREE, READ, WRITE, LATE_WRITE /* its end was unknown, and it comes all the same */ };

/* Where all are ours, nothing may go back behind one that has told its value either. */
enum writes { OTHERS_TOO, OURS, OURS_OF_ONE };

/* A read or a write that is out. */
struct call {
    enum kind kind;
    int key;
    int64_t asked_us;
    bool is_applied;
    int64_t value;   /* is_applied: read or made */
    unsigned change; /* is_applied: the counter's last then */
    int64_t delta;
    struct cache_entry *entry; /* a read's */
    unsigned waiters;
    struct {
        int64_t since_us;
        unsigned acknowledged; /* then */
    } waiting[WAITERS_MAX];
};

struct counter {
    int64_t values[HISTORY];
    int64_t since_us[HISTORY];
    unsigned changes;
    unsigned acknowledged; /* the last change that a write's answer told */
};

static struct {
    struct cache *cache;
    struct prng prng;
    enum writes writes;
    int64_t now_us;
    struct counter counters[KEYS];
    struct call calls[OUT_MAX];
    unsigned hits;
    unsigned answered_waiters;
} run;

static uint32_t up_to(uint32_t max)
{
    return prng_up_to(&run.prng, max);
}

static const struct cache_key *key_of(int key)
{
    static struct cache_key made;
    cache_key_of_counter(&made, key == 0 ? TEXT("a") : TEXT("b"), TEXT("like"));
    return &made;
}

/* --- the model ---------------------------------------------------------------------------------------------------- */

static int64_t true_value(int key)
{
    return run.counters[key].values[run.counters[key].changes % HISTORY];
}

static int64_t change(int key, int64_t delta)
{
    struct counter *counter = &run.counters[key];
    const int64_t value = true_value(key) + delta;
    counter->changes++;
    counter->values[counter->changes % HISTORY] = value;
    counter->since_us[counter->changes % HISTORY] = run.now_us;
    return value;
}

/* Whether the counter had the value at some moment after from_us. */
static bool was_true(int key, int64_t value, int64_t from_us)
{
    const struct counter *counter = &run.counters[key];
    int64_t until_us = INT64_MAX;
    for (unsigned back = 0; back < HISTORY && back <= counter->changes && until_us > from_us; back++) {
        const unsigned at = (counter->changes - back) % HISTORY;
        if (counter->values[at] == value) {
            return true;
        }
        until_us = counter->since_us[at];
    }
    return false;
}

/* Whether the counter had the value at the change of that number or later. */
static bool was_true_since(int key, int64_t value, unsigned change)
{
    const struct counter *counter = &run.counters[key];
    assert_true(counter->changes - change < HISTORY);
    while (change <= counter->changes && counter->values[change % HISTORY] != value) {
        change++;
    }
    return change <= counter->changes;
}

static void check(int key, int64_t value, int64_t asked_us, unsigned acknowledged)
{
    if (!was_true(key, value, asked_us - LIFETIME_US)) {
        fail_msg("%lld at %lld is older than promised", (long long)value, (long long)asked_us);
    }
    if (run.writes != OTHERS_TOO && !was_true_since(key, value, acknowledged)) {
        fail_msg("%lld was before change %u, which a write through here has told", (long long)value, acknowledged);
    }
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void apply(struct call *call)
{
    call->value = call->kind != READ ? change(call->key, call->delta) : true_value(call->key);
    call->change = run.counters[call->key].changes;
    call->is_applied = true;
}

static void end_read(struct call *call)
{
    const struct cache_answer answer = {.number = call->value, .asked_us = call->asked_us, .lifetime_us = LIFETIME_US};
    const bool has_failed = up_to(9) == 0;
    cache_end_read(run.cache, call->entry, call, has_failed ? NULL : &answer, run.now_us);
    for (unsigned i = 0; i < call->waiters && !has_failed; i++) {
        check(call->key, call->value, call->waiting[i].since_us, call->waiting[i].acknowledged);
        run.answered_waiters++;
    }
}

/* Applied or not: its answer, or none. One that is unknown and was not applied may be later. */
static void end_write(struct call *call)
{
    struct cache_write write = {.is_known = call->is_applied && up_to(9) > 0,
                                .value = call->value,
                                .delta = call->delta,
                                .asked_us = call->asked_us,
                                .lifetime_us = LIFETIME_US};
    cache_note_write(run.cache, key_of(call->key), &write, run.now_us);
    if (call->delta < 0) {
        cache_end_lowering(run.cache, run.now_us);
    }
    struct counter *counter = &run.counters[call->key];
    if (write.is_known && call->change > counter->acknowledged) {
        counter->acknowledged = call->change;
    }
}

/* That nothing goes back is not promised behind one that lowers a counter after it has ended. */
static bool may_be_late(const struct call *call)
{
    return run.writes == OTHERS_TOO || call->delta > 0;
}

static void go_on(struct call *call)
{
    if (!call->is_applied && (call->kind == READ || up_to(9) > 0)) {
        apply(call);
    } else if (call->kind == READ) {
        end_read(call);
        call->kind = FREE;
    } else if (call->kind == WRITE) {
        end_write(call);
        call->kind = call->is_applied || !may_be_late(call) ? FREE : LATE_WRITE;
    } else {
        call->kind = FREE;
    }
}

static int64_t small_delta(void)
{
    const int64_t size = 1 + (int64_t)up_to(1);
    return up_to(1) == 0 ? size : -size;
}

static void begin_call(struct call *call, enum kind kind, int key)
{
    *call = (struct call){.kind = kind, .key = key, .asked_us = run.now_us};
    if (kind == WRITE) {
        call->delta = run.writes == OURS_OF_ONE ? 1 : small_delta();
        if (call->delta < 0) {
            cache_begin_lowering(run.cache);
        }
    } else {
        call->entry = cache_begin_read(run.cache, key_of(key), call, run.now_us);
        assert_non_null(call->entry);
    }
}

/* A read as cached_read makes it: held, or waited for, or asked for. */
static void read_one(struct call *call, int key)
{
    struct cache_entry *entry = cache_find(run.cache, key_of(key));
    const struct cache_answer *answer = entry != NULL ? cache_get(run.cache, entry, run.now_us, LIFETIME_US) : NULL;
    struct call *reader = entry != NULL ? cache_reader(entry) : NULL;
    const unsigned acknowledged = run.counters[key].acknowledged;
    if (answer != NULL) {
        check(key, answer->number, run.now_us, acknowledged);
        run.hits++;
    } else if (reader != NULL && run.now_us - reader->asked_us < LIFETIME_US && reader->waiters < WAITERS_MAX) {
        reader->waiting[reader->waiters].since_us = run.now_us;
        reader->waiting[reader->waiters++].acknowledged = acknowledged;
    } else if (call->kind == FREE) {
        begin_call(call, READ, key);
    }
}

static void step(void)
{
    struct call *call = &run.calls[up_to(OUT_MAX - 1)];
    const int key = (int)up_to(KEYS - 1);
    run.now_us += up_to(3) == 0 ? up_to(20) == 0 ? LIFETIME_US : up_to(200) : 0;
    if (up_to(2) == 0) {
        read_one(call, key);
    } else if (call->kind != FREE) {
        go_on(call);
    } else if (up_to(3) == 0) {
        begin_call(call, WRITE, key);
    } else if (up_to(3) == 0) {
        begin_call(call, READ, key); /* one that goes through */
    } else if (run.writes == OTHERS_TOO && up_to(3) == 0) {
        change(key, (int64_t)up_to(4) - 2); /* through somebody else */
    }
}

static void end_all(void)
{
    for (int i = 0; i < OUT_MAX; i++) {
        while (run.calls[i].kind != FREE) {
            go_on(&run.calls[i]);
        }
    }
}

static void go(enum writes writes, size_t entries_max)
{
    run.writes = writes;
    run.cache = cache_create(entries_max, 0, prng_next(&run.prng));
    for (int i = 0; i < STEPS; i++) {
        step();
    }
    end_all();
    assert_true(cache_count(run.cache) <= entries_max);
    cache_free(run.cache);
    assert_true(run.hits > STEPS / 100);
    assert_true(run.answered_waiters > STEPS / 1000);
}

static int set_up(void **state)
{
    (void)state;
    memset(&run, 0, sizeof(run));
    prng_init(&run.prng);
    print_message("seed %llu\n", (unsigned long long)run.prng.state);
    return 0;
}

static void test_no_answer_is_older_than_promised(void **state)
{
    (void)state;
    go(OTHERS_TOO, 10);
}

static void test_no_answer_goes_back_behind_a_write_through_the_same_loop(void **state)
{
    (void)state;
    go(OURS_OF_ONE, 10);
}

static void test_nor_if_some_of_them_lower_the_counter(void **state)
{
    (void)state;
    go(OURS, 10);
}

static void test_the_promise_holds_where_entries_come_and_go(void **state)
{
    (void)state;
    go(OURS, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_no_answer_is_older_than_promised),
        TEST(test_no_answer_goes_back_behind_a_write_through_the_same_loop),
        TEST(test_nor_if_some_of_them_lower_the_counter),
        TEST(test_the_promise_holds_where_entries_come_and_go),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
