/* The law, under load and every fault that a test can make: what was acknowledged was counted, what was refused was
 * not, and nothing was counted twice, however often it was sent again.
 *
 *     sum of acknowledged <= value <= sum of acknowledged + sum of unknown; with idempotency keys: value = sum of all
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "tests/fakes/store_fixture.h"

enum {
    WRITERS = 4,
    ATTEMPT_US = 600000,
    RESEND_FOR_US = 3000000,
};

struct writer {
    pthread_t thread;
    struct store_fixture *fixture;
    atomic_bool *end;
    unsigned number;
    uint64_t random;
    char by_batch[16]; /* names of the two counters it writes */
    char by_key[16];
    char session[SESSION_LEN + 1];
    int64_t sequence;
    int64_t acknowledged;
    int64_t unknown;
    int64_t refused;
    int64_t keyed;
    uint64_t attempts;
};

static uint64_t next_random(struct writer *writer)
{
    writer->random ^= writer->random << 13;
    writer->random ^= writer->random >> 7;
    writer->random ^= writer->random << 17;
    return writer->random;
}

static enum status attempt(struct writer *writer, struct store_item *item, struct store_session place)
{
    struct store_call call = {
        .operation = STORE_INCREMENT,
        .session = place,
        .items = item,
        .item_count = 1,
        .deadline_us = clock_monotonic_us() + ATTEMPT_US,
    };
    writer->attempts++;
    item->status = STATUS_OK;
    const enum status status = store_fixture_run(writer->fixture, &call);
    return status == STATUS_OK ? item->status : status;
}

/* As the gateway does it: the same batch again, until there is an answer or it is too late. */
static void write_batch(struct writer *writer)
{
    /* One lane will do: it carries one open batch, and the next one closes it if it was given up. */
    const struct store_session place = {
        .id = (const uint8_t *)writer->session, .lane = 3, .sequence = ++writer->sequence};
    struct store_item item = store_item_of(writer->by_batch, "n", 1 + (int64_t)(next_random(writer) % 100));
    const int64_t start_us = clock_monotonic_us();
    bool unknown = false;
    enum status status;
    do {
        status = attempt(writer, &item, place);
        unknown |= status_outcome(status) == OUTCOME_UNKNOWN;
        if (status != STATUS_OK) {
            usleep(10000);
        }
    } while (status != STATUS_OK && clock_monotonic_us() - start_us < RESEND_FOR_US);
    *(status == STATUS_OK ? &writer->acknowledged : unknown ? &writer->unknown : &writer->refused) += item.delta;
}

/* As a client with an Idempotency-Key does it: for ever. */
static void write_keyed(struct writer *writer)
{
    char key[40];
    snprintf(key, sizeof(key), "%016llx-%u", (unsigned long long)next_random(writer), writer->number);
    struct store_item item = store_item_keyed(writer->by_key, "n", 1 + (int64_t)(next_random(writer) % 100), key);
    while (attempt(writer, &item, (struct store_session){.id = NULL}) != STATUS_OK) {
        usleep(10000);
    }
    writer->keyed += item.delta;
}

static void *write_until_the_end(void *arg)
{
    struct writer *writer = arg;
    while (!atomic_load(writer->end)) {
        write_batch(writer);
        write_keyed(writer);
    }
    return NULL;
}

static void start_writers(struct store_fixture *fixture, struct writer *writers, atomic_bool *end)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.fixture = fixture, .end = end, .number = i};
        writers[i].random = (uint64_t)clock_realtime_us() * WRITERS + i + 1;
        snprintf(writers[i].by_batch, sizeof(writers[i].by_batch), "batch-%u", i);
        snprintf(writers[i].by_key, sizeof(writers[i].by_key), "key-%u", i);
        snprintf(writers[i].session, sizeof(writers[i].session), "session-%08u", i);
        assert_int_equal(store_fixture_session(fixture, STORE_OPEN_SESSION, writers[i].session), STATUS_OK);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_until_the_end, &writers[i]), 0);
    }
}

static void make_faults(struct redis_process *redis)
{
    for (int i = 0; i < 5; i++) {
        usleep(50000);
        REDIS_ASK(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        usleep(50000);
        REDIS_ASK(redis, "SCRIPT", "FLUSH");
    }
    REDIS_ASK(redis, "CONFIG", "SET", "maxmemory", "1");
    usleep(200000);
    REDIS_ASK(redis, "CONFIG", "SET", "maxmemory", "0");
    for (int i = 0; i < 3; i++) {
        redis_process_kill(redis);
        usleep(100000);
        redis_process_restart(redis);
        usleep(200000);
    }
    redis_process_pause(redis);
    usleep(400000);
    redis_process_resume(redis);
    usleep(200000);
    redis_process_pause(redis);
    usleep(2000000);
    redis_process_resume(redis);
    usleep(200000);
}

static void check_writer(struct store_fixture *fixture, const struct writer *writer)
{
    const int64_t by_batch = store_fixture_get(fixture, writer->by_batch, "n");
    const int64_t by_key = store_fixture_get(fixture, writer->by_key, "n");
    print_message("writer %u: %llu attempts; acknowledged %lld, unknown %lld, refused %lld, value %lld\n",
                  writer->number, (unsigned long long)writer->attempts, (long long)writer->acknowledged,
                  (long long)writer->unknown, (long long)writer->refused, (long long)by_batch);
    assert_true(writer->acknowledged > 0);
    assert_true(by_batch >= writer->acknowledged);
    assert_true(by_batch <= writer->acknowledged + writer->unknown);
    assert_true(by_key == writer->keyed);
}

static void test_the_law_holds_through_faults(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        skip();
    }
    static const char *const options[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    struct store_fixture *fixture = store_fixture_create(redis_process_start(options));
    *state = fixture;
    fixture->config.redis.workers = 2;
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);

    static struct writer writers[WRITERS];
    atomic_bool end = false;
    start_writers(fixture, writers, &end);
    make_faults(fixture->redis);
    atomic_store(&end, true);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
    }
    store_fixture_await(fixture, true);
    for (unsigned i = 0; i < WRITERS; i++) {
        check_writer(fixture, &writers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_the_law_holds_through_faults, store_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
