#include "tests/fakes/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/wait_for.h"

static void on_serving(void *ctx, bool serving, const char *store_id)
{
    struct store_fixture *fixture = ctx;
    (void)store_id;
    pthread_mutex_lock(&fixture->lock);
    fixture->serving = serving;
    fixture->changes++;
    pthread_mutex_unlock(&fixture->lock);
}

struct store_fixture *store_fixture_create(struct redis_process *redis)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->redis = redis;
    struct config *config = &fixture->config;
    config->counter_service.max_deadline_ms = 10000; /* a machine may stand still, here too */
    config->counter_service.queue = 8192;
    config->counter_service.queue_time_ms = 60 * 1000; /* a machine may stand still */
    config->redis.addrs = calloc(1, sizeof(*config->redis.addrs));
    assert_non_null(config->redis.addrs);
    config->redis.addrs[0] = strdup(redis_process_address(redis));
    config->redis.addr_count = 1;
    config->redis.username = strdup("");
    config->redis.password = strdup("");
    config->redis.workers = 1;
    config->redis.timeout_ms = 3000;
    config->redis.connect_timeout_ms = 3000;
    config->redis.partitions = 1;
    config->session.ttl_ms = 3600000;
    config->idempotency.ttl_ms = 86400000;
    return fixture;
}

void store_fixture_open(struct store_fixture *fixture)
{
    struct error error;
    if (fixture->topology == NULL && (fixture->topology = topology_create(&fixture->config, &error)) == NULL) {
        fail_msg("%s", error.message);
    }
    fixture->store = store_create(&fixture->config, fixture->topology, on_serving, fixture, &error);
    if (fixture->store == NULL) {
        fail_msg("%s", error.message);
    }
}

void store_fixture_keep_events(struct store_fixture *fixture, int outbox_max, enum when_full when_full)
{
    fixture->config.kafka.broker_count = 1;
    fixture->config.events.outbox_max = outbox_max;
    fixture->config.events.when_full = when_full;
}

void store_fixture_free(struct store_fixture *fixture)
{
    if (fixture == NULL) {
        return;
    }
    store_free(fixture->store);
    topology_free(fixture->topology);
    redis_process_end(fixture->redis);
    free(fixture->config.redis.addrs[0]);
    free(fixture->config.redis.addrs);
    free(fixture->config.redis.username);
    free(fixture->config.redis.password);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

int store_fixture_setup(void **state)
{
    *state = NULL;
    if (redis_process_available()) {
        struct store_fixture *fixture = store_fixture_create(redis_process_start(NULL));
        *state = fixture;
        store_fixture_open(fixture);
        store_fixture_await(fixture, true);
    }
    return 0;
}

int store_fixture_teardown(void **state)
{
    store_fixture_free(*state);
    return 0;
}

void store_fixture_await(struct store_fixture *fixture, bool serving)
{
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    for (;;) {
        char reason[512] = "";
        pthread_mutex_lock(&fixture->lock);
        const bool told = fixture->serving;
        pthread_mutex_unlock(&fixture->lock);
        if (store_is_serving(fixture->store, reason, sizeof(reason)) == serving && told == serving) {
            return;
        }
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("serving should be %d: %s", serving, reason);
        }
        usleep(5000);
    }
}

void store_fixture_await_reason(struct store_fixture *fixture, const char *piece)
{
    const int64_t give_up_us = clock_monotonic_us() + WAIT_FOR_MAX_US;
    for (;;) {
        char reason[512] = "";
        if (!store_is_serving(fixture->store, reason, sizeof(reason)) && strstr(reason, piece) != NULL) {
            return;
        }
        if (clock_monotonic_us() > give_up_us) {
            fail_msg("\"%s\" is not in the reason \"%s\"", piece, reason);
        }
        usleep(5000);
    }
}

unsigned store_fixture_changes(struct store_fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    const unsigned changes = fixture->changes;
    pthread_mutex_unlock(&fixture->lock);
    return changes;
}

