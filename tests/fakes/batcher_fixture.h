/* A batcher over a fake client, and requests of which the test sees what became. A test program includes this once. */
#ifndef TALLY_TESTS_FAKES_BATCHER_FIXTURE_H
#define TALLY_TESTS_FAKES_BATCHER_FIXTURE_H

#include <grpc/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "gateway/batch/batcher.h"
#include "gateway/batch/session.h"
#include "tests/fakes/fake_counter_client.h"

enum {
    START_US = 100 * 1000000,
    TIMEOUT_US = 2000000,
    HOLD_US = 3000,
    RPCS_MAX = 3,
    WINDOW = 4000,
    IDLE_TIMEOUT_MS = 3600 * 1000,
    /* The session was opened some time ago: what went out then counts no longer. */
    OPENED_US = START_US - 10 * 1000000,
    KEEP_US = OPENED_US + SESSION_KEEP_EVERY_MAX_US,
};

/* A request and what became of it. The submission is heap memory that is gone after on_done, as in the gateway. */
struct asked {
    struct submission *request;
    unsigned done;
    size_t count;
    struct operation results[BATCH_ITEMS_MAX];
};

struct owned_request {
    struct submission request; /* the first field: on_done gets it */
    struct asked *asked;
    struct operation operations[];
};

static struct batcher *batcher;

/* Without a session. */
static inline int set_up_unopened(void **state)
{
    (void)state;
    grpc_init();
    fake_client_init();
    batcher = batcher_create(NULL, WINDOW);
    return batcher != NULL ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    batcher_abort(batcher);
    batcher_free(batcher);
    fake_client_done();
    grpc_shutdown();
    return 0;
}

static inline void on_done(struct submission *request)
{
    struct owned_request *owned = (struct owned_request *)(void *)request;
    struct asked *asked = owned->asked;
    asked->done++;
    memcpy(asked->results, owned->operations, asked->count * sizeof(asked->results[0]));
    free(owned);
    asked->request = NULL;
}

/* A request of `count` operations on counters "first", "first + 1", ... */
static inline void make(struct asked *asked, enum batch_kind kind, size_t count, int64_t deadline_us)
{
    struct owned_request *owned = calloc(1, sizeof(*owned) + count * sizeof(owned->operations[0]));
    assert_non_null(owned);
    asked->request = &owned->request;
    asked->done = 0;
    asked->count = count;
    owned->asked = asked;
    owned->request = (struct submission){
        .kind = kind,
        .operations = owned->operations,
        .operation_count = count,
        .deadline_us = deadline_us,
        .on_done = on_done,
    };
    for (size_t i = 0; i < count; i++) {
        owned->operations[i] = (struct operation){
            .resource_id = TEXT("post:1"),
            .counter_type = TEXT("like"),
            .delta = (int64_t)i + 1,
        };
    }
}

static inline void submit(struct asked *asked)
{
    assert_int_equal(batcher_submit(batcher, asked->request), STATUS_OK);
    assert_int_equal(asked->done, 0);
}

static inline void ask(struct asked *asked, enum batch_kind kind, size_t count)
{
    make(asked, kind, count, START_US + TIMEOUT_US);
    submit(asked);
}

static inline size_t calls(void)
{
    return fake_client.call_count;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

struct increment_reply {
    Tally__V1__BatchIncrementResponse response;
    Tally__V1__IncrementResult results[BATCH_ITEMS_MAX];
    Tally__V1__IncrementResult *pointers[BATCH_ITEMS_MAX];
};

static inline struct increment_reply *increment_reply(size_t count)
{
    static struct increment_reply reply;
    tally__v1__batch_increment_response__init(&reply.response);
    for (size_t i = 0; i < count; i++) {
        tally__v1__increment_result__init(&reply.results[i]);
        reply.results[i].value = 100 + (int64_t)i;
        reply.pointers[i] = &reply.results[i];
    }
    reply.response.n_results = count;
    reply.response.results = reply.pointers;
    return &reply;
}

/* Call `index` ends well: its item i has the value 100 + i. */
static inline void answer_increment(size_t index)
{
    fake_client_answer(index, STATUS_OK, &increment_reply(fake_client.calls[index].item_count)->response.base);
}

static inline void answer_get(size_t index, int64_t value)
{
    Tally__V1__GetResult result = TALLY__V1__GET_RESULT__INIT;
    Tally__V1__GetResult *pointer = &result;
    result.value = value;
    Tally__V1__BatchGetResponse response = TALLY__V1__BATCH_GET_RESPONSE__INIT;
    response.n_results = 1;
    response.results = &pointer;
    fake_client_answer(index, STATUS_OK, &response.base);
}

/* The session is open, and nothing is out. Calls are counted from here on. */
static inline int set_up(void **state)
{
    static struct asked first;
    if (set_up_unopened(state) != 0) {
        return -1;
    }
    ask(&first, BATCH_INCREMENT, 1);
    batcher_turn(batcher, OPENED_US);
    fake_client_answer_open(0, 'a', IDLE_TIMEOUT_MS);
    batcher_turn(batcher, OPENED_US);
    answer_increment(1);
    batcher_turn(batcher, OPENED_US);
    fake_client.call_count = 0;
    return 0;
}

static inline void assert_status(const struct asked *asked, size_t operation, enum status status)
{
    assert_int_equal(asked->done, 1);
    assert_true(asked->results[operation].done);
    assert_string_equal(status_name(asked->results[operation].status), status_name(status));
}

/* As many RPCs as may be out, a microsecond apart from START_US on. */
static inline void fill_rpcs(struct asked asked[RPCS_MAX])
{
    for (int i = 0; i < RPCS_MAX; i++) {
        ask(&asked[i], BATCH_INCREMENT, 1);
        batcher_turn(batcher, START_US + i);
    }
    assert_int_equal(calls(), RPCS_MAX);
}

#endif
