/* A small blocking gRPC client, for tests of the server. One thread at a time. */
#ifndef TALLY_TESTS_FAKES_GRPC_CLIENT_H
#define TALLY_TESTS_FAKES_GRPC_CLIENT_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

struct grpc_client;
struct grpc_client_call;

/* How a call ended. */
struct grpc_client_result {
    int code; /* grpc_status_code */
    char detail[256];
    char outcome[32];          /* trailer tally-outcome; "" if there is none */
    grpc_byte_buffer *message; /* NULL: none; to be destroyed */
};

/* Of a server on 127.0.0.1. */
struct grpc_client *grpc_client_create(int port);
/* All calls are ended. */
void grpc_client_free(struct grpc_client *client);

/* Starts a call and sends its request. method is a static string. request NULL: none is sent, and the client's side
 * stays open. */
struct grpc_client_call *grpc_client_start(struct grpc_client *client, const char *method,
                                           const ProtobufCMessage *request, int timeout_ms);
void grpc_client_cancel(struct grpc_client_call *call);
/* The next message of the answer, to be destroyed; NULL: there is none left. */
grpc_byte_buffer *grpc_client_read(struct grpc_client_call *call);
/* After a message was read: copies the value of an initial metadata field, "" if there is none. */
void grpc_client_initial_metadata(struct grpc_client_call *call, const char *key, char *out, size_t size);
/* Sends one more message. */
void grpc_client_write(struct grpc_client_call *call, const ProtobufCMessage *message);
/* Waits for the end, after which the call is gone. */
struct grpc_client_result grpc_client_end(struct grpc_client_call *call);

/* A unary call from start to end. */
struct grpc_client_result grpc_client_ask(struct grpc_client *client, const char *method,
                                          const ProtobufCMessage *request, int timeout_ms);

#endif
