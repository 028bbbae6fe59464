#include "tests/fakes/tls_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void *run(void *arg)
{
    struct tls_server *server = arg;
    sigset_t pipe; /* OpenSSL's own sockets raise it; the client's must not, whose thread does not block it */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (SSL_accept(server->ssl) == 1 && server->play != NULL) {
        server->play(server);
    }
    SSL_free(server->ssl);
    close(server->fd);
    return NULL;
}

void tls_server_start(struct tls_server *server, int fd)
{
    server->fd = fd;
    server->context = SSL_CTX_new(TLS_server_method());
    assert_non_null(server->context);
    SSL_CTX_set_security_level(server->context, 0); /* so that a test can speak what is too old */
    assert_int_equal(SSL_CTX_use_certificate_chain_file(server->context, server->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(server->context, server->key, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(server->context, server->max_version), 1);
    if (server->client_ca != NULL) {
        assert_int_equal(SSL_CTX_load_verify_file(server->context, server->client_ca), 1);
        SSL_CTX_set_verify(server->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    server->ssl = SSL_new(server->context);
    assert_non_null(server->ssl);
    assert_int_equal(SSL_set_fd(server->ssl, fd), 1);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void tls_server_join(struct tls_server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    SSL_CTX_free(server->context);
}

bool tls_server_write(struct tls_server *server, const void *data, size_t len)
{
    size_t count;
    return SSL_write_ex(server->ssl, data, len, &count) == 1;
}

bool tls_server_read(struct tls_server *server, void *out, size_t len)
{
    size_t count;
    for (size_t have = 0; have < len; have += count) {
        if (SSL_read_ex(server->ssl, (char *)out + have, len - have, &count) != 1) {
            return false;
        }
    }
    return true;
}
