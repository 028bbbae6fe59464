/* One attempt of one unary call over one channel: gRPC core's six operations in a single batch. The completion queue
 * returns the attempt itself as the tag, once, whatever happened. */
#ifndef TALLY_GATEWAY_RPC_RPC_ATTEMPT_H
#define TALLY_GATEWAY_RPC_RPC_ATTEMPT_H

#include <grpc/grpc.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "gateway/pool/channel_pool.h"

struct client_call;

struct rpc_attempt {
    struct client_call *call; /* NULL: given up, nobody wants its end. Owned by the loop's thread */
    struct channel *channel;  /* lent to it; NULL: given back */
    int64_t started_us;       /* monotonic */
    struct rpc_attempt *next; /* for the owner's lists */
    grpc_call *handle;
    /* Filled by the library; readable once the queue returned the attempt. */
    grpc_byte_buffer *reply; /* NULL if none came */
    grpc_status_code code;
    grpc_slice code_message;
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
};

/* What is sent. */
struct rpc_message {
    const char *method; /* "/tally.v1.CounterService/BatchGet"; static */
    grpc_byte_buffer *body;
    grpc_slice traceparent; /* the metadata of this name; empty: none */
};

/* Sends message, which stays the caller's. Takes over the lent channel only on success. Returns NULL when out of
 * memory. */
struct rpc_attempt *rpc_attempt_start(struct channel *channel, grpc_completion_queue *queue,
                                      const struct rpc_message *message, int64_t now_us, int64_t deadline_us)
    MUST_CHECK;
/* Asks the library to end it soon (its code will be CANCELLED, or what had come just before). */
void rpc_attempt_cancel(struct rpc_attempt *attempt);
/* The value of a trailer, empty if there was none; valid until rpc_attempt_release. */
struct text rpc_attempt_trailer(const struct rpc_attempt *attempt, const char *name);
/* Only after the queue returned it. Ends the call, then gives the channel back to pool. */
void rpc_attempt_release(struct rpc_attempt *attempt, struct channel_pool *pool, enum call_verdict verdict,
                         int64_t now_us);
/* Only after rpc_attempt_release. */
void rpc_attempt_free(struct rpc_attempt *attempt);

#endif
