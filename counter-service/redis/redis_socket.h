/* A socket that is connected to Redis: non-blocking, without delay, kept alive. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_SOCKET_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>

#include "common/base/compiler.h"

/* Blocks for timeout_ms at most. Returns the socket, which the caller closes, or -1 with errno. */
int redis_socket_connect(const struct sockaddr *address, socklen_t len, int timeout_ms) MUST_CHECK;

/* Waits for the events of poll(2). Returns 0, or -1 with errno; ETIMEDOUT: it is deadline_us (clock_monotonic_us). */
int redis_socket_wait(int fd, short events, int64_t deadline_us) MUST_CHECK;

#endif
