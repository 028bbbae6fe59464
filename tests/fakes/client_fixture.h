/* A counter_client over a real channel pool, and one or two real gRPC servers in this process that answer by a plan.
 * The test's thread is the event loop. */
#ifndef TALLY_TESTS_FAKES_CLIENT_FIXTURE_H
#define TALLY_TESTS_FAKES_CLIENT_FIXTURE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/rpc/counter_client.h"
#include "tests/fakes/fake_grpc_server.h"

enum {
    CLIENT_CHANNELS = 4,
    SERVERS_MAX = 2,
    RPCS_MAX = 1000,
    LONG_US = 20 * 1000 * 1000,     /* a deadline that no test waits for */
    ATTEMPT_TIMEOUT_MS = 30 * 1000, /* longer than that: each RPC is one that the plan asks for */
    IMPATIENT_MS = 3000,            /* for tests in which an attempt is given up */
};

/* What a server does with its first, second, ... call; with all later ones the same as with the last. */
struct plan {
    bool silent;
    grpc_status_code code;
    const char *outcome; /* the tally-outcome trailer; NULL: none */
    const char *reason;  /* likewise tally-reason */
    size_t reply_len;    /* OK: so many bytes; 0: no message */
};

struct seen_rpc {
    char method[64];
    char request[64];
    int64_t remaining_ms; /* to its deadline */
};

struct planned_server {
    struct fake_grpc_server *server;
    struct plan plans[3];
    size_t plan_count;
    pthread_mutex_t lock;
    /* guarded by lock */
    struct seen_rpc seen[RPCS_MAX];
    unsigned seen_count;
};

struct client_fixture {
    struct planned_server servers[SERVERS_MAX];
    size_t server_count;
    /* of the pool; set up so that the breaker stays closed: it has tests of its own */
    int breaker_failures;
    int breaker_open_for_ms;
    enum counter_rpc rpc; /* what is called: SessionIncrement */
    struct channel_pool *pool;
    struct counter_client *client;
    sem_t woken; /* once for each wake of the client's */
};

/* One call and its end. */
struct call_result {
    struct client_call *call;
    unsigned ends; /* how often on_done was called */
    enum status status;
    size_t reply_len;
    struct client_call *gives_up; /* is abandoned when this call ends; NULL: none */
};

/* For cmocka: *state becomes an empty fixture. */
int client_fixture_set_up(void **state);
/* Frees whatever is there. channel_pool_free asserts that every channel was given back. */
int client_fixture_tear_down(void **state);

/* Starts a server. */
void client_fixture_add_server(struct client_fixture *fixture, const struct plan *plans, size_t plan_count);
/* Starts pool and client of the servers added, and waits until every channel is READY. */
void client_fixture_start(struct client_fixture *fixture, int attempt_timeout_ms);
/* Calls that reached the handler of server `number`. */
unsigned client_fixture_seen(struct client_fixture *fixture, size_t number);
/* Waits until that many calls have reached the first server. */
void client_fixture_wait_for_rpcs(struct client_fixture *fixture, unsigned count);

grpc_byte_buffer *client_fixture_message(const void *data, size_t len);
/* Starts a call with "the message". */
void client_fixture_call(struct client_fixture *fixture, struct call_result *result, int64_t timeout_us);
/* Lives like an event loop until until_us, or until all results (if any) have their end. */
void client_fixture_run_until(struct client_fixture *fixture, const struct call_result *results, size_t count,
                              int64_t until_us);
/* Makes one call whose attempts are all answered with failures; after so many of them its deadline is there, with
 * nothing out. (The real deadline is far.) */
void client_fixture_call_until_the_deadline(struct client_fixture *fixture, struct call_result *result,
                                            unsigned attempts);
/* Until all results have their end, once. */
void client_fixture_run(struct client_fixture *fixture, const struct call_result *results, size_t count);

#endif
