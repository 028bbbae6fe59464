#include "counter-service/redis/redis_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

/* A peer that vanished is noticed after this time and three probes. */
enum { KEEP_ALIVE_IDLE_S = 15, KEEP_ALIVE_EVERY_S = 5, KEEP_ALIVE_PROBES = 3 };

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

static int set_up(int fd, int family)
{
    if (family == AF_UNIX) {
        return 0;
    }
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0 && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 &&
                   set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S) == 0 &&
                   set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE_EVERY_S) == 0 &&
                   set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_PROBES) == 0
               ? 0
               : -1;
}

int redis_socket_wait(int fd, short events, int64_t deadline_us)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    for (;;) {
        const int64_t left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        const struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        const int ready = ppoll(&poll_fd, 1, &left, NULL);
        if (ready > 0) {
            return 0;
        }
        if (ready < 0 && errno != EINTR) {
            return -1;
        }
    }
}

/* Waits for the end of a connect that goes on. */
static int finish(int fd, int64_t deadline_us)
{
    int failure = 0;
    socklen_t len = sizeof(failure);
    if (redis_socket_wait(fd, POLLOUT, deadline_us) != 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0) {
        return -1;
    }
    errno = failure;
    return failure == 0 ? 0 : -1;
}

int redis_socket_connect(const struct sockaddr *address, socklen_t len, int timeout_ms)
{
    const int64_t deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int result = set_up(fd, address->sa_family);
    if (result == 0) {
        result = connect(fd, address, len);
    }
    if (result != 0 && errno == EINPROGRESS) {
        result = finish(fd, deadline_us);
    }
    if (result != 0) {
        const int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}
