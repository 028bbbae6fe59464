#include "counter-service/api/counter_rpc.h"

#include <stdlib.h>
#include <sys/random.h>

#include "common/base/compiler.h"
#include "counter-service/api/call_trace.h"
#include "counter-service/api/counter_reply.h"
#include "counter-service/api/counter_request.h"

/* A call on its way through the store; lies in its arena. */
struct counter_call {
    struct rpc_call *rpc_call;
    enum counter_method method;
    struct counter_request request;
    struct call_trace trace;
    uint8_t new_session[SESSION_LEN];
};

/* What the client is told if the call failed or, for a method of one item, the item did; otherwise STATUS_OK. */
static enum status status_of(const struct counter_call *call, const char **ret_detail)
{
    const struct store_call *store = &call->request.call;
    if (store->status != STATUS_OK || counter_request_is_batch(call->method) || store->item_count == 0) {
        *ret_detail = store->detail;
        return store->status;
    }
    *ret_detail = store->items[0].detail;
    return store->items[0].status;
}

/* Frees what the store has put on the heap for the call. */
static void drop_listing(struct store_call *store)
{
    if (store->operation == STORE_LIST) {
        free(store->listed);
        buffer_done(&store->list_memory);
    }
}

static void answer(struct counter_call *call)
{
    struct rpc_call *rpc_call = call->rpc_call;
    const char *detail = NULL;
    call_trace_end(&call->trace, rpc_call, &call->request);
    const enum status status = status_of(call, &detail);
    grpc_byte_buffer *reply =
        status == STATUS_OK ? counter_reply_make(call->method, &call->request, &rpc_call->arena) : NULL;
    drop_listing(&call->request.call); /* reply has a copy */
    /* From here on the call is not ours, and may be gone. */
    if (status == STATUS_OK) {
        rpc_call_answer(rpc_call, reply);
    } else {
        rpc_call_fail(rpc_call, status, detail);
    }
}

/* On a store worker's thread. */
static void on_stored(struct store_call *store)
{
    answer(CONTAINER_OF(store, struct counter_call, request.call));
}

/* Makes an id that was never given out before: 128 random bits. Returns 0, or -1 if the kernel has none. */
static int make_session(struct counter_call *call)
{
    call->request.call.session.id = call->new_session;
    return getrandom(call->new_session, SESSION_LEN, 0) == SESSION_LEN ? 0 : -1;
}

static void submit(const struct counter_rpc *rpc, struct counter_call *call)
{
    struct store_call *store = &call->request.call;
    if (store->operation == STORE_OPEN_SESSION && make_session(call) != 0) {
        rpc_call_fail(call->rpc_call, STATUS_SHED, "The kernel has no random numbers for a session");
        return;
    }
    store->deadline_us = rpc_call_deadline_us(call->rpc_call);
    store->done = on_stored;
    if (store->operation == STORE_LIST) {
        buffer_init(&store->list_memory);
    }
    call_trace_begin(&call->trace, call->rpc_call, &call->request);
    const enum status refused = store_submit(rpc->store, store);
    if (refused != STATUS_OK) {
        store->status = refused;
        call_trace_end(&call->trace, call->rpc_call, &call->request);
        drop_listing(&call->request.call);
        rpc_call_fail(call->rpc_call, refused, NULL);
    }
}

static void handle(void *ctx, struct rpc_call *rpc_call)
{
    const struct counter_rpc *rpc = ctx;
    struct counter_call *call = arena_alloc(&rpc_call->arena, sizeof(*call));
    if (call == NULL) {
        rpc_call_fail(rpc_call, STATUS_OUT_OF_MEMORY, "The service is out of memory");
        return;
    }
    const enum counter_method method = (enum counter_method)rpc_call->served->method->kind;
    *call = (struct counter_call){.rpc_call = rpc_call, .method = method};
    const char *detail = NULL;
    const enum status status =
        counter_request_read(method, rpc_call->payload, &rpc_call->arena, &call->request, &detail);
    rpc_call->item_count = call->request.asked_count;
    if (status != STATUS_OK) {
        rpc_call_fail(rpc_call, status, detail);
    } else if (call->request.refused_count == call->request.asked_count) {
        answer(call); /* there is nothing to ask the store */
    } else {
        submit(rpc, call);
    }
}

#define METHOD(method_kind, method_name, calls_armed) \
    [method_kind] = {.path = "/tally.v1.CounterService/" method_name, \
                     .name = method_name, \
                     .armed = calls_armed, \
                     .kind = method_kind, \
                     .is_traced = true, \
                     .handle = handle}

static const struct rpc_method methods[] = {
    METHOD(COUNTER_INCREMENT, "Increment", 64),
    METHOD(COUNTER_BATCH_INCREMENT, "BatchIncrement", 16),
    METHOD(COUNTER_SESSION_INCREMENT, "SessionIncrement", 32),
    METHOD(COUNTER_OPEN_SESSION, "OpenSession", 8),
    METHOD(COUNTER_KEEP_SESSION, "KeepSession", 8),
    METHOD(COUNTER_GET, "Get", 48),
    METHOD(COUNTER_BATCH_GET, "BatchGet", 32),
    METHOD(COUNTER_LIST_COUNTERS, "ListCounters", 16),
};
_Static_assert(sizeof(methods) / sizeof(methods[0]) == COUNTER_METHODS, "a row for each method");

struct rpc_service counter_rpc_service(struct counter_rpc *rpc)
{
    return (struct rpc_service){.methods = methods, .method_count = sizeof(methods) / sizeof(methods[0]), .ctx = rpc};
}
