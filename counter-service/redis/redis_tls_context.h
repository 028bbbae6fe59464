/* What OpenSSL is told before a connection: whom to trust, what to show, whom to expect. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_CONTEXT_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/redis/redis_tls.h"

/* A new client that has no socket yet, to be freed with SSL_free. name: what the server's certificate must have: a DNS
 * name or an IP address. Returns NULL with error filled: a sentence that names the file. */
SSL *redis_tls_client(const struct redis_tls *tls, const char *name, struct error *error) MUST_CHECK;

#endif
