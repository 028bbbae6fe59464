/* The gRPC server: its port, completion queues with a thread each, and methods. One thread creates, drains and frees
 * it. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_SERVER_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/thread/heartbeats.h"
#include "counter-service/rpc/rpc_call.h"

struct rpc_server_options {
    const char *host;
    int port; /* 0: a free one, see rpc_server_port */
    int threads;
    /* A connection that is silent for so long is asked whether it is still there, and closed when it does not answer
     * within GRPC_KEEP_ALIVE_TIMEOUT_MS. */
    int keep_alive_ms;
    /* A connection older than this is told to go (the library adds or takes off up to 10%), and cut max_age_grace_ms
     * later. 0: never. */
    int max_age_ms;
    int max_age_grace_ms;
};

/* Methods that one module implements. */
struct rpc_service {
    const struct rpc_method *methods; /* outlives the server */
    size_t method_count;
    void *ctx; /* for method->handle */
};

struct rpc_server;

/* Listens and serves. NULL with error filled. Methods of no service are answered UNIMPLEMENTED. */
struct rpc_server *rpc_server_create(const struct rpc_server_options *options, const struct rpc_service *services,
                                     size_t service_count, struct error *error) MUST_CHECK;
int rpc_server_port(const struct rpc_server *server);
/* Adds the queues' threads, until rpc_server_free. */
void rpc_server_watch(const struct rpc_server *server, struct heartbeats *heartbeats);

/* Waits for a moment without calls (RPC_QUIET_MS_MAX at most), then accepts no new ones and waits until those that
 * arrived are answered: timeout_ms for all of it. Calls whose message has not come are cancelled when no handler has
 * had a call for RPC_SILENT_MS. Returns whether all calls are over. From then on no method->handle is running, and none
 * will; a call not answered may still be answered by whoever has it. */
bool rpc_server_drain(struct rpc_server *server, int timeout_ms);
/* Drained, and every call that a handler passed on is answered. Cancels streams that are still open and joins the
 * threads. NULL is fine. */
void rpc_server_free(struct rpc_server *server);

#endif
