/* One end of a TLS connection, played by a function of the test on a thread of its own. */
#ifndef TALLY_TESTS_FAKES_TLS_SERVER_H
#define TALLY_TESTS_FAKES_TLS_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/fakes/tls_identity.h"

struct tls_server {
    /* set by the test before the start */
    const char *certificate; /* paths */
    const char *key;
    const char *client_ca;                   /* a certificate of its is demanded from the client; NULL: none */
    int max_version;                         /* TLS1_3_VERSION ...; 0: any */
    void (*play)(struct tls_server *server); /* after a handshake that went well; NULL: closes */
    void *ctx;                               /* of play */
    /* for play */
    SSL *ssl;
    int fd; /* owned by it */
    /* private */
    SSL_CTX *context;
    pthread_t thread;
};

/* Serves the connected socket fd. */
void tls_server_start(struct tls_server *server, int fd);
/* Waits for the end of play. */
void tls_server_join(struct tls_server *server);

/* Writes or reads all of len bytes, or returns false. */
bool tls_server_write(struct tls_server *server, const void *data, size_t len);
bool tls_server_read(struct tls_server *server, void *out, size_t len);

#endif
