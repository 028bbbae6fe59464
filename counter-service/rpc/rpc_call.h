/* One call of a client, from its arrival to the end of its answer. Call objects are used again and again.
 *
 *     kept ──> armed ──> arrived: method->handle ──> answering ──> kept
 *                │           (queue's thread)     (from any thread)
 *                └── the server is shut down ───────────────────────> kept
 *
 *   kept       in the free list of its completion queue (rpc_queue.h), with the memory of its arena
 *   armed      given to the library with rpc_call_arm; the next client to call the method gets it
 *   arrived    the handler owns it, on the queue's thread first; it may pass it to one other thread at a time
 *   answering  one batch of the library's (metadata, message, status) is out; when it comes back, on the
 *              queue's thread, everything the call held is dropped and it is kept again
 *
 * A client that goes away changes nothing: the batch fails, and comes back just the same. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_CALL_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_CALL_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "common/trace/tracer.h"

struct rpc_call;
struct rpc_method_metrics;

/* One operation given to the library; its address is the tag of the completion queue. */
struct rpc_event {
    /* The operation is over. Runs on the queue's thread. ok: it succeeded. */
    void (*on_event)(struct rpc_event *event, bool ok);
    /* The library makes what was written before visible to the queue's thread. Race detectors do not see inside the
     * library: for them rpc_event_give and rpc_event_take add a release and an acquire. */
    atomic_bool given;
};

/* To be called as the last thing before the operation is given to the library. */
static inline void rpc_event_give(struct rpc_event *event)
{
    atomic_store_explicit(&event->given, true, memory_order_release);
}

/* To be called when it has come back. */
static inline void rpc_event_take(struct rpc_event *event)
{
    (void)atomic_load_explicit(&event->given, memory_order_acquire);
}

/* How a method is served. Static tables of the modules that implement methods. */
struct rpc_method {
    const char *path; /* "/tally.v1.CounterService/Get"; NULL: every path that no other method has */
    const char *name; /* as metrics label */
    /* The handler reads the messages itself; otherwise it finds the one message in call->payload. */
    bool client_streams;
    unsigned armed; /* calls that can arrive on a queue before its thread arms more */
    unsigned kind;  /* the module's own: tells apart methods that share a handler */
    bool is_traced; /* of those who only look nobody needs traces */
    /* A call has arrived. The handler must not block, and sees to it that it is answered once. */
    void (*handle)(void *ctx, struct rpc_call *call);
};

/* A method as a server serves it. Immutable once the server has started, but for the metrics. */
struct rpc_served_method {
    const struct rpc_method *method;
    void *ctx;        /* for method->handle */
    void *registered; /* the library's; NULL for the one without a path */
    struct rpc_method_metrics *metrics;
};

/* Where calls come from and go back to: what a call knows of its completion queue. Both functions run on the queue's
 * thread. */
struct rpc_call_home {
    /* immutable after create */
    grpc_server *server;
    grpc_completion_queue *completions;
    /* A call was armed and has arrived; it is the home's to hand on. */
    void (*on_arrived)(struct rpc_call_home *home, struct rpc_call *call);
    /* A call is over, holds nothing any more, and goes back to the home. had_arrived: on_arrived was called for it. */
    void (*on_over)(struct rpc_call_home *home, struct rpc_call *call, bool had_arrived);
};

struct rpc_call {
    /* immutable after create */
    struct rpc_call_home *home;
    struct rpc_event requested;
    struct rpc_event answered;
    /* immutable while the call is open */
    const struct rpc_served_method *served;
    grpc_call *native; /* the library's */
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; /* only of a call without a method of its own */
    grpc_byte_buffer *payload; /* NULL although it arrived: the client went away, or sent nothing */
    int64_t arrived_us;        /* monotonic */
    struct {
        struct trace_step step;
        struct text state; /* tracestate; points into metadata */
    } trace;
    /* owned by who has the call */
    struct arena arena; /* for the handler; reset when the call is kept */
    grpc_byte_buffer *reply;
    grpc_metadata trailers[2];
    size_t trailer_count;
    size_t item_count; /* what is asked for, told by the handler for the log; 0: it does not say */
    grpc_slice code_message;
    int cancelled; /* filled by the library; nobody asks */
    /* the home's */
    bool arm_again;        /* out of memory when it arrived: there was no other to arm in its place */
    struct rpc_call *next; /* in the free list */
};

/* For the home. NULL when out of memory. */
struct rpc_call *rpc_call_create(struct rpc_call_home *home) MUST_CHECK;
void rpc_call_free(struct rpc_call *call);
/* Lets the library give the call to the next client of the method. */
void rpc_call_arm(struct rpc_call *call, const struct rpc_served_method *served);

/* Monotonic time at which the client stops waiting; INT64_MAX for never. */
int64_t rpc_call_deadline_us(const struct rpc_call *call);

/* Each of these ends the handler's ownership. Any thread. */

/* Answers OK with reply, which it takes. NULL (it could not be made) answers STATUS_REPLY_LOST. */
void rpc_call_answer(struct rpc_call *call, grpc_byte_buffer *reply);
/* Answers an error, with what it says about a write in the trailer tally-outcome. STATUS_WRITES_REFUSED also tells
 * clients not to try again by themselves: grpc-retry-pushback-ms
 * (https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback). detail is a static sentence; NULL: the
 * status's title. */
void rpc_call_fail(struct rpc_call *call, enum status status, const char *detail);
/* The same with a sentence of the caller's, which is copied. */
void rpc_call_fail_with(struct rpc_call *call, enum status status, struct text detail);
/* The same for a code that is not in the table of statuses. The call did not touch a counter. */
void rpc_call_fail_code(struct rpc_call *call, grpc_status_code code, const char *detail);
/* For calls answered with operations of the handler's own (rpc_stream.h): drops what it held. Queue's thread. */
void rpc_call_release(struct rpc_call *call);

#endif
