/* The open connections of one HTTP loop, and what the library does not watch: a request that never gets complete.
 * Its own time-out counts inactivity, so one byte a second would hold a connection for ever.
 * Owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_CONNECTIONS_H
#define TALLY_COMMON_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct http_connection {
    struct http_connection *next;
    struct http_connection *previous;
    int fd;                     /* the library's */
    bool in_request;            /* a header block was complete, its answer is not sent in full */
    int64_t idle_since_us;      /* accepted, or the last request ended; monotonic */
    int64_t receiving_since_us; /* a first byte of a request not yet complete was seen then; 0: none */
};

struct http_connections {
    struct http_connection *first;
};

/* Returns NULL when out of memory. */
struct http_connection *http_connections_add(struct http_connections *connections, int fd, int64_t now_us);
void http_connections_remove(struct http_connections *connections, struct http_connection *connection);

/* Ends, by shutdown() of their sockets (the library then reads an end of file), the connections whose request has been
 * arriving for longer than read_timeout_us. */
void http_connections_sweep(struct http_connections *connections, int64_t now_us, int64_t read_timeout_us);
/* Ends those without a request. */
void http_connections_end_idle(struct http_connections *connections);

#endif
