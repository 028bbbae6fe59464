#include "common/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_and_listen(const struct addrinfo *address, bool reuse_port)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        const int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

int listener_open(const char *host, int port, bool reuse_port, struct error *error)
{
    char service[8];
    snprintf(service, sizeof(service), "%d", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(host, service, &hints, &addresses);
    if (failure != 0) {
        error_set(error, "cannot listen on %s:%d: %s", host, port, gai_strerror(failure));
        return -1;
    }
    int fd = bind_and_listen(addresses, reuse_port);
    if (fd < 0) {
        error_set(error, "cannot listen on %s:%d: %s", host, port, strerror(errno));
    }
    freeaddrinfo(addresses);
    return fd;
}

int listener_port(int fd)
{
    struct sockaddr_in6 address = {0}; /* large enough for both families; the port is at the same place in both */
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    return ntohs(address.sin6_port);
}
