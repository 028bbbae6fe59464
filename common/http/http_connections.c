#include "common/http/http_connections.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    ENDED_US = 100 * 1000,
    /* A request may take so long to arrive even if its connection is wanted for another client. */
    ARRIVING_US = 1000 * 1000,
    /* Connections that are looked at to find an idle one. */
    LOOKED_AT_MAX = 64,
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
    assert(connections->receiving.first == NULL && connections->busy.first == NULL);
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

/* To the end of the list. */
static void move(struct http_connection *connection, struct list *list)
{
    list_remove(connection->list, &connection->node);
    connection->list = list;
    list_append(list, &connection->node);
}

static struct http_connection *connection_of(struct list_node *node)
{
    return LIST_ENTRY(node, struct http_connection, node);
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
    connection->list = &connections->receiving;
    list_append(&connections->receiving, &connection->node);
    return connection;
}

void http_connections_remove(struct http_connections *connections, struct http_connection *connection)
{
    assert(connections->by_fd[connection->fd] == connection);
    connections->by_fd[connection->fd] = NULL;
    list_remove(connection->list, &connection->node);
    free(connection);
}

void http_connections_answering(struct http_connections *connections, struct http_connection *connection)
{
    move(connection, &connections->busy);
}

void http_connections_receiving(struct http_connections *connections, struct http_connection *connection,
                                int64_t now_us)
{
    connection->receiving_since_us = now_us;
    move(connection, &connections->receiving);
}

void http_connections_answered(struct http_connections *connections, struct http_connection *connection, int64_t now_us)
{
    connection->in_request = false;
    connection->receiving_since_us = 0;
    connection->idle_since_us = now_us;
    move(connection, &connections->receiving);
}

/* Whether bytes of a next request have come since the last one ended: http_intake has seen them. */
static bool has_received(const struct http_connection *connection)
{
    return connection->intake.state != INTAKE_START || connection->intake.request != connection->requests;
}

/* What one byte from the socket would be: 1 one, 0 the end of the stream, -1 nothing yet. */
static ssize_t peek(const struct http_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

/* Whether nothing of a request is here, read or not, or its client has ended in the middle of one. */
static bool is_idle(const struct http_connection *connection)
{
    const ssize_t next = peek(connection);
    return next == 0 || (next < 0 && !has_received(connection));
}

static void end(struct http_connection *connection)
{
    shutdown(connection->fd, SHUT_RDWR);
}

void http_connections_make_room(struct http_connections *connections, const struct http_connection *newest,
                                int64_t now_us)
{
    struct http_connection *oldest = connection_of(connections->receiving.first);
    struct http_connection *idle = oldest;
    for (int i = 0; i < LOOKED_AT_MAX && idle != newest && !is_idle(idle); i++) {
        idle = connection_of(idle->node.next);
    }
    if (idle != newest && is_idle(idle)) {
        oldest = idle;
    } else if (oldest == newest || now_us - oldest->idle_since_us < ARRIVING_US) {
        return;
    }
    end(oldest);
    move(oldest, &connections->busy); /* not to be ended twice */
}

/* Whether the client has closed its end, and no request of it is being answered. The library does not notice an end
 * that came together with the last bytes: its epoll is edge-triggered, and it read only the bytes. ENDED_US, because
 * the library may still hold requests that came before the end: it takes up one a run. */
static bool is_given_up(const struct http_connection *connection, int64_t now_us)
{
    const bool is_answering = connection->in_request && connection->receiving_since_us == 0;
    const int64_t since_us =
        connection->receiving_since_us != 0 ? connection->receiving_since_us : connection->idle_since_us;
    return !is_answering && now_us - since_us >= ENDED_US && peek(connection) == 0;
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

static void sweep(struct http_connections *connections, const struct list *list, int64_t now_us)
{
    LIST_EACH (struct http_connection, connection, list, node) {
        if (!connection->in_request && connection->receiving_since_us == 0 && has_received(connection)) {
            connection->receiving_since_us = now_us;
        }
        if (is_late(connections, connection, now_us) || is_given_up(connection, now_us)) {
            end(connection);
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
        sweep(connections, &connections->receiving, now_us);
        sweep(connections, &connections->busy, now_us);
        connections->next_sweep_us = now_us + sweep_interval_us(connections);
    }
}

void http_connections_close(struct http_connections *connections)
{
    connections->closing = true;
    connections->next_sweep_us = 0;
    LIST_EACH (struct http_connection, connection, &connections->receiving, node) {
        if (!connection->in_request && !has_received(connection)) {
            end(connection);
        }
    }
}
