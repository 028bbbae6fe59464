/* The transport that is TLS 1.2 or later over a socket, by OpenSSL. The server's certificate must be signed by an
 * authority that is trusted, be valid now, and have the server's name (RFC 6125) or IP address. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_TLS_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TRANSPORT_TLS_H

#include "counter-service/redis/redis_transport.h"

/* Reads the files of tls and agrees on TLS, within timeout_ms. fd: connected and non-blocking, owned by the transport,
 * and closed here when that fails. address: what it is connected to. The strings of tls outlive
 * the transport. Returns NULL with error filled: a sentence. */
struct redis_transport *redis_transport_tls_start(int fd, const struct redis_address *address,
                                                  const struct redis_tls *tls, int timeout_ms, struct error *error)
    MUST_CHECK;

#endif