void store_fixture_await_reconnect(struct store_fixture *fixture, unsigned changes)
{
    WAIT_FOR(store_fixture_changes(fixture) >= changes + 2);
    store_fixture_await(fixture, true);
}

void store_fixture_await_taken(struct store_fixture *fixture)
{
    (void)fixture;
    WAIT_FOR(metrics_text_value("tally_store_queue_length", -1) == 0);
}

static void on_done(struct store_call *call)
{
    /* call is the first member. */
    sem_post(&((struct pending_call *)(void *)call)->done);
}

enum status pending_call_submit(struct store_fixture *fixture, struct pending_call *pending)
{
    pending->call.done = on_done;
    if (pending->call.deadline_us == 0) {
        pending->call.deadline_us = clock_monotonic_us() + 10000000;
    }
    sem_init(&pending->done, 0, 0);
    return store_submit(fixture->store, &pending->call);
}

enum status pending_call_wait(struct pending_call *pending)
{
    WAIT_FOR_SEM(&pending->done);
    sem_destroy(&pending->done);
    return pending->call.status;
}

enum status store_fixture_run(struct store_fixture *fixture, struct store_call *call)
{
    struct pending_call pending = {.call = *call};
    enum status status = pending_call_submit(fixture, &pending);
    if (status == STATUS_OK) {
        status = pending_call_wait(&pending);
    }
    *call = pending.call;
    return status;
}

struct store_item store_item_keyed(const char *resource_id, const char *counter_type, int64_t delta, const char *key)
{
    return (struct store_item){
        .resource_id = text_of(resource_id),
        .counter_type = text_of(counter_type),
        .user_id = TEXT(""),
        .idempotency_key = text_of(key),
        .delta = delta,
    };
}

struct store_item store_item_of(const char *resource_id, const char *counter_type, int64_t delta)
{
    return store_item_keyed(resource_id, counter_type, delta, "");
}

enum status store_fixture_session(struct store_fixture *fixture, enum store_operation operation, const char *id)
{
    struct store_call call = {.operation = operation, .session = store_session_of(id, 0, 0)};
    return store_fixture_run(fixture, &call);
}

struct store_session store_session_of(const char *id, unsigned lane, int64_t sequence)
{
    assert_int_equal(strlen(id), SESSION_LEN);
    return (struct store_session){.id = (const uint8_t *)id, .lane = lane, .sequence = sequence};
}

enum status store_fixture_increment_in(struct store_fixture *fixture, struct store_session session,
                                       struct store_item *items, size_t item_count)
{
    struct store_call call = {
        .operation = STORE_INCREMENT, .session = session, .items = items, .item_count = item_count};
    return store_fixture_run(fixture, &call);
}

enum status store_fixture_increment(struct store_fixture *fixture, struct store_item *items, size_t item_count)
{
    return store_fixture_increment_in(fixture, (struct store_session){.id = NULL}, items, item_count);
}

struct store_item store_fixture_increment_one(struct store_fixture *fixture, struct store_item item)
{
    assert_int_equal(store_fixture_increment(fixture, &item, 1), STATUS_OK);
    return item;
}

int64_t store_fixture_get(struct store_fixture *fixture, const char *resource_id, const char *counter_type)
{
    struct store_item item = store_item_of(resource_id, counter_type, 0);
    struct store_call call = {.operation = STORE_GET, .items = &item, .item_count = 1};
    assert_int_equal(store_fixture_run(fixture, &call), STATUS_OK);
    assert_int_equal(item.status, STATUS_OK);
    return item.value;
}

enum status store_fixture_try(struct store_fixture *fixture, const char *resource_id)
{
    struct store_item item = store_item_of(resource_id, "n", 1);
    const enum status status = store_fixture_increment(fixture, &item, 1);
    return status == STATUS_OK ? item.status : status;
}

void store_fixture_open_anew(struct store_fixture *fixture)
{
    store_free(fixture->store);
    store_fixture_open(fixture);
    store_fixture_await(fixture, true);
}
