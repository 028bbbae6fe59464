/* A request's memory and what is kept of its header block: the part of the HTTP server that needs nothing of
 * libmicrohttpd. Private to http_server. Owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_REQUEST_H
#define TALLY_COMMON_HTTP_REQUEST_H

#include <stddef.h>

#include "common/compiler.h"
#include "common/http_connections.h"
#include "common/http_framing.h"
#include "common/http_server.h"
#include "common/text.h"

enum request_phase {
    REQUEST_RECEIVING, /* its body is not complete */
    REQUEST_WAITING,   /* the application owes the answer */
    REQUEST_ANSWERED,  /* answered, not queued yet */
    REQUEST_SENDING,   /* queued */
};

/* Longest value of a response header of the application's, with its NUL: an echoed X-Request-Id of 128. */
enum { RESPONSE_HEADER_VALUE_SIZE = 136 };

/* What is behind a struct http_request. */
struct request {
    struct http_request public; /* first: http_reply casts */
    struct http_loop *loop;
    struct http_connection *connection;
    enum request_phase phase;
    unsigned piece_run;            /* number of the MHD_run that brought its last piece */
    struct http_response response; /* from REQUEST_ANSWERED on; header values point into header_values */
    char header_values[HTTP_REPLY_HEADERS_MAX][RESPONSE_HEADER_VALUE_SIZE];
    struct http_framing framing;
    size_t body_max;
    size_t body_capacity;
    struct request *next_free;
    /* Copies, because an abandoned request may outlive its loop. */
    void (*state_done)(void *ctx, void *state);
    void *application_ctx;
};

/* Requests to be used again. Zero-initialised is empty. */
struct request_list {
    struct request *first;
};

/* From the list, or a new one. NULL when out of memory. */
struct request *request_take(struct request_list *list, struct http_loop *loop,
                             const struct http_application *application);
/* Back to the list, with the memory that a request of usual size needs. */
void request_give_back(struct request_list *list, struct request *request);
void request_list_free(struct request_list *list);

/* Forgets the request before, keeps its memory. url and method stay the caller's. */
void request_reset(struct request *request, const char *url, const char *method);
void request_note_header(struct request *request, struct text name, struct text value);

/* Room for a body of `size` bytes. Returns 0, or -1 when out of memory. */
int request_reserve_body(struct request *request, size_t size) MUST_CHECK;
/* Takes a piece of the body. Returns 0, or -1 if the connection is to be closed. */
int request_add_body(struct request *request, const char *data, size_t len) MUST_CHECK;

#endif
