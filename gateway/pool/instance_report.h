/* What an instance tells of itself: the answer to tally.v1.CounterService/Describe, asked once a second while somebody
 * wants to know (the status page), and else never. An instance that does not answer, or is of a version that cannot,
 * tells nothing. Everything runs on the pool's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_POOL_INSTANCE_REPORT_H
#define TALLY_GATEWAY_POOL_INSTANCE_REPORT_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "gateway/pool/channel.h"
#include "gateway/pool/health_watch.h"

enum {
    REPORT_INTERVAL_US = 1000 * 1000,
    REPORT_TIMEOUT_US = 1000 * 1000,
    REPORT_LEN_MAX = 64 * 1024, /* a longer one is passed over */
};

/* Its owner embeds it, and reads and writes it by the functions below only. */
struct instance_report {
    /* immutable after init */
    grpc_completion_queue *queue;
    pthread_mutex_t *lock; /* the round's */
    struct queue_event event;
    /* guarded by the lock */
    struct buffer text; /* the last document; empty: none came */
    int64_t told_us;    /* monotonic; when it came */
    /* owned by the pool's thread. channel: lent to the call; NULL: none is out */
    struct channel *channel;
    grpc_call *call;
    int64_t next_us; /* no call before */
    /* filled by the library */
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *reply;
    grpc_status_code code;
    grpc_slice code_message;
};

void instance_report_init(struct instance_report *report, grpc_completion_queue *queue, pthread_mutex_t *lock);
/* No call is out. */
void instance_report_done(struct instance_report *report);

/* Whether it is time to ask. */
bool instance_report_is_due(const struct instance_report *report, int64_t now_us);
/* Asks; the channel is lent to the call until its end. */
void instance_report_ask(struct instance_report *report, struct channel *channel, int64_t now_us);
/* Ends the call, if one is out: instance_report_is_closed is true soon. No further calls. */
void instance_report_close(struct instance_report *report);
bool instance_report_is_closed(const struct instance_report *report);

/* Appends the last document; returns its age in microseconds, or -1 if there is none. Any thread, under the lock. */
int64_t instance_report_read(const struct instance_report *report, int64_t now_us, struct buffer *out);

#endif
