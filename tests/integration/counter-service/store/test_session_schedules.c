/* Random schedules of the real write script on a real Redis against an oracle: batches of several sessions, copies of
 * them in any order, at any time and as often as may be, lanes used again at any time, sequences used for other items,
 * sessions that end, scripts and data that are lost. After every copy the answer must be the oracle's, and what is
 * answered without counting must have changed nothing in the whole data set. The events of the outbox must be the
 * increments that were applied, each once and in order.
 *
 * A schedule follows from its seed. A test that fails prints it: SCHEDULE_SEED=1234 repeats that one schedule.
 * SCHEDULES=1000 runs so many. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/script_client.h"
#include "tests/fakes/write_oracle.h"

enum {
    SCHEDULES = 20,
    STEPS = 300,
    STEPS_BETWEEN_VERIFICATIONS = 100,
    DAMAGED_KEYS = 2,
    OUTBOX_KEYS = 2,
};

struct sent_batch {
    struct oracle_batch batch;
    unsigned applied; /* how often */
};

struct schedule {
    struct redis_process *redis;
    struct script_client *client;
    /* Of one schedule. */
    uint64_t seed;
    bool done;
    struct prng prng;
    struct oracle oracle;
    unsigned session_count;
    int64_t sequences[ORACLE_SESSIONS_MAX]; /* the last one given */
    struct sent_batch sent[STEPS];
    size_t sent_count;
    unsigned letters[128]; /* how often each answer came */
};

static unsigned up_to(struct schedule *schedule, unsigned max)
{
    return prng_up_to(&schedule->prng, max);
}

static bool one_in(struct schedule *schedule, unsigned count)
{
    return up_to(schedule, count - 1) == 0;
}

/* ---- one copy of a batch ---- */

static void check_results(const struct script_outcome *outcome, const struct oracle_answer *wanted, size_t item_count)
{
    assert_int_equal(outcome->reply.status, STATUS_OK);
    for (size_t i = 0; i < item_count; i++) {
        assert_int_equal(outcome->items[i].status, wanted->results[i].status);
        if (wanted->results[i].status == STATUS_OK) {
            assert_int_equal(outcome->items[i].value, wanted->results[i].value);
            assert_int_equal(outcome->items[i].replayed, wanted->results[i].replayed);
        }
    }
}

static void deliver(struct schedule *schedule, struct sent_batch *sent)
{
    const struct oracle_answer wanted = oracle_write(&schedule->oracle, &sent->batch);
    const struct script_outcome outcome = script_client_write(schedule->client, &sent->batch);
    assert_int_equal(outcome.letter, wanted.letter);
    schedule->letters[(unsigned char)outcome.letter]++;
    switch (outcome.letter) {
    case 'A':
        sent->applied++;
        assert_int_equal(sent->applied, 1);
        assert_true(outcome.changed);
        check_results(&outcome, &wanted, sent->batch.item_count);
        return;
    case 'S':
        assert_false(outcome.changed);
        check_results(&outcome, &wanted, sent->batch.item_count);
        return;
    default:
        assert_false(outcome.changed);
        assert_int_equal(outcome.reply.status, outcome.letter == 'M' ? STATUS_KEY_REUSED : STATUS_NO_SESSION);
        return;
    }
}

/* ---- steps ---- */

static int64_t random_delta(struct schedule *schedule)
{
    static const int64_t large[] = {
        INT64_C(9007199254740991), /* 2^53 - 1: where the script's numbers end */
        INT64_C(9007199254740993),
        INT64_C(4611686018427387904),
        INT64_MAX,
    };
    const int64_t size = one_in(schedule, 8) ? large[up_to(schedule, 3)] : 1 + up_to(schedule, 99);
    return one_in(schedule, 3) ? -size : size;
}

static void fill_batch(struct schedule *schedule, struct oracle_batch *batch)
{
    batch->item_count = 1 + up_to(schedule, ORACLE_ITEMS_MAX - 1);
    for (size_t i = 0; i < batch->item_count; i++) {
        batch->items[i] = (struct oracle_item){
            .counter = up_to(schedule, ORACLE_COUNTERS - 1),
            .key = one_in(schedule, 3) ? 1 + up_to(schedule, ORACLE_KEYS - 2) : 0,
            .delta = random_delta(schedule),
        };
    }
}

static struct sent_batch *add_batch(struct schedule *schedule, struct oracle_batch place)
{
    struct sent_batch *sent = &schedule->sent[schedule->sent_count++];
    *sent = (struct sent_batch){.batch = place};
    fill_batch(schedule, &sent->batch);
    return sent;
}

