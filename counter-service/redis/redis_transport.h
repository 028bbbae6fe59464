/* Bytes to and from a Redis, over a non-blocking socket. What a connection asks of it are three functions, so that
 * another kind of transport (TLS) is another struct. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

struct redis_transport {
    /* Immutable: the socket, to wait for. Nothing but the transport reads, writes or closes it. */
    int fd;
    /* Returns how many bytes came, 0 at the end of the stream, or -1 with errno; EAGAIN: none is here yet. */
    ssize_t (*read)(struct redis_transport *transport, void *out, size_t room);
    /* Returns how many bytes it took, at least one, or -1 with errno; EAGAIN: it has no room. Of what it did not take
     * no byte can reach Redis. */
    ssize_t (*write)(struct redis_transport *transport, const void *data, size_t len);
    /* Frees it. */
    void (*close)(struct redis_transport *transport);
};

/* Connects over TCP. Blocks for the look-up of the host name, however long the resolver takes, and then for timeout_ms
 * for each of its addresses. Returns NULL with error filled. */
struct redis_transport *redis_transport_connect(const char *host, int port, int timeout_ms, struct error *error)
    MUST_CHECK;

#endif
