#include "counter-service/redis/redis_tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/net/host_port.h"

/* The first of OpenSSL's reasons: the others say what it led to. */
static const char *reason(void)
{
    const unsigned long failure = ERR_peek_error();
    const char *text = ERR_SYSTEM_ERROR(failure) ? strerror(ERR_GET_REASON(failure)) : ERR_reason_error_string(failure);
    return text != NULL ? text : "no reason given";
}

/* Nobody is there to type one. */
static int no_password(char *out, int size, int for_writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)for_writing;
    (void)ctx;
    return -1;
}

static int load_trust(SSL_CTX *context, const struct redis_tls *tls, struct error *error)
{
    if (tls->ca[0] == '\0') {
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            error_set(error, "cannot read the system's authorities: %s", reason());
            return -1;
        }
    } else if (SSL_CTX_load_verify_file(context, tls->ca) != 1) {
        error_set(error, "cannot use redis.tls_ca %s: %s", tls->ca, reason());
        return -1;
    }
    return 0;
}

static int load_identity(SSL_CTX *context, const struct redis_tls *tls, struct error *error)
{
    if (tls->cert[0] == '\0') {
        return 0;
    }
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert) != 1) {
        error_set(error, "cannot use redis.tls_cert %s: %s", tls->cert, reason());
        return -1;
    }
    /* It also compares the two. */
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1) {
        error_set(error, "cannot use redis.tls_key %s: %s", tls->key, reason());
        return -1;
    }
    return 0;
}

/* The name also tells a server that has several certificates which one to show (RFC 6066, section 3). */
static int expect(SSL *ssl, const char *name)
{
    if (host_is_address(name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *redis_tls_client(const struct redis_tls *tls, const char *name, struct error *error)
{
    SSL *ssl = NULL;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        error_set(error, "cannot set up TLS: %s", reason());
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* A write that is called again may have its bytes elsewhere. */
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1); /* one recv for many records */
    if (load_trust(context, tls, error) == 0 && load_identity(context, tls, error) == 0) {
        if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1) {
            ssl = SSL_new(context);
        }
        if (ssl == NULL || expect(ssl, name) != 1) {
            error_set(error, "cannot set up TLS: %s", reason());
            SSL_free(ssl);
            ssl = NULL;
        }
    }
    SSL_CTX_free(context); /* ssl holds it */
    return ssl;
}
