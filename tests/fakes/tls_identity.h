/* Certificates for a test: an authority, and what it signs, as PEM files in a directory of their own, which the caller
 * removes by tls_identity_free. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_TLS_IDENTITY_H
#define TALLY_TESTS_FAKES_TLS_IDENTITY_H

#include <stdbool.h>

struct tls_identity;

struct tls_identity *tls_identity_create(void);
/* NULL is fine. */
void tls_identity_free(struct tls_identity *identity);

/* Makes NAME.pem and NAME.key, signed by the authority, or replaces them. alternatives: "DNS:redis.test,IP:127.0.0.1".
 * has_expired: an hour ago; otherwise it is valid for an hour. */
void tls_identity_sign(struct tls_identity *identity, const char *name, const char *alternatives, bool has_expired);

/* Paths, valid until tls_identity_free: of the authority's certificate, and of what was signed. */
const char *tls_identity_ca(const struct tls_identity *identity);
/* suffix: "pem" or "key". At most 8 different ones. */
const char *tls_identity_path(struct tls_identity *identity, const char *name, const char *suffix);

#endif
