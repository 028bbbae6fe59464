/* A gRPC server in the test's own process, on 127.0.0.1: a health service that says what the test wants, and every
 * other method answered by the test's handler. One thread. */
#ifndef TALLY_TESTS_FAKE_GRPC_SERVER_H
#define TALLY_TESTS_FAKE_GRPC_SERVER_H

#include <grpc/grpc.h>
#include <grpc/support/time.h>
#include <stdbool.h>

enum fake_health {
    FAKE_HEALTH_UNKNOWN, /* the first four are numbered as in health.proto */
    FAKE_HEALTH_SERVING,
    FAKE_HEALTH_NOT_SERVING,
    FAKE_HEALTH_SERVICE_UNKNOWN,
    FAKE_HEALTH_UNIMPLEMENTED, /* for watches opened from now on: there is no health service */
    FAKE_HEALTH_UNAVAILABLE,   /* likewise: the watch fails */
};

/* The store that a server tells to those who watch its health, unless a test says otherwise. */
#define FAKE_STORE "00000000000000000000000000000fa1"

/* A call that came. The handler fills the lower half; zeroed, the answer is OK without a message. */
struct fake_rpc {
    const char *method; /* "/tally.v1.CounterService/BatchGet" */
    grpc_byte_buffer *request;
    unsigned number; /* 1 for the first call that the handler sees */
    gpr_timespec deadline;

    bool silent; /* no answer, until the caller gives up */
    grpc_status_code code;
    const char *outcome;     /* value of the tally-outcome trailer; NULL: none */
    const char *reason;      /* likewise tally-reason */
    grpc_byte_buffer *reply; /* the server takes it */
};

/* On the server's thread. */
typedef void (*fake_rpc_handler)(void *ctx, struct fake_rpc *rpc);

struct fake_grpc_server;

/* port 0: a free one. handler NULL: UNIMPLEMENTED to all but health. Fails the test when it cannot start. */
struct fake_grpc_server *fake_grpc_server_start(int port, enum fake_health health, fake_rpc_handler handler, void *ctx);
/* Cuts every connection and frees the server. NULL is fine. */
void fake_grpc_server_stop(struct fake_grpc_server *server);

int fake_grpc_server_port(const struct fake_grpc_server *server);
/* "127.0.0.1:port". */
const char *fake_grpc_server_target(const struct fake_grpc_server *server);
/* Told to open watches within some 10 ms. */
void fake_grpc_server_set_health(struct fake_grpc_server *server, enum fake_health health);
/* Tells another store from now on, and ends the open watches with UNAVAILABLE, soon. store_id: a static string; "": it
 * tells none. */
void fake_grpc_server_set_store(struct fake_grpc_server *server, const char *store_id);
/* Ends the open watches with OK, soon. */
void fake_grpc_server_end_watches(struct fake_grpc_server *server);
/* Watches opened so far. */
unsigned fake_grpc_server_watches(struct fake_grpc_server *server);
/* Calls that came back closed without the server having answered. */
unsigned fake_grpc_server_cancelled(struct fake_grpc_server *server);

/* Established TCP connections that were made to the port, as the kernel says. */
unsigned fake_grpc_server_connections(const struct fake_grpc_server *server);

#endif
