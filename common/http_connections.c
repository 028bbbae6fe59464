#include "common/http_connections.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

struct http_connection *http_connections_add(struct http_connections *connections, int fd, int64_t now_us)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return NULL;
    }
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

void http_connections_sweep(struct http_connections *connections, int64_t now_us, int64_t read_timeout_us)
{
    for (struct http_connection *connection = connections->first; connection != NULL; connection = connection->next) {
        if (!connection->in_request && connection->receiving_since_us == 0 && has_received(connection, now_us)) {
            connection->receiving_since_us = now_us;
        }
        if (connection->receiving_since_us != 0 && now_us - connection->receiving_since_us >= read_timeout_us) {
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}

void http_connections_end_idle(struct http_connections *connections)
{
    for (struct http_connection *connection = connections->first; connection != NULL; connection = connection->next) {
        if (!connection->in_request && connection->receiving_since_us == 0) {
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}