/* One of the last few, or of all. */
static size_t pick(struct schedule *schedule, size_t count)
{
    const size_t range = count > 6 && !one_in(schedule, 3) ? 6 : count;
    return count - 1 - up_to(schedule, (unsigned)range - 1);
}

static void open_session(struct schedule *schedule)
{
    /* Where sequences are read and compared in pieces. */
    static const int64_t starts[] = {0, 999999990, INT64_C(9007199254740988), INT64_C(999999999999999990),
                                     INT64_MAX - STEPS};
    if (schedule->session_count == ORACLE_SESSIONS_MAX) {
        return;
    }
    const unsigned session = schedule->session_count++;
    schedule->sequences[session] = starts[up_to(schedule, 4)];
    oracle_open_session(&schedule->oracle, session);
    assert_int_equal(script_client_session(schedule->client, STORE_OPEN_SESSION, session), STATUS_OK);
}

/* In one of the last two sessions, also when it has ended: its sender does not know. The lane may be in use. */
static void new_batch(struct schedule *schedule)
{
    const unsigned back = schedule->session_count > 1 ? up_to(schedule, 1) : 0;
    const unsigned session = schedule->session_count - 1 - back;
    const struct oracle_batch place = {
        .session = session,
        .lane = up_to(schedule, ORACLE_LANES - 1),
        .sequence = ++schedule->sequences[session],
    };
    struct sent_batch *sent = add_batch(schedule, place);
    if (!one_in(schedule, 3)) { /* else it comes late, or never */
        deliver(schedule, sent);
    }
}

static void copy_of_a_batch(struct schedule *schedule)
{
    if (schedule->sent_count > 0) {
        deliver(schedule, &schedule->sent[pick(schedule, schedule->sent_count)]);
    }
}

/* The place of a batch before, for other items: a sender whose machine was cloned. */
static void other_items(struct schedule *schedule)
{
    if (schedule->sent_count > 0) {
        deliver(schedule, add_batch(schedule, schedule->sent[pick(schedule, schedule->sent_count)].batch));
    }
}

static void keep_session(struct schedule *schedule)
{
    const unsigned session = (unsigned)pick(schedule, schedule->session_count);
    const bool exists = schedule->oracle.sessions[session].exists;
    assert_int_equal(script_client_session(schedule->client, STORE_KEEP_SESSION, session),
                     exists ? STATUS_OK : STATUS_NO_SESSION);
}

static void end_session(struct schedule *schedule)
{
    const unsigned session = (unsigned)pick(schedule, schedule->session_count);
    oracle_end_session(&schedule->oracle, session);
    REDIS_ASK(schedule->redis, "PEXPIRE", script_client_session_key(session), "0");
}

static void lose_scripts(struct schedule *schedule)
{
    assert_string_equal(REDIS_ASK(schedule->redis, "SCRIPT", "FLUSH"), "OK");
}

static void lose_data(struct schedule *schedule)
{
    oracle_flush(&schedule->oracle);
    assert_string_equal(REDIS_ASK(schedule->redis, "FLUSHALL"), "OK");
    REDIS_ASK(schedule->redis, "HSET", "tally:{p0}:c:no-number", "n", "x");
    REDIS_ASK(schedule->redis, "SET", "tally:{p0}:c:no-hash", "x");
}

/* What the events say the counters are. */
struct replay {
    bool exists[ORACLE_COUNTERS];
    int64_t values[ORACLE_COUNTERS];
};

static void replay_event(void *ctx, const struct event *event)
{
    struct replay *replay = ctx;
    for (size_t i = 0; i < ORACLE_COUNTERS; i++) {
        if (text_equal(event->resource_id, text_of(oracle_counters[i].resource_id)) &&
            text_equal(event->counter_type, text_of(oracle_counters[i].counter_type))) {
            replay->exists[i] = true;
            replay->values[i] += event->delta;
            assert_true(event->has_value && event->value == replay->values[i]);
            assert_true(text_equal(event->user_id, TEXT("u")));
            return;
        }
    }
    fail_msg("an event of no counter");
}

/* Returns whether there are any. */
static bool verify_events(struct schedule *schedule)
{
    struct replay replay = {{0}, {0}};
    const uint64_t count = script_client_events(schedule->client, replay_event, &replay);
    for (size_t i = 0; i < ORACLE_COUNTERS; i++) {
        assert_true(replay.exists[i] == schedule->oracle.exists[i]);
        assert_true(!replay.exists[i] || replay.values[i] == schedule->oracle.values[i]);
    }
    return count > 0;
}

