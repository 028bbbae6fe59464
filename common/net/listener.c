#include "common/net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int switch_on(int fd, int option)
{
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on));
}

/* The first socket that shares its port asks for that (SO_REUSEPORT) only once it listens, so that its bind fails if
 * anybody else has the port. If it asked before, it would share the port of another process of the same user,
 * unnoticed. */
static int prepare(int fd, const struct addrinfo *address, enum listener_sharing sharing)
{
    if (switch_on(fd, SO_REUSEADDR) != 0 || (sharing == LISTENER_JOINS && switch_on(fd, SO_REUSEPORT) != 0) ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        return -1;
    }
    return sharing == LISTENER_FIRST ? switch_on(fd, SO_REUSEPORT) : 0;
}

static int bind_and_listen(const struct addrinfo *address, enum listener_sharing sharing)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (prepare(fd, address, sharing) != 0) {
        const int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

/* Whether the address is one that this machine has not, or of a family that it has not: then the name's others are
 * tried. */
static bool is_not_of_this_machine(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

static void set_port(struct sockaddr *address, int port)
{
    /* The port is at the same place in both families. */
    ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((in_port_t)port);
}

/* The address without its port, which the ones before have been given already. */
static struct sockaddr_storage without_port(const struct addrinfo *address)
{
    struct sockaddr_storage copy = {0};
    memcpy(&copy, address->ai_addr, address->ai_addrlen);
    set_port((struct sockaddr *)&copy, 0);
    return copy;
}

/* An entry of /etc/hosts may be there twice. */
static bool is_repeated(const struct addrinfo *addresses, const struct addrinfo *address)
{
    const struct sockaddr_storage wanted = without_port(address);
    for (const struct addrinfo *other = addresses; other != address; other = other->ai_next) {
        const struct sockaddr_storage found = without_port(other);
        if (memcmp(&found, &wanted, sizeof(wanted)) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns 0, or -1 with errno set: an address of this machine could not be listened on, or none of them is this
 * machine's. */
static int open_all(struct addrinfo *addresses, int port, enum listener_sharing sharing, struct listeners *listeners)
{
    int first_error = EADDRNOTAVAIL;
    for (struct addrinfo *address = addresses; address != NULL && listeners->count < LISTENERS_MAX;
         address = address->ai_next) {
        if (is_repeated(addresses, address)) {
            continue;
        }
        set_port(address->ai_addr, port);
        const int fd = bind_and_listen(address, sharing);
        if (fd >= 0) {
            listeners->fds[listeners->count++] = fd;
            port = listener_port(fd); /* all listen on the port that the first socket got */
        } else if (is_not_of_this_machine(errno)) {
            first_error = errno;
        } else {
            return -1;
        }
    }
    errno = first_error;
    return listeners->count > 0 ? 0 : -1;
}

int listeners_open(const char *host, int port, enum listener_sharing sharing, struct listeners *ret_listeners,
                   struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    struct listeners listeners = {.count = 0};
    const int failure = getaddrinfo(host, NULL, &hints, &addresses);
    if (failure != 0) {
        error_set(error, "cannot listen on %s:%d: %s", host, port, gai_strerror(failure));
        return -1;
    }
    const int result = open_all(addresses, port, sharing, &listeners);
    if (result != 0) {
        error_set(error, "cannot listen on %s:%d: %s", host, port, strerror(errno));
        listeners_close(&listeners);
    } else {
        *ret_listeners = listeners;
    }
    freeaddrinfo(addresses);
    return result;
}

void listeners_close(struct listeners *listeners)
{
    while (listeners->count > 0) {
        close(listeners->fds[--listeners->count]);
    }
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
