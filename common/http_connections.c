#include "common/http_connections.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    ENDED_US = 100 * 1000,
    /* A sweep asks the kernel about each connection: some 10 ms for 10,000 of them. */
    SWEEP_INTERVAL_US_MIN = 100 * 1000,
    SWEEP_INTERVAL_US_MAX = 1000 * 1000,
};

void http_connections_init(struct http_connections *connections, int idle_timeout_ms, int read_timeout_ms)
{
    *connections = (struct http_connections){
        .idle_timeout_us = (int64_t)idle_timeout_ms * 1000,
        .read_timeout_us = (int64_t)read_timeout_ms * 1000,
    };
}

void http_connections_done(struct http_connections *connections)
{
    assert(connections->first == NULL);
    free(connections->by_fd);
}

/* Makes by_fd long enough for fd. */
static int make_place(struct http_connections *connections, int fd)
{
    if ((size_t)fd < connections->by_fd_count) {
        return 0;
    }
    const size_t count = ((size_t)fd + 1) * 2;
    struct http_connection **by_fd = realloc(connections->by_fd, count * sizeof(struct http_connection *));
    if (by_fd == NULL) {
        return -1;
    }
    for (size_t i = connections->by_fd_count; i < count; i++) {
        by_fd[i] = NULL;
    }
    connections->by_fd = by_fd;
    connections->by_fd_count = count;
    return 0;
}

struct http_connection *http_connections_add(struct http_connections *connections, int fd, int64_t now_us)
{
    struct http_connection *connection = make_place(connections, fd) == 0 ? calloc(1, sizeof(*connection)) : NULL;
    if (connection == NULL) {
        return NULL;
    }
    assert(connections->by_fd[fd] == NULL);
    connections->by_fd[fd] = connection;
    connection->fd = fd;
    connection->idle_since_us = now_us;
    connection->next = connections->first;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    connections->first = connection;
    return connection;
}

void http_connections_remove(struct http_connections *connections, struct http_connection *connection)
{
    assert(connections->by_fd[connection->fd] == connection);
    connections->by_fd[connection->fd] = NULL;
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        connections->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    free(connection);
}

/* Whether bytes of a next request have come since the last one ended; libmicrohttpd does not tell. */
static bool has_received(const struct http_connection *connection, int64_t now_us)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return false;
    }
    const int64_t slack_us = 10 * 1000; /* the kernel counts this in ticks of some milliseconds */
    return now_us - (int64_t)info.tcpi_last_data_recv * 1000 > connection->idle_since_us + slack_us;
}

/* Whether the client has ended its side and everything it sent was read. */
static bool has_ended(const struct http_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Nothing more will come, and what came is no request. The library does not notice an end that came together with the
 * last bytes: its epoll is edge-triggered, and it read only those. ENDED_US, because it may still hold requests that
 * came before the end and take up one a run. */
static bool is_given_up(const struct http_connection *connection, int64_t now_us)
{
    const bool is_answering = connection->in_request && connection->receiving_since_us == 0;
    const int64_t since_us =
        connection->receiving_since_us != 0 ? connection->receiving_since_us : connection->idle_since_us;
    return !is_answering && now_us - since_us >= ENDED_US && has_ended(connection);
}

/* Too long without a request, or with one that does not get complete. */
static bool is_late(const struct http_connections *connections, const struct http_connection *connection,
                    int64_t now_us)
{
    if (connection->receiving_since_us != 0) {
        return now_us - connection->receiving_since_us >= connections->read_timeout_us;
    }
    return !connection->in_request && now_us - connection->idle_since_us >= connections->idle_timeout_us;
}

static void sweep(struct http_connections *connections, int64_t now_us)
{
    for (struct http_connection *connection = connections->first; connection != NULL; connection = connection->next) {
        if (!connection->in_request && connection->receiving_since_us == 0 && has_received(connection, now_us)) {
            connection->receiving_since_us = now_us;
        }
        if (is_late(connections, connection, now_us) || is_given_up(connection, now_us)) {
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}

static int64_t sweep_interval_us(const struct http_connections *connections)
{
    const int64_t shorter_us = connections->idle_timeout_us < connections->read_timeout_us
                                   ? connections->idle_timeout_us
                                   : connections->read_timeout_us;
    const int64_t quarter_us = shorter_us / 4;
    if (connections->closing || quarter_us < SWEEP_INTERVAL_US_MIN) {
        return SWEEP_INTERVAL_US_MIN; /* when closing, somebody waits for the last one */
    }
    return quarter_us < SWEEP_INTERVAL_US_MAX ? quarter_us : SWEEP_INTERVAL_US_MAX;
}

void http_connections_turn(struct http_connections *connections, int64_t now_us)
{
    if (now_us >= connections->next_sweep_us) {
        sweep(connections, now_us);
        connections->next_sweep_us = now_us + sweep_interval_us(connections);
    }
}

void http_connections_close(struct http_connections *connections)
{
    connections->closing = true;
    connections->next_sweep_us = 0;
    for (struct http_connection *connection = connections->first; connection != NULL; connection = connection->next) {
        if (!connection->in_request && connection->receiving_since_us == 0) {
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}
