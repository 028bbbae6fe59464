/* A completion queue of the server and the thread that polls it. The thread arms calls, runs the handlers and takes
 * finished operations back; it never waits for anything else. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_QUEUE_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_QUEUE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/thread/heartbeat.h"
#include "counter-service/rpc/rpc_call.h"

struct rpc_queue {
    struct rpc_call_home home;
    /* immutable after create */
    pthread_t thread;
    /* written by the queue's thread, read by any */
    atomic_uint open_calls; /* arrived, and not taken back yet */
    struct heartbeat heartbeat;
    /* owned by the queue's thread */
    struct rpc_call *kept;
    size_t kept_count;
    gpr_timespec turn_until; /* when a turn without a completion ends */
    /* guarded by lock, which the thread holds while a handler begins a call: so it comes before every lock that a
     * handler takes: a store queue's, a stream group's, service_health's, the topology's, the relay's, the
     * aggregator's, the metrics registry's */
    pthread_mutex_t lock;
    bool refusing;
};

/* Makes a completion queue, registers it with server, which is not started yet, and starts the thread. number: for the
 * thread's name. NULL with error filled. */
struct rpc_queue *rpc_queue_create(grpc_server *server, int number, struct error *error) MUST_CHECK;
/* The server is shut down or was never started. Joins the thread, which first takes all operations back. NULL is
 * fine. */
void rpc_queue_free(struct rpc_queue *queue);

/* Lets calls of the method arrive. The server is started. Returns 0, or -1 when out of memory. */
int rpc_queue_arm(struct rpc_queue *queue, const struct rpc_served_method *served) MUST_CHECK;
/* From its return on no method->handle is running, and none will: calls that still arrive are answered STATUS_DRAINING.
 * Handlers of open streams still run. */
void rpc_queue_refuse(struct rpc_queue *queue);

#endif
