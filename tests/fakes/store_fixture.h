/* A store on a real Redis, and calls on it that wait for their result. Functions fail the test when something
 * unexpected happens. */
#ifndef TALLY_TESTS_FAKES_STORE_FIXTURE_H
#define TALLY_TESTS_FAKES_STORE_FIXTURE_H

#include <pthread.h>
#include <semaphore.h>

#include "common/config/config.h"
#include "counter-service/store/store.h"
#include "tests/fakes/redis_process.h"

struct store_fixture {
    struct redis_process *redis;
    struct config config;
    struct topology *topology;
    struct store *store;
    /* Guarded by lock. */
    pthread_mutex_t lock;
    bool serving;
    unsigned changes; /* of serving */
};

/* Takes redis. The configuration has the shipped values; change it before store_fixture_open. */
struct store_fixture *store_fixture_create(struct redis_process *redis);
void store_fixture_open(struct store_fixture *fixture);
/* Events are kept, so many at most; nobody carries them to Kafka. Before store_fixture_open. */
void store_fixture_keep_events(struct store_fixture *fixture, int outbox_max, enum when_full when_full);
/* Ends Redis too. NULL is fine. */
void store_fixture_free(struct store_fixture *fixture);

/* For tests without special wishes: create, open, and wait until it serves; *state is NULL without redis-server. */
int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);

/* Waits until the store serves, or does not. */
void store_fixture_await(struct store_fixture *fixture, bool serving);
/* Waits until the reason why it does not serve has this piece. */
void store_fixture_await_reason(struct store_fixture *fixture, const char *piece);
/* How often the store has told that it serves, or that it does not. */
unsigned store_fixture_changes(struct store_fixture *fixture);
/* Waits until the store of one worker has lost its connection since so many changes, and serves again. A call that
 * found the connection lost is answered before the store tells that it does not serve. */
void store_fixture_await_reconnect(struct store_fixture *fixture, unsigned changes);
/* Waits until the workers have taken every call that was submitted, as /metrics has it: of a process with one store. */
void store_fixture_await_taken(struct store_fixture *fixture);

/* A call in flight. */
struct pending_call {
    struct store_call call;
    sem_t done;
};

/* Submits; the deadline is the longest of the service's, 4 s from now, unless it is set. Returns what store_submit
 * returned. */
enum status pending_call_submit(struct store_fixture *fixture, struct pending_call *pending);
/* Waits until it is done and returns its status. */
enum status pending_call_wait(struct pending_call *pending);
/* Submits and waits. */
enum status store_fixture_run(struct store_fixture *fixture, struct store_call *call);

struct store_item store_item_of(const char *resource_id, const char *counter_type, int64_t delta);
struct store_item store_item_keyed(const char *resource_id, const char *counter_type, int64_t delta, const char *key);

/* STORE_OPEN_SESSION or STORE_KEEP_SESSION of a session with this id, SESSION_LEN characters. Returns the call's
 * status.
 */
enum status store_fixture_session(struct store_fixture *fixture, enum store_operation operation, const char *id);
/* A place in the session of this id, which must stay valid. */
struct store_session store_session_of(const char *id, unsigned lane, int64_t sequence);

/* One call with these items, in no session or in one. Returns the call's status. */
enum status store_fixture_increment(struct store_fixture *fixture, struct store_item *items, size_t item_count);
enum status store_fixture_increment_in(struct store_fixture *fixture, struct store_session session,
                                       struct store_item *items, size_t item_count);
/* One call with one item; the call must be STATUS_OK. Returns the item. */
struct store_item store_fixture_increment_one(struct store_fixture *fixture, struct store_item item);
/* One increment by 1 of counter n. Returns its status, or the call's if that failed. */
enum status store_fixture_try(struct store_fixture *fixture, const char *resource_id);
/* Another store with the configuration as it is now, ready. */
void store_fixture_open_anew(struct store_fixture *fixture);
/* Its value; the read must succeed. */
int64_t store_fixture_get(struct store_fixture *fixture, const char *resource_id, const char *counter_type);

/* At the start of a test: its fixture, or a skip where there is no Redis. */
#define NEED_REDIS(state) \
    struct store_fixture *fixture = *(state); \
    if (fixture == NULL) { \
        skip(); \
    }

#endif
