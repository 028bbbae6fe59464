/* A request, its answer, and what the HTTP server keeps of both between libmicrohttpd's calls; needs nothing of that
 * library. Private to http_server. Owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_HTTP_EXCHANGE_H
#define TALLY_COMMON_HTTP_HTTP_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/list.h"
#include "common/base/text.h"
#include "common/http/http_budget.h"
#include "common/http/http_connections.h"
#include "common/http/http_head.h"
#include "common/http/http_server.h"

struct MHD_Connection;

enum http_exchange_phase {
    EXCHANGE_RECEIVING, /* its body is not complete */
    EXCHANGE_HELD,      /* waits for room, its body unread: http_held */
    EXCHANGE_RELEASED,  /* no longer held, its body not read yet */
    EXCHANGE_WAITING,   /* the application owes the answer */
    EXCHANGE_ANSWERED,  /* answered, not queued yet */
    EXCHANGE_SENDING,   /* queued */
    EXCHANGE_ABANDONED, /* its client is gone while it was WAITING: the application's, to be released */
};

/* What is behind a struct http_request. */
struct http_exchange {
    struct http_request request; /* first: http_reply casts */
    struct http_loop *loop;
    struct http_connection *connection;
    struct MHD_Connection *mhd_connection; /* NULL once the library is done with the request */
    uint32_t number;                       /* of the request on its connection; the first is 1 */
    enum http_exchange_phase phase;
    unsigned piece_run;            /* number of the MHD_run that brought its last piece */
    struct http_response response; /* from EXCHANGE_ANSWERED on; header values point into header_values */
    char header_values[HTTP_REPLY_VALUES_SIZE];
    struct http_head head;
    size_t body_max;
    size_t body_capacity;
    size_t budgeted;            /* bytes that were taken from the budget: of the body, or of the answer's */
    struct http_exchange *next; /* in the list of free ones */
    /* EXCHANGE_HELD only */
    struct list_node held_node;
    int64_t held_since_us;
    /* Copies, because an abandoned request may outlive its loop. */
    void (*state_done)(void *ctx, void *state);
    void *application_ctx;
    struct http_budget *budget;
};

/* Requests to be used again. Zero-initialised is empty. */
struct http_exchange_list {
    struct http_exchange *first;
};

/* From the list, or a new one. NULL when out of memory. */
struct http_exchange *http_exchange_take(struct http_exchange_list *list, struct http_loop *loop,
                                         const struct http_application *application) MUST_CHECK;
/* Back to the list, with the memory that a request of usual size needs. */
void http_exchange_give_back(struct http_exchange_list *list, struct http_exchange *exchange);
void http_exchange_list_free(struct http_exchange_list *list);

/* Forgets the request before, keeps its memory. */
void http_exchange_reset(struct http_exchange *exchange);

/* Keeps the application's answer, but for its body, which stays where it is. The request's body is dropped. */
void http_exchange_keep_response(struct http_exchange *exchange, const struct http_response *response);

enum http_body_room { HTTP_BODY_ROOM, HTTP_BODY_NO_BUDGET, HTTP_BODY_NO_MEMORY };

/* Room for a body of `size` bytes. */
enum http_body_room http_exchange_reserve_body(struct http_exchange *exchange, size_t size) MUST_CHECK;
/* Takes a piece of the body; a request whose body finds no room any more is refused. Returns 0, or -1 if the connection
 * is to be closed. */
int http_exchange_add_body(struct http_exchange *exchange, const char *data, size_t len) MUST_CHECK;

#endif