static void verify(struct schedule *schedule)
{
    const struct oracle *oracle = &schedule->oracle;
    char key[64];
    for (size_t i = 0; i < ORACLE_COUNTERS; i++) {
        if (oracle_counters[i].refused != STATUS_OK) {
            continue;
        }
        char value[32] = "(nil)";
        if (oracle->exists[i]) {
            snprintf(value, sizeof(value), "%" PRId64, oracle->values[i]);
        }
        snprintf(key, sizeof(key), "tally:{p0}:c:%s", oracle_counters[i].resource_id);
        assert_string_equal(REDIS_ASK(schedule->redis, "HGET", key, oracle_counters[i].counter_type), value);
    }
    for (unsigned session = 0; session < schedule->session_count; session++) {
        const char *fields = REDIS_ASK(schedule->redis, "HLEN", script_client_session_key(session));
        assert_int_equal(strtoul(fields, NULL, 10), oracle_session_fields(oracle, session));
    }
    const size_t keys = strtoul(REDIS_ASK(schedule->redis, "DBSIZE"), NULL, 10);
    const size_t outbox_keys = verify_events(schedule) ? OUTBOX_KEYS : 0;
    assert_int_equal(keys, oracle_key_count(oracle) + DAMAGED_KEYS + outbox_keys);
}

static void take_step(struct schedule *schedule)
{
    static const struct {
        unsigned weight;
        void (*take)(struct schedule *schedule);
    } steps[] = {
        {350, new_batch},   {531, copy_of_a_batch}, {40, other_items},  {31, open_session},
        {20, keep_session}, {12, end_session},      {12, lose_scripts}, {4, lose_data},
    };
    unsigned at = up_to(schedule, 999);
    for (size_t i = 0;; i++) {
        assert_true(i < sizeof(steps) / sizeof(steps[0]));
        if (at < steps[i].weight) {
            steps[i].take(schedule);
            return;
        }
        at -= steps[i].weight;
    }
}

static void run_schedule(struct schedule *schedule, uint64_t seed)
{
    schedule->seed = seed;
    schedule->prng.state = seed;
    schedule->session_count = 0;
    schedule->sent_count = 0;
    lose_data(schedule);
    open_session(schedule);
    for (unsigned step = 1; step <= STEPS; step++) {
        take_step(schedule);
        if (step % STEPS_BETWEEN_VERIFICATIONS == 0) {
            verify(schedule);
        }
    }
}

static void run_schedules(struct schedule *schedule)
{
    const char *given = getenv("SCHEDULES");
    const unsigned long count = given != NULL ? strtoul(given, NULL, 10) : SCHEDULES;
    struct prng seeds;
    prng_init(&seeds);
    for (unsigned long i = 0; i < count; i++) {
        run_schedule(schedule, prng_next(&seeds));
    }
    for (const char *letter = "ASNCM"; *letter != '\0'; letter++) {
        assert_true(schedule->letters[(unsigned char)*letter] > 0);
    }
}

/* ---- the test ---- */

static void test_no_schedule_counts_a_batch_twice(void **state)
{
    struct schedule *schedule = *state;
    if (schedule == NULL) {
        skip();
        return;
    }
    const char *seed = getenv("SCHEDULE_SEED");
    if (seed != NULL) {
        run_schedule(schedule, strtoull(seed, NULL, 10));
    } else {
        run_schedules(schedule);
    }
    print_message("answers: %u A, %u S, %u N, %u C, %u M\n", schedule->letters['A'], schedule->letters['S'],
                  schedule->letters['N'], schedule->letters['C'], schedule->letters['M']);
    schedule->done = true;
}

static int setup(void **state)
{
    if (!redis_process_available()) {
        return 0;
    }
    static const char *const options[] = {"--enable-debug-command", "yes", NULL};
    struct schedule *schedule = calloc(1, sizeof(*schedule));
    assert_non_null(schedule);
    schedule->redis = redis_process_start(options);
    schedule->client = script_client_create(schedule->redis);
    *state = schedule;
    return 0;
}

static int teardown(void **state)
{
    struct schedule *schedule = *state;
    if (schedule == NULL) {
        return 0;
    }
    if (!schedule->done) {
        print_error("SCHEDULE_SEED=%" PRIu64 " repeats this schedule\n", schedule->seed);
    }
    script_client_free(schedule->client);
    redis_process_end(schedule->redis);
    free(schedule);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_schedule_counts_a_batch_twice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
