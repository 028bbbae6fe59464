/* One stream of grpc.health.v1.Health/Watch for tally.v1.CounterService
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md; for the client's side
 * https://github.com/grpc/proposal/blob/master/A17-client-side-health-checking.md). Its owner opens it on a channel,
 * and again when it ended. The instance tells its store in the stream's initial metadata (common/contract/store_id.h).
 * Everything runs on the pool's thread. */
#ifndef TALLY_GATEWAY_POOL_HEALTH_WATCH_H
#define TALLY_GATEWAY_POOL_HEALTH_WATCH_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/contract/store_id.h"

enum health_verdict {
    HEALTH_SERVING,
    HEALTH_NOT_SERVING, /* it says so, or it has no health service and so tells no store */
    HEALTH_ENDED,       /* the stream ended after it had said something: that was the last word */
    HEALTH_FAILED,      /* the stream ended and had said nothing */
};

/* reason: static words. Inside HEALTH_ENDED and HEALTH_FAILED the watch may be opened again. */
typedef void (*health_on_verdict)(void *ctx, enum health_verdict verdict, const char *reason, int64_t now_us);

/* What a tag of the queue points to. */
struct health_event {
    struct health_watch *watch;
    void (*handle)(struct health_watch *watch, bool ok, int64_t now_us);
};

struct health_watch {
    grpc_completion_queue *queue;
    health_on_verdict on_verdict;
    void *ctx;
    struct health_event message_event;
    struct health_event status_event;
    /* the channel in use, or the one whose server has no health service; NULL: closed */
    grpc_channel *channel;
    int64_t earliest_open_us;
    int64_t open_interval_us;
    /* the stream; NULL: none */
    grpc_call *call;
    unsigned batches_out;
    bool closing;
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
/* Opens the stream. A failure is told as HEALTH_FAILED, later. */
void health_watch_open(struct health_watch *watch, grpc_channel *channel, int64_t now_us);
/* The queue returned `tag`, with ok as gRPC says. */
void health_watch_on_event(void *tag, bool ok, int64_t now_us);
/* Ends the stream, if any; HEALTH_ENDED or HEALTH_FAILED follows. A server without health service is forgotten at
 * once. */
void health_watch_close(struct health_watch *watch);

#endif
