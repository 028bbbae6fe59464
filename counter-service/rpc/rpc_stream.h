/* A call whose answers are a stream of messages: at most one on its way out, at most one awaited.
 *
 *     rpc_stream_open ──> on_message, on_sent, ... ──> on_closed ──> last operation back ──> on_released
 *                           │                            ^
 *                           └── rpc_stream_finish ───────┤
 *                               the client goes away ────┤
 *       rpc_stream_group_end, rpc_stream_group_end_open ─┘
 *
 * The handlers run on the queue's thread. A stream's memory lies in its call's arena: it is gone when the last of its
 * operations (receive, send, finish) is back after on_closed. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_STREAM_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_STREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/list.h"
#include "counter-service/rpc/rpc_call.h"

struct rpc_stream;

struct rpc_stream_handler {
    /* A message that rpc_stream_receive asked for; valid during the call. NULL: the client sends no more, or is gone.
     * May come after on_closed. */
    void (*on_message)(struct rpc_stream *stream, grpc_byte_buffer *message);
    /* The message of rpc_stream_send has left, or never will: another may be sent. May come after on_closed. */
    void (*on_sent)(struct rpc_stream *stream);
    /* The stream is over. After its return operations may be started only from on_message or on_sent, and fail at once;
     * from elsewhere: none. May be NULL. */
    void (*on_closed)(struct rpc_stream *stream);
    /* The memory goes. May be NULL. */
    void (*on_released)(struct rpc_stream *stream);
};

/* The open streams of one kind: a bound, and a way to end them all. */
struct rpc_stream_group {
    /* immutable */
    size_t count_max;
    /* guarded by lock, under which no other is taken; an RPC queue's may be held before */
    pthread_mutex_t lock;
    struct list streams;
    size_t count;
    bool ended;
};

struct rpc_stream {
    /* immutable while open */
    struct rpc_call *call;
    const struct rpc_stream_handler *handler;
    struct rpc_stream_group *group;
    struct rpc_event received;
    struct rpc_event sent;
    struct rpc_event finished;
    struct rpc_event closed;
    /* guarded by group->lock */
    struct list_node node;
    grpc_status_code code; /* how it ended, for the metrics */
    /* any thread */
    atomic_uint operations_out;
    /* owned by whoever sends */
    grpc_metadata metadata;
    size_t metadata_count; /* 0 or 1 */
    bool has_metadata_sent;
    grpc_byte_buffer *outgoing;
    /* owned by the queue's thread */
    grpc_byte_buffer *incoming;
    grpc_slice code_message;
    grpc_metadata trailer;
    int cancelled; /* filled by the library: the client did not get a status of ours */
};

void rpc_stream_group_init(struct rpc_stream_group *group, size_t count_max);
/* All streams are gone. */
void rpc_stream_group_done(struct rpc_stream_group *group);
/* Ends the open streams, with UNAVAILABLE; others may open afterwards. detail: a static sentence. Any thread. */
void rpc_stream_group_end_open(struct rpc_stream_group *group, const char *detail);
/* Ends all streams with UNAVAILABLE and lets no other open. Any thread. */
void rpc_stream_group_end(struct rpc_stream_group *group);

/* Makes call a stream. STATUS_OK, or STATUS_SHED (too many) or STATUS_DRAINING: then the call is still the caller's to
 * answer. stream: memory in the call's arena. Queue's thread, like all below but for rpc_stream_send. */
enum status rpc_stream_open(struct rpc_stream *stream, struct rpc_call *call, struct rpc_stream_group *group,
                            const struct rpc_stream_handler *handler) MUST_CHECK;

/* The operations. What may be started after on_closed is said there. */

/* A field of the metadata that goes before the first message. key: a static string; value is copied. Once, before
 * anything was sent. */
void rpc_stream_set_metadata(struct rpc_stream *stream, const char *key, const char *value);
/* Asks for the client's next message. No other may be awaited. */
void rpc_stream_receive(struct rpc_stream *stream);
/* Sends message, which it takes; NULL (out of memory) ends the stream. No other may be on its way. Any thread, one at a
 * time. */
void rpc_stream_send(struct rpc_stream *stream, grpc_byte_buffer *message);
/* Ends the stream; does nothing if that is over already. No message may be on its way. detail: a static sentence, "" if
 * OK. Once. */
void rpc_stream_finish(struct rpc_stream *stream, grpc_status_code code, const char *detail);

#endif
