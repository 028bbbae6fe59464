/* One stream of grpc.health.v1.Health/Watch for tally.v1.CounterService
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md; for the client's side
 * https://github.com/grpc/proposal/blob/master/A17-client-side-health-checking.md). The owner of a health_watch opens
 * the stream on a channel, and again when it has ended. The instance tells its store in the stream's initial metadata
 * (common/contract/store_id.h). Everything runs on the pool's thread. */
#ifndef TALLY_GATEWAY_POOL_HEALTH_WATCH_H
#define TALLY_GATEWAY_POOL_HEALTH_WATCH_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/contract/store_id.h"
#include "gateway/pool/channel.h"

enum health_verdict {
    HEALTH_SERVING,
    HEALTH_NOT_SERVING, /* it says so, or it has no health service and so tells no store */
    HEALTH_ENDED,       /* the stream ended after at least one message */
    HEALTH_MOVED,       /* health_watch_leave ended the stream: that says nothing */
    HEALTH_FAILED,      /* the stream ended before a message came */
};

/* reason: static words. With HEALTH_ENDED and those after it the stream is over, and the callback may open the watch
 * again. */
typedef void (*health_on_verdict)(void *ctx, enum health_verdict verdict, const char *reason, int64_t now_us);

/* What a tag of the pool's queue points to. */
struct queue_event {
    void *owner;
    void (*handle)(void *owner, bool ok, int64_t now_us); /* ok: as gRPC says */
};

/* Its owner embeds it, and reads and writes it by the functions below only. */
struct health_watch {
    /* immutable after init */
    grpc_completion_queue *queue;
    health_on_verdict on_verdict;
    void *ctx;
    struct queue_event message_event;
    struct queue_event status_event;
    /* owned by the pool's thread. channel: lent to the watch while the stream is open, and after that if the server has
     * no health service; NULL: closed */
    struct channel *channel;
    int64_t earliest_open_us;
    int64_t open_interval_us;
    /* the stream; NULL: none */
    grpc_call *call;
    unsigned batches_out;
    bool closing;
    bool moving;               /* closing, because the channel leaves */
    bool heard;                /* a message came */
    char store[STORE_ID_SIZE]; /* told with the first message; "": none was */
    /* filled by the library */
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *message;
    grpc_status_code code;
    grpc_slice code_message;
    struct arena arena; /* of the message being read */
};

void health_watch_init(struct health_watch *watch, grpc_completion_queue *queue, health_on_verdict on_verdict,
                       void *ctx);
/* No stream is left. */
void health_watch_done(struct health_watch *watch);

/* Whether it is closed, and may be opened already: the waits between two openings grow from 100 ms to 1 s while nothing
 * is heard. */
bool health_watch_may_open(const struct health_watch *watch, int64_t now_us);
/* Opens the stream; the channel is lent to it until its end. A failure is told as HEALTH_FAILED, later. */
void health_watch_open(struct health_watch *watch, struct channel *channel, int64_t now_us);

/* The channel lost its connection. A stream on it is left alone: it ends by itself, and it lives on where the server
 * has only told the connection to go (counter_service.max_connection_age). If the server has no health service the
 * channel is given back, and so the server asked anew. */
void health_watch_on_disconnect(struct health_watch *watch, const struct channel *channel);
/* The channel is to be freed: a stream on it ends, and from HEALTH_MOVED on the watch may be opened on another channel
 * without a wait. */
void health_watch_leave(struct health_watch *watch, const struct channel *channel);
/* Ends the stream, if any; HEALTH_ENDED, HEALTH_MOVED or HEALTH_FAILED follows. Without a stream the channel is given
 * back at once. */
void health_watch_close(struct health_watch *watch);

/* Whether no stream is left: health_watch_done may follow. */
bool health_watch_is_closed(const struct health_watch *watch);
/* The store that the instance told with the stream's first message; "": none. To be called from on_verdict, with
 * HEALTH_SERVING or HEALTH_NOT_SERVING. */
const char *health_watch_store(const struct health_watch *watch);

#endif
