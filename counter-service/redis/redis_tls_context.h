/* What OpenSSL is told before a connection (whom to trust, what to show, whom to expect), and what a person is told
 * when that was not met. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_CONTEXT_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/redis/redis_tls.h"

/* A new client that has no socket yet, to be freed with SSL_free. name: what the server's certificate must have: a DNS
 * name or an IP address. Returns NULL with error filled: a sentence that names the file. */
SSL *redis_tls_client(const struct redis_tls *tls, const char *name, struct error *error) MUST_CHECK;

/* What is known of a connection when it fails. */
struct redis_tls_state {
    const struct redis_tls *tls;
    const char *name; /* that the server's certificate must have */
    const SSL *ssl;
    bool has_read;         /* bytes of Redis: it is content with the client's certificate */
    int socket_errno;      /* of the last recv or send; 0: it did not fail */
    bool is_at_end;        /* the server has closed */
    bool was_asked;        /* for a certificate, and none was there to be shown */
    bool has_timed_out;    /* nothing else happened */
    unsigned long failure; /* OpenSSL's first error; 0: none */
};

/* Fills error with a part of a sentence that stands behind the server's name and a colon. */
void redis_tls_say(const struct redis_tls_state *state, struct error *error);

#endif
