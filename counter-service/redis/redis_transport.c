#include "counter-service/redis/redis_transport.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "counter-service/redis/redis_socket.h"
#include "counter-service/redis/redis_transport_tls.h"

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static ssize_t plain_read(struct redis_transport *transport, void *out, size_t room)
{
    return recv(transport->fd, out, room, 0);
}

static ssize_t plain_write(struct redis_transport *transport, const void *data, size_t len)
{
    return send(transport->fd, data, len, MSG_NOSIGNAL);
}

static void plain_close(struct redis_transport *transport)
{
    close(transport->fd);
    free(transport);
}

/* Takes the socket, also when it fails. */
static struct redis_transport *plain_start(int fd, struct error *error)
{
    struct redis_transport *transport = malloc(sizeof(*transport));
    if (transport == NULL) {
        error_set(error, "out of memory");
        close(fd);
        return NULL;
    }
    *transport = (struct redis_transport){
        .fd = fd,
        .read_events = POLLIN,
        .write_events = POLLOUT,
        .reason = "",
        .read = plain_read,
        .write = plain_write,
        .close = plain_close,
    };
    return transport;
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

struct attempt {
    const struct redis_address *address;
    const struct redis_tls *tls;
    int timeout_ms;
    bool was_reached; /* some socket was connected: what failed then is told rather than that another was not */
};

static struct redis_transport *try_one(struct attempt *attempt, const struct sockaddr *address, socklen_t len,
                                       struct error *error)
{
    const int fd = redis_socket_connect(address, len, attempt->timeout_ms);
    if (fd < 0) {
        const int failure = errno;
        if (!attempt->was_reached) {
            error_set(error, "cannot connect to Redis at %s: %s", redis_address_write(attempt->address).text,
                      strerror(failure));
        }
        return NULL;
    }
    attempt->was_reached = true;
    return attempt->tls == NULL
               ? plain_start(fd, error)
               : redis_transport_tls_start(fd, attempt->address, attempt->tls, attempt->timeout_ms, error);
}

static struct redis_transport *try_path(struct attempt *attempt, struct error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    _Static_assert(sizeof(name.sun_path) >= UNIX_PATH_SIZE, "a path fits");
    memcpy(name.sun_path, attempt->address->path, sizeof(attempt->address->path));
    return try_one(attempt, (const struct sockaddr *)&name, sizeof(name), error);
}

static struct redis_transport *try_host(struct attempt *attempt, struct error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const struct host_port *tcp = &attempt->address->tcp;
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof(port), "%d", tcp->port);
    const int failure = getaddrinfo(tcp->host, port, &hints, &found);
    if (failure != 0) {
        error_set(error, "cannot connect to Redis at %s: %s", redis_address_write(attempt->address).text,
                  failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
        return NULL;
    }
    struct redis_transport *transport = NULL;
    for (const struct addrinfo *one = found; one != NULL && transport == NULL; one = one->ai_next) {
        transport = try_one(attempt, one->ai_addr, one->ai_addrlen, error);
    }
    freeaddrinfo(found);
    return transport;
}

struct redis_transport *redis_transport_connect(const struct redis_address *address, const struct redis_tls *tls,
                                                int timeout_ms, struct error *error)
{
    struct attempt attempt = {.address = address, .tls = tls, .timeout_ms = timeout_ms};
    return address->path[0] != '\0' ? try_path(&attempt, error) : try_host(&attempt, error);
}
