/* The open connections of one HTTP loop, and what the library does not watch. The library's own time-out counts
 * inactivity, whatever the connection does: one byte a second would hold a connection for ever, and a request that
 * waits for its answer would count as idle. Nor does the library notice that a client has closed its end if that came
 * together with the client's last bytes. Owned by the loop's thread. */
#ifndef TALLY_COMMON_HTTP_HTTP_CONNECTIONS_H
#define TALLY_COMMON_HTTP_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/list.h"
#include "common/http/http_intake.h"

struct http_connection {
    struct list_node node;
    struct list *list;          /* that it is in */
    int fd;                     /* the library's */
    bool in_request;            /* a header block was complete, its answer is not sent in full */
    int64_t idle_since_us;      /* accepted, or the last request ended; monotonic */
    int64_t receiving_since_us; /* a first byte of a request not yet complete was seen then; 0: none */
    struct http_intake intake;
    uint32_t requests; /* that libmicrohttpd has made of what intake gave it */
};

struct http_connections {
    /* receiving: the client is to send something; the connection that has completed no request for longest comes first.
     * busy: a request is being answered, or the connection was ended. */
    struct list receiving;
    struct list busy;
    struct http_connection **by_fd; /* NULL where none is */
    size_t by_fd_count;
    int64_t idle_timeout_us;
    int64_t read_timeout_us;
    int64_t next_sweep_us; /* when http_connections_turn wants to be called again */
    bool closing;
};

void http_connections_init(struct http_connections *connections, int idle_timeout_ms, int read_timeout_ms);
/* Every connection was removed. */
void http_connections_done(struct http_connections *connections);

/* Returns NULL when out of memory. */
struct http_connection *http_connections_add(struct http_connections *connections, int fd, int64_t now_us);
void http_connections_remove(struct http_connections *connections, struct http_connection *connection);

/* The connection of a descriptor; NULL if there is none. */
static inline struct http_connection *http_connections_find(const struct http_connections *connections, int fd)
{
    return (size_t)fd < connections->by_fd_count ? connections->by_fd[fd] : NULL;
}

/* A request of the connection is complete, refused or held ... */
void http_connections_answering(struct http_connections *connections, struct http_connection *connection);
/* ... held no longer: the client is to send the rest ... */
void http_connections_receiving(struct http_connections *connections, struct http_connection *connection,
                                int64_t now_us);
/* ... over: answered, or its client is gone. */
void http_connections_answered(struct http_connections *connections, struct http_connection *connection,
                               int64_t now_us);

/* There is one connection too many since `newest` came: ends the one that has been idle for longest or, if none is
 * idle, the one that has been sending its request for longest, a second at least; if there is no such one either,
 * none. */
void http_connections_make_room(struct http_connections *connections, const struct http_connection *newest,
                                int64_t now_us);

/* From time to time ends, by shutdown() of their sockets (the library then reads an end of file), the connections that
 * have had no request for idle_timeout_ms, those whose request has been arriving for read_timeout_ms, and those whose
 * client has ended without a request to answer. */
void http_connections_turn(struct http_connections *connections, int64_t now_us);
/* Ends the connections without a request now; from now on the others are swept more often. */
void http_connections_close(struct http_connections *connections);

#endif
