#include "common/http/http_receive.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/http/http_connections.h"

static _Thread_local const struct http_connections *watched;

void http_receive_for(const struct http_connections *connections)
{
    watched = connections;
}

static ssize_t receive_plain(int fd, void *out, size_t room, int flags)
{
    return recvfrom(fd, out, room, flags, NULL, NULL);
}

enum {
    /* How much of what a refused client has already sent is thrown away: if bytes are unread when the connection is
     * closed, the kernel resets it, and the client may not see the answer. */
    DISCARDED_MAX = 1024 * 1024,
};

/* The last read of a connection with a fault. */
static ssize_t end_reading(struct http_intake *intake, int fd, char *out, size_t room)
{
    const size_t given = http_intake_take_pending(intake, out, room);
    (void)recvfrom(fd, NULL, DISCARDED_MAX, MSG_TRUNC | MSG_DONTWAIT, NULL, NULL);
    return (ssize_t)given;
}

/* libmicrohttpd, whose epoll is edge-triggered, takes fewer than `room` bytes for an empty socket: bytes that intake
 * left out must not look like that, so the socket is read again. */
static ssize_t receive(struct http_intake *intake, int fd, char *out, size_t room)
{
    size_t given = 0;
    if (intake->fault != NULL && intake->pending.len == 0) {
        errno = EAGAIN; /* the answer is on its way, and nothing is wanted any more */
        return -1;
    }
    while (given < room) {
        if (intake->pending.len > 0) {
            return (ssize_t)given + end_reading(intake, fd, out + given, room - given);
        }
        const size_t wanted = room - given;
        const ssize_t got = receive_plain(fd, out + given, wanted, 0);
        if (got <= 0) {
            return given > 0 ? (ssize_t)given : got;
        }
        given += http_intake_read(intake, out + given, (size_t)got);
        if (given > 0 && (size_t)got < wanted && intake->pending.len == 0) {
            break;
        }
    }
    return (ssize_t)given;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
ssize_t recv(int fd, void *out, size_t room, int flags)
{
    struct http_connection *connection = watched != NULL && flags == 0 ? http_connections_find(watched, fd) : NULL;
    return connection != NULL ? receive(&connection->intake, fd, out, room) : receive_plain(fd, out, room, flags);
}
