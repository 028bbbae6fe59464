/* Bytes to and from a Redis, over a non-blocking socket. What a connection asks of it are three functions, so that
 * another kind of transport is another struct: redis_transport.c has the plain one, redis_transport_tls.c TLS. Owned by
 * one thread. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_tls.h"

struct redis_transport {
    /* Immutable: the socket, to wait for. Nothing but the transport reads, writes or closes it. */
    int fd;
    /* Events of poll(2) to wait for before read or write is called again after EAGAIN: TLS may have to write in order
     * to read, and the reverse. */
    short read_events;
    short write_events;
    /* There may be bytes inside that the socket tells nothing of: read before waiting. */
    bool holds_unread;
    /* Bytes that write took wait for room in the socket: call it again, with more or with nothing. */
    bool holds_unsent;
    /* Of EPROTO, which is also returned ever after: what went wrong. Valid until close. */
    const char *reason;
    /* Returns how many bytes came, 0 at the end of the stream, or -1 with errno; EAGAIN: none is here yet. */
    ssize_t (*read)(struct redis_transport *transport, void *out, size_t room);
    /* Returns how many bytes it took, at least one of those there are, or -1 with errno; EAGAIN: it has no room. Of
     * what it did not take no byte can reach Redis; what it took may have, even if the next call fails. */
    ssize_t (*write)(struct redis_transport *transport, const void *data, size_t len);
    /* Frees it. */
    void (*close)(struct redis_transport *transport);
};

/* Connects. A name is looked up, however long the resolver takes, and each of its addresses is tried, for timeout_ms,
 * and with TLS for as long again to agree on it. tls: NULL for none; its strings outlive the
 * transport. Returns NULL with error filled: a sentence. */
struct redis_transport *redis_transport_connect(const struct redis_address *address, const struct redis_tls *tls,
                                                int timeout_ms, struct error *error) MUST_CHECK;

#endif
