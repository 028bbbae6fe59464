/* A counter_client that keeps the calls for the test to look at and to answer. A test program includes this once: its
 * functions are then linked instead of gateway/rpc/counter_client.c. */
#ifndef TALLY_TESTS_FAKES_FAKE_COUNTER_CLIENT_H
#define TALLY_TESTS_FAKES_FAKE_COUNTER_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "gateway/rpc/counter_client.h"
#include "tally/v1/counter.pb-c.h"

enum { FAKE_CALLS_MAX = SESSION_LANES + 64 };

struct client_call {
    enum counter_rpc rpc;
    const Tally__V1__KeepSessionRequest *keep;           /* of a KeepSession */
    const Tally__V1__SessionIncrementRequest *increment; /* of a SessionIncrement */
    const Tally__V1__BatchGetRequest *get;               /* of a BatchGet */
    size_t item_count;
    int64_t started_us;
    int64_t deadline_us;
    client_call_done on_done; /* NULL: the call ended */
    void *ctx;
    bool abandoned;
    bool was_unknown; /* for the test to set: an attempt ended unknown */
};

/* The fake has no context of its own: one test at a time. */
static struct {
    struct client_call calls[FAKE_CALLS_MAX];
    size_t call_count;
    bool out_of_memory; /* client_call_start fails */
    bool awaits_instance;
    struct arena arena; /* of the requests */
} fake_client;

static inline void fake_client_init(void)
{
    memset(&fake_client, 0, sizeof(fake_client));
    arena_init(&fake_client.arena);
}

static inline void fake_client_done(void)
{
    arena_done(&fake_client.arena);
}

static void fake_client_read(struct client_call *call, grpc_byte_buffer *message)
{
    static const ProtobufCMessageDescriptor *const descriptors[COUNTER_RPCS] = {
        [COUNTER_RPC_OPEN_SESSION] = &tally__v1__open_session_request__descriptor,
        [COUNTER_RPC_KEEP_SESSION] = &tally__v1__keep_session_request__descriptor,
        [COUNTER_RPC_SESSION_INCREMENT] = &tally__v1__session_increment_request__descriptor,
        [COUNTER_RPC_BATCH_GET] = &tally__v1__batch_get_request__descriptor,
    };
    assert_non_null(descriptors[call->rpc]);
    const ProtobufCMessage *request = grpc_message_unpack(descriptors[call->rpc], message, &fake_client.arena);
    assert_non_null(request);
    if (call->rpc == COUNTER_RPC_KEEP_SESSION) {
        call->keep = (const Tally__V1__KeepSessionRequest *)request;
    } else if (call->rpc == COUNTER_RPC_SESSION_INCREMENT) {
        call->increment = (const Tally__V1__SessionIncrementRequest *)request;
        call->item_count = call->increment->n_items;
    } else if (call->rpc == COUNTER_RPC_BATCH_GET) {
        call->get = (const Tally__V1__BatchGetRequest *)request;
        call->item_count = call->get->n_queries;
    }
}

struct client_call *client_call_start(struct counter_client *client, const struct client_call_options *options,
                                      grpc_byte_buffer *message, int64_t now_us)
{
    (void)client;
    if (fake_client.out_of_memory) {
        grpc_byte_buffer_destroy(message);
        return NULL;
    }
    assert_true(fake_client.call_count < FAKE_CALLS_MAX);
    struct client_call *call = &fake_client.calls[fake_client.call_count++];
    *call = (struct client_call){
        .rpc = options->rpc,
        .started_us = now_us,
        .deadline_us = options->deadline_us,
        .on_done = options->on_done,
        .ctx = options->ctx,
    };
    fake_client_read(call, message);
    grpc_byte_buffer_destroy(message);
    return call;
}

bool counter_client_awaits_instance(const struct counter_client *client)
{
    (void)client;
    return fake_client.awaits_instance;
}

unsigned client_call_attempts(const struct client_call *call)
{
    (void)call;
    return 1;
}

bool client_call_was_unknown(const struct client_call *call)
{
    return call->was_unknown;
}

void client_call_abandon(struct client_call *call)
{
    assert_non_null(call->on_done);
    call->on_done = NULL;
    call->abandoned = true;
}

/* Whether call `index` has not ended. */
static inline bool fake_client_is_out(size_t index)
{
    assert_true(index < fake_client.call_count);
    return fake_client.calls[index].on_done != NULL;
}

/* Ends call `index`. message: the answer of STATUS_OK, packed here; else NULL. */
static inline void fake_client_answer(size_t index, enum status status, const ProtobufCMessage *message)
{
    assert_true(index < fake_client.call_count);
    struct client_call *call = &fake_client.calls[index];
    const client_call_done on_done = call->on_done;
    assert_non_null(on_done);
    call->on_done = NULL;
    grpc_byte_buffer *reply = message != NULL ? grpc_message_pack(message) : NULL;
    on_done(call->ctx, status, reply);
    grpc_byte_buffer_destroy(reply);
}

/* The answers of an OpenSession: its session is 16 times `byte`. */
static inline void fake_client_answer_open(size_t index, uint8_t byte, int64_t idle_timeout_ms)
{
    uint8_t session[SESSION_LEN];
    assert_int_equal(fake_client.calls[index].rpc, COUNTER_RPC_OPEN_SESSION);
    memset(session, byte, sizeof(session));
    Tally__V1__OpenSessionResponse response = TALLY__V1__OPEN_SESSION_RESPONSE__INIT;
    response.session = (ProtobufCBinaryData){.len = sizeof(session), .data = session};
    response.idle_timeout_ms = idle_timeout_ms;
    fake_client_answer(index, STATUS_OK, &response.base);
}

#endif
